// Owns what a client keeps of earlier connections to resume them.
internal import COpenSSL

/// What servers gave to resume connections by: for each endpoint and name the newest. Belongs to one thread.
///
/// A session of TLS 1.3 is used more than once: who watches can tell that two connections of a proxy to its backend are of
/// one client, which they know anyway (RFC 8446 §C.4).
public final class TLSSessionCache {
    struct Key: Hashable {
        /// By its number, so that what was verified by other settings is not taken.
        let context: UInt64
        let endpoint: String
        let host: String?
    }

    private struct Entry {
        let handle: OpaquePointer
        /// The place in `order`, by which a newer one is told from an older.
        let number: UInt64
    }

    private let limit: Int
    // Looked up only, never gone through but to free all.
    private var entries: [Key: Entry] = [:]
    private var order: [(key: Key, number: UInt64)] = []
    private var last: UInt64 = 0

    /// - Parameter limit: how many it keeps; over that the oldest go. Each takes some 1 to 4 KB.
    public init(limit: Int = 1_024) { self.limit = max(1, limit) }

    deinit { for entry in entries.values { mt_resumption_free(entry.handle) } }

    /// How many it has.
    public var count: Int { entries.count }

    // SAFETY: here and below: the cache frees each handle once, when it is replaced, dropped or the cache goes; OpenSSL
    // counts its own references.
    func keep(_ handle: OpaquePointer, for key: Key) {
        last += 1
        if let old = entries.updateValue(Entry(handle: handle, number: last), forKey: key) {
            mt_resumption_free(old.handle)
        }
        order.append((key, last))
        if order.count > 2 * limit { order.removeAll { entries[$0.key]?.number != $0.number } }
        while entries.count > limit, !order.isEmpty {
            let oldest = order.removeFirst()
            if entries[oldest.key]?.number == oldest.number { drop(oldest.key) }
        }
    }

    /// What there is to resume; nil: nothing, or it has expired.
    func find(_ key: Key) -> OpaquePointer? {
        guard let entry = entries[key] else { return nil }
        guard mt_resumption_is_good(entry.handle) else {
            drop(key)
            return nil
        }
        return entry.handle
    }

    /// Forgets what did not work.
    func drop(_ key: Key) {
        if let entry = entries.removeValue(forKey: key) { mt_resumption_free(entry.handle) }
    }
}
