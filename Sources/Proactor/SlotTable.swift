// Owns the numbers by which completions find their stream or acceptor.

/// Objects with an operation in the kernel, by slot. The table keeps them alive until the end of the turn in which they
/// are freed, so that a completion can be told to its object without counting a reference.
final class SlotTable {
    private struct Entry {
        // SAFETY: retained by `fill`, released by `bury`.
        var object: Unmanaged<AnyObject>?
        var generation: UInt32
    }

    private var entries: [Entry] = []
    private var free: [UInt32] = []
    /// Freed in this turn; somebody further up the stack may be at work in one of them.
    private var departed: [Unmanaged<AnyObject>] = []
    /// The memory of the list before the present one.
    private var spareDeparted: [Unmanaged<AnyObject>] = []

    deinit {
        bury()
        for entry in entries { entry.object?.release() }
    }

    /// Whether no slot is in use.
    var isEmpty: Bool { free.count == entries.count }

    /// What the slots hold.
    var objects: [AnyObject] { entries.compactMap { $0.object?.takeUnretainedValue() } }

    /// A slot that nobody uses; fill it at once.
    func reserve() -> UInt32 {
        if let slot = free.popLast() { return slot }
        entries.append(Entry(object: nil, generation: 0))
        return UInt32(entries.count - 1)
    }

    func fill(_ slot: UInt32, _ object: AnyObject) { entries[Int(slot)].object = .passRetained(object) }

    /// Forgets the slot's object, which lives until `bury`.
    func free(_ slot: UInt32) {
        if let object = entries[Int(slot)].object { departed.append(object) }
        entries[Int(slot)].object = nil
        entries[Int(slot)].generation = (entries[Int(slot)].generation &+ 1) & 0xFF_FFFF
        free.append(slot)
    }

    /// Keeps an object alive until `bury`, because somebody further up the stack may be at work in it.
    func keepUntilTurnEnds(_ object: AnyObject) { departed.append(.passRetained(object)) }

    /// Lets go of what was freed. For the end of a turn, when no completion is being told.
    @inline(__always)
    func bury() {
        guard !departed.isEmpty else { return }
        swap(&departed, &spareDeparted)
        for index in spareDeparted.indices { spareDeparted[index].release() }
        spareDeparted.removeAll(keepingCapacity: true)
    }

    /// Slot and generation in 56 bits, for a completion to carry.
    @inline(__always)
    func token(_ slot: UInt32) -> UInt64 { UInt64(entries[Int(slot)].generation) << 32 | UInt64(slot) }

    /// The object that a completion's token names; nil when it is gone. Valid until the end of the turn.
    // SAFETY: what is freed meanwhile is only released by `bury`.
    @inline(__always)
    func object(_ token: UInt64) -> Unmanaged<AnyObject>? {
        let slot = Int(token & 0xFFFF_FFFF)
        guard slot < entries.count, entries[slot].generation == UInt32(token >> 32) & 0xFF_FFFF else { return nil }
        return entries[slot].object
    }

    /// Calls `work` with the stream of a token, if it is still there.
    @inline(__always)
    func withStream(_ token: UInt64, _ work: (Stream) -> Void) {
        guard let object = object(token) else { return }
        // SAFETY: a token carries the kind of what its slot holds, and the object lives until the turn's end.
        Unmanaged<Stream>.fromOpaque(object.toOpaque())._withUnsafeGuaranteedRef(work)
    }

    /// Calls `work` with the acceptor of a token, if it is still there.
    func withAcceptor(_ token: UInt64, _ work: (Acceptor) -> Void) {
        guard let object = object(token) else { return }
        // SAFETY: as above.
        Unmanaged<Acceptor>.fromOpaque(object.toOpaque())._withUnsafeGuaranteedRef(work)
    }
}
