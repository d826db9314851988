// Owns the ticket keys that all servers of the process use at the moment.
internal import COpenSSL
internal import Synchronization

/// The keys in use, shared by contexts on all threads and replaced at once.
///
/// Contexts that share a ring take each other's tickets, as far as they ask the same of clients.
public final class TicketKeyRing: Sendable {
    private let held: Mutex<TicketKeys>

    public init(_ keys: TicketKeys) { held = Mutex(keys) }

    /// The keys; tickets are made with a new value's current key from then on.
    public var keys: TicketKeys {
        get { held.withLock { $0 } }
        set { held.withLock { $0 = newValue } }
    }

    /// How long a ticket is good: no longer than its key is known after the rotation that follows it, if the keys are
    /// rotated every 12 h.
    public static let lifetime = Duration.seconds(12 * 3_600)

    /// Answers OpenSSL's question: 0: no such key, 1: the key, 2: the key of a ticket that is to be replaced.
    func answer(_ name: [UInt8]?, _ answer: inout mt_ticket_key) -> Int32 {
        let keys = keys
        guard let name else {
            answer.set(keys.current)
            return 1
        }
        guard let found = keys.key(named: name) else { return 0 }
        answer.set(found.key)
        return found.isStale ? 2 : 1
    }
}

extension mt_ticket_key {
    fileprivate mutating func set(_ key: TicketKey) {
        // SAFETY: the structure is its three arrays of bytes, 80 in all, which is what a key has.
        withUnsafeMutableBytes(of: &self) { $0.copyBytes(from: key.bytes.prefix($0.count)) }
    }
}
