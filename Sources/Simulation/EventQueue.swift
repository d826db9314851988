// Owns the order of events in a simulated world: by time and, at the same time, in the order of planning.
internal import Topology

/// Planned events by time. Adding and taking cost the logarithm of the number of planned events.
struct EventQueue<Happening: Sendable>: Sendable {
    private struct Key: Sendable {
        var at: Tick
        var order: UInt64
        var slot: Int

        @inline(__always)
        func isBefore(_ other: Key) -> Bool { at == other.at ? order < other.order : at < other.at }
    }

    /// A binary heap of small keys. The events wait in slots of their own, so that moving keys copies nothing large.
    private var heap: [Key] = []
    private var slots: [Happening?] = []
    private var free: [Int] = []
    private var planned: UInt64 = 0

    var count: Int { heap.count }

    /// Plans an event. Of two events at the same instant the one that was planned first happens first.
    mutating func add(_ happening: Happening, at: Tick) {
        let slot: Int
        if let reused = free.popLast() {
            slot = reused
            slots[slot] = happening
        } else {
            slot = slots.count
            slots.append(happening)
        }
        planned += 1
        heap.append(Key(at: at, order: planned, slot: slot))
        rise(from: heap.count - 1)
    }

    /// Takes the next event; nil when nothing is planned.
    mutating func next() -> (at: Tick, happening: Happening)? {
        guard let first = heap.first, let last = heap.popLast() else { return nil }
        if !heap.isEmpty {
            heap[0] = last
            sink()
        }
        guard let happening = slots[first.slot] else { return nil }
        slots[first.slot] = nil
        free.append(first.slot)
        return (first.at, happening)
    }

    private mutating func rise(from start: Int) {
        var place = start
        while place > 0 {
            let parent = (place - 1) / 2
            guard heap[place].isBefore(heap[parent]) else { return }
            heap.swapAt(place, parent)
            place = parent
        }
    }

    private mutating func sink() {
        var place = 0
        while true {
            var least = place
            for child in [2 * place + 1, 2 * place + 2] where child < heap.count {
                if heap[child].isBefore(heap[least]) { least = child }
            }
            if least == place { return }
            heap.swapAt(place, least)
            place = least
        }
    }
}
