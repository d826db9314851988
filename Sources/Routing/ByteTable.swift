// Owns the hash table from byte strings to numbers in which parts of requests are looked up.
internal import Topology

/// An open-addressing table, built once. Keys are bytes in a *space*, so that one table serves several sets of keys.
///
/// Not a `Dictionary`, whose keys would have to be strings or arrays, which are not made for a request.
struct ByteTable: Sendable {
    private struct Slot: Sendable {
        var hash: UInt64 = 0
        var space: UInt32 = 0
        /// -1: free.
        var value: Int32 = -1
        var start: Int32 = 0
        var length: Int32 = 0
    }

    private var slots = [Slot](repeating: Slot(), count: 8)
    private var count = 0
    private var text: [UInt8] = []

    var isEmpty: Bool { count == 0 }

    /// The value of `key`; nil when there is none. `hash` is the hash of the key's bytes, in the order in which the
    /// table hashes.
    func value(of key: Span<UInt8>, hash: UInt64, in space: UInt32, _ compares: ByteComparison) -> Int? {
        let hash = Self.slotHash(hash, space)
        var position = Int(truncatingIfNeeded: hash) & (slots.count - 1)
        while true {
            let slot = slots[position]
            if slot.value < 0 { return nil }
            if slot.hash == hash, slot.space == space, Int(slot.length) == key.count, equals(slot, key, compares) {
                return Int(slot.value)
            }
            position = (position + 1) & (slots.count - 1)
        }
    }

    /// Adds a key that is not in the table yet.
    mutating func insert(_ key: [UInt8], hash: UInt64, in space: UInt32, value: Int) {
        if (count + 1) * 2 > slots.count { grow() }
        let slot = Slot(
            hash: Self.slotHash(hash, space), space: space, value: Int32(value), start: Int32(text.count),
            length: Int32(key.count))
        text += key
        place(slot)
        count += 1
    }

    private mutating func place(_ slot: Slot) {
        var position = Int(truncatingIfNeeded: slot.hash) & (slots.count - 1)
        while slots[position].value >= 0 { position = (position + 1) & (slots.count - 1) }
        slots[position] = slot
    }

    private mutating func grow() {
        let old = slots
        slots = [Slot](repeating: Slot(), count: old.count * 2)
        for slot in old where slot.value >= 0 { place(slot) }
    }

    private static func slotHash(_ hash: UInt64, _ space: UInt32) -> UInt64 { StableHash.mix(hash ^ UInt64(space)) }

    private func equals(_ slot: Slot, _ key: Span<UInt8>, _ comparison: ByteComparison) -> Bool {
        let start = Int(slot.start)
        for index in 0..<key.count {
            let byte = comparison == .exact ? key[index] : key[index].lowercased
            if text[start + index] != byte { return false }
        }
        return true
    }
}

/// How a key is compared with the table's keys, which are in lower case if case does not matter.
enum ByteComparison: Sendable { case exact, ignoringCase }

extension UInt8 {
    /// The byte, with ASCII capitals turned into small letters.
    var lowercased: UInt8 { self &- 0x41 < 26 ? self | 0x20 : self }
}
