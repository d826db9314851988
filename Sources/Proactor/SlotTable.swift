// Owns the numbers by which completions find their stream or acceptor.

/// Objects with an operation in the kernel, by slot. The table keeps them alive until they are freed.
struct SlotTable {
    struct Entry {
        var object: AnyObject?
        var generation: UInt32
    }

    private(set) var entries: [Entry] = []
    private var free: [UInt32] = []

    /// Whether no slot is in use.
    var isEmpty: Bool { free.count == entries.count }

    /// A slot that nobody uses; fill it at once.
    mutating func reserve() -> UInt32 {
        if let slot = free.popLast() { return slot }
        entries.append(Entry(object: nil, generation: 0))
        return UInt32(entries.count - 1)
    }

    mutating func fill(_ slot: UInt32, _ object: AnyObject) { entries[Int(slot)].object = object }

    mutating func free(_ slot: UInt32) {
        entries[Int(slot)].object = nil
        entries[Int(slot)].generation = (entries[Int(slot)].generation &+ 1) & 0xFF_FFFF
        free.append(slot)
    }

    /// Slot and generation in 56 bits, for a completion to carry.
    @inline(__always)
    func token(_ slot: UInt32) -> UInt64 { UInt64(entries[Int(slot)].generation) << 32 | UInt64(slot) }

    /// The object that a completion's token names; nil when it is gone.
    @inline(__always)
    func object(_ token: UInt64) -> AnyObject? {
        let slot = Int(token & 0xFFFF_FFFF)
        guard slot < entries.count, entries[slot].generation == UInt32(token >> 32) & 0xFF_FFFF else { return nil }
        return entries[slot].object
    }
}
