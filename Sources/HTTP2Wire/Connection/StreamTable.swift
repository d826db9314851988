// Owns the streams of a connection: as many as the limit allows, found by identifier or by handle.

/// The open streams. Its memory grows with how many there are at once.
struct StreamTable: Sendable {
    private(set) var slots: [H2Stream] = []
    private var free: [Int] = []
    private(set) var count = 0
    /// By the low bits of an identifier: the slot where it may be.
    private var hints = [UInt16](repeating: 0, count: 32)

    /// Positions that may be used; those that are free have the identifier zero.
    var capacity: Int { slots.count }

    @inline(__always)
    private func hint(_ id: UInt32) -> Int { Int(id >> 1) & (hints.count - 1) }

    /// Opens a stream.
    mutating func insert(_ stream: H2Stream) -> StreamHandle {
        let slot: Int
        if let last = free.popLast() {
            slot = last
            slots[slot] = stream
        } else {
            slot = slots.count
            slots.append(stream)
            if slots.count > hints.count, hints.count < 1024 {
                hints = [UInt16](repeating: 0, count: hints.count * 4)
                for (index, other) in slots.enumerated() { hints[hint(other.id)] = UInt16(truncatingIfNeeded: index) }
            }
        }
        count += 1
        hints[hint(stream.id)] = UInt16(truncatingIfNeeded: slot)
        return StreamHandle(id: stream.id, slot: slot)
    }

    /// The open stream of an identifier. O(1) when few came between; else O(streams).
    func find(_ id: UInt32) -> StreamHandle? {
        guard count > 0 else { return nil }
        let slot = Int(hints[hint(id)])
        if slot < slots.count, slots[slot].id == id { return StreamHandle(id: id, slot: slot) }
        for index in 0..<slots.count where slots[index].id == id { return StreamHandle(id: id, slot: index) }
        return nil
    }

    /// Whether a handle's stream is still open.
    @inline(__always)
    func holds(_ handle: StreamHandle) -> Bool {
        handle.slot < slots.count && slots[handle.slot].id == handle.id
    }

    /// The stream of a handle that is held.
    subscript(handle: StreamHandle) -> H2Stream {
        @inline(__always) get { slots[handle.slot] }
        @inline(__always) _modify { yield &slots[handle.slot] }
    }

    /// The handle of a position; nil when it is free.
    func handle(at slot: Int) -> StreamHandle? {
        slots[slot].id == 0 ? nil : StreamHandle(id: slots[slot].id, slot: slot)
    }

    mutating func remove(_ handle: StreamHandle) {
        slots[handle.slot].id = 0
        free.append(handle.slot)
        count -= 1
    }
}

/// How a stream that is over came to its end, as far as it is remembered.
enum StreamEnd: UInt8, Sendable {
    /// We reset it: frames that were under way then are passed over.
    case resetHere
    case resetByPeer
    /// Both sides ended it.
    case ended
}

/// The ends of the last streams. Those that were reset here are remembered longest, since frames for them are right.
struct ClosedStreams: Sendable {
    private var resets: [UInt32] = []
    private var others: [UInt64] = []
    private var nextReset = 0
    private var nextOther = 0

    private static let mostResets = 128
    private static let mostOthers = 32

    mutating func note(_ id: UInt32, _ end: StreamEnd) {
        if end == .resetHere {
            if resets.count < Self.mostResets { resets.append(id) } else { resets[nextReset] = id }
            nextReset = (nextReset + 1) % Self.mostResets
        } else {
            let entry = UInt64(id) << 8 | UInt64(end.rawValue)
            if others.count < Self.mostOthers { others.append(entry) } else { others[nextOther] = entry }
            nextOther = (nextOther + 1) % Self.mostOthers
        }
    }

    func find(_ id: UInt32) -> StreamEnd? {
        if resets.contains(id) { return .resetHere }
        guard let entry = others.first(where: { $0 >> 8 == UInt64(id) }) else { return nil }
        return StreamEnd(rawValue: UInt8(truncatingIfNeeded: entry))
    }
}
