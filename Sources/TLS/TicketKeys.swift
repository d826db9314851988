// Owns the keys of session tickets as a value: three of them, how they take turns, and how they are written.
internal import COpenSSL

/// One key: what a ticket is sealed and signed with (RFC 5077 §4), and the name by which a ticket says so.
public struct TicketKey: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
    /// Bytes of a key: 16 of its name, 32 for AES-256 and 32 for HMAC-SHA-256.
    public static let size = 80

    /// Its name, then the key of the cipher, then that of the signature.
    public let bytes: [UInt8]

    /// nil when there are not `size` bytes.
    public init?(bytes: [UInt8]) {
        guard bytes.count == Self.size else { return nil }
        self.bytes = bytes
    }

    /// A key that nobody else has.
    ///
    /// - Throws: when the system has no random bytes.
    public static func random() throws(TLSFailure) -> TicketKey {
        var bytes = [UInt8](repeating: 0, count: size)
        guard mt_random(&bytes, size), let key = TicketKey(bytes: bytes) else {
            throw TLSFailure(.internalError, "no random bytes: \(TLSFailure.lastReason())")
        }
        return key
    }

    /// The name, which is no secret: every ticket shows it.
    public var name: ArraySlice<UInt8> { bytes.prefix(16) }

    /// Without the secret, so that no log has it.
    public var description: String { "ticket key \(TLSHex.text(name.prefix(4)))" }
    public var customMirror: Mirror { Mirror(self, children: ["name": TLSHex.text(name)]) }
}

/// The keys that a group of servers has: tickets are made with the current one and taken with any.
///
/// The next one is known to all before anybody uses it, and the previous one stays known until tickets made with it are
/// over, so a server that hears of a rotation earlier or later than others still takes their tickets, and they its.
public struct TicketKeys: Hashable, Sendable {
    public let previous: TicketKey
    public let current: TicketKey
    public let next: TicketKey

    public init(previous: TicketKey, current: TicketKey, next: TicketKey) {
        self.previous = previous
        self.current = current
        self.next = next
    }

    /// Keys that nobody else has.
    public static func random() throws(TLSFailure) -> TicketKeys {
        TicketKeys(previous: try .random(), current: try .random(), next: try .random())
    }

    /// The keys after a rotation: each takes the place of the one before it, and `fresh` is the next.
    public func rotated(_ fresh: TicketKey) -> TicketKeys {
        TicketKeys(previous: current, current: next, next: fresh)
    }

    /// The key of a ticket, and whether the ticket is to be replaced by one of the current key.
    func key(named name: some Collection<UInt8>) -> (key: TicketKey, isStale: Bool)? {
        if name.elementsEqual(current.name) { return (current, false) }
        if name.elementsEqual(next.name) { return (next, false) }
        return name.elementsEqual(previous.name) ? (previous, true) : nil
    }

    // MARK: The written form

    private static let format: UInt8 = 1
    /// Bytes of the written form.
    public static let size = 1 + 3 * TicketKey.size

    /// The written form: the format (1), then the previous, the current and the next key, 80 bytes each.
    public var bytes: [UInt8] { [Self.format] + previous.bytes + current.bytes + next.bytes }

    /// Reads the written form; nil when it is none.
    public init?(bytes: some Collection<UInt8>) {
        let bytes = Array(bytes)
        guard bytes.count == Self.size, bytes[0] == Self.format else { return nil }
        func key(_ place: Int) -> TicketKey? {
            TicketKey(bytes: Array(bytes[(1 + place * TicketKey.size)...].prefix(TicketKey.size)))
        }
        guard let previous = key(0), let current = key(1), let next = key(2) else { return nil }
        self.init(previous: previous, current: current, next: next)
    }
}
