// Owns when things are due: a hierarchical timing wheel that costs nothing while deadlines only move later.
public import Topology

/// Receives the expiry of a `LoopTimer`.
public protocol TimerHandler: AnyObject {
    /// The timer's deadline has passed. It is not armed any more.
    func timerExpired(_ timer: LoopTimer)
}

/// One deadline on a loop. Moving it later, or off, is a single store: the wheel finds out when the old slot comes up.
public final class LoopTimer {
    /// Held, because a session that outlives its loop still unlinks its timers.
    let wheel: TimerWheel
    /// Whom the expiry is told. Usually the timer's owner, which breaks the cycle with `invalidate()`.
    public private(set) var handler: (any TimerHandler)?
    /// When it is due; `distantFuture` when it is not armed.
    public private(set) var deadline = Tick.distantFuture
    /// The slot's time under which it is linked; 0 when it is not.
    fileprivate var linkedAt: Int64 = 0
    fileprivate var list: Int32 = -1
    // SAFETY: neighbours in a list; a timer unlinks itself in deinit, so neither is ever gone.
    fileprivate unowned(unsafe) var next: LoopTimer?
    fileprivate unowned(unsafe) var previous: LoopTimer?

    fileprivate init(wheel: TimerWheel, handler: any TimerHandler) {
        self.wheel = wheel
        self.handler = handler
    }

    deinit { if list >= 0 { wheel.unlink(self) } }

    /// Arms the timer for `deadline`, or moves it there.
    @inline(__always)
    public func set(_ deadline: Tick) {
        self.deadline = deadline
        if list < 0 || deadline.nanoseconds < linkedAt { wheel.link(self) }
    }

    /// Disarms the timer.
    @inline(__always)
    public func cancel() { deadline = .distantFuture }

    /// Disarms the timer for good and lets go of its handler.
    public func invalidate() {
        cancel()
        if list >= 0 { wheel.unlink(self) }
        handler = nil
    }
}

/// Three wheels of 256 slots: of 4 ms, 1.07 s and 275 s. A deadline further off waits in the last slot and goes round again.
final class TimerWheel {
    private static let slotBits = 8
    private static let slots = 1 << slotBits
    private static let levels = 3
    /// 2^22 ns = 4.19 ms: the resolution of every timer.
    private static let resolutionBits = 22

    // SAFETY: the lists are intrusive and unowned: a timer unlinks itself before it goes.
    private struct Head { unowned(unsafe) var first: LoopTimer? }
    private var heads = [Head](repeating: Head(first: nil), count: levels * slots)
    private var counts = (0, 0, 0)
    /// The slots of the first wheel that hold timers, a bit each: every turn asks for the next of them.
    private var occupied = SIMD4<UInt64>.zero
    private var cursor: Int64
    /// Timers that were touched because their slot came up; tests see by it what a turn costs.
    private(set) var visited = 0

    init(now: Tick) { cursor = now.nanoseconds >> Self.resolutionBits }

    func makeTimer(_ handler: any TimerHandler) -> LoopTimer { LoopTimer(wheel: self, handler: handler) }

    fileprivate func link(_ timer: LoopTimer) {
        if timer.list >= 0 { unlink(timer) }
        guard timer.deadline != .distantFuture else { return }
        // Rounded up: a timer is never early.
        let due = max((timer.deadline.nanoseconds - 1) >> Self.resolutionBits + 1, cursor + 1)
        let distance = due - cursor
        let level = distance < 256 ? 0 : (distance < 256 << 8 ? 1 : 2)
        let clamped = min(due, cursor + (255 << 16))
        let slot = Int(clamped >> Int64(level * Self.slotBits)) & (Self.slots - 1)
        let list = level * Self.slots + slot
        timer.linkedAt = clamped << Self.resolutionBits
        timer.list = Int32(list)
        timer.previous = nil
        timer.next = heads[list].first
        timer.next?.previous = timer
        heads[list].first = timer
        count(level, 1)
        if level == 0 { occupied[slot >> 6] |= 1 << UInt64(slot & 63) }
    }

    fileprivate func unlink(_ timer: LoopTimer) {
        let list = Int(timer.list)
        if let previous = timer.previous { previous.next = timer.next } else { heads[list].first = timer.next }
        timer.next?.previous = timer.previous
        timer.next = nil
        timer.previous = nil
        timer.list = -1
        count(list >> Self.slotBits, -1)
        if list < Self.slots, heads[list].first == nil { occupied[list >> 6] &= ~(1 << UInt64(list & 63)) }
    }

    private func count(_ level: Int, _ change: Int) {
        switch level {
        case 0: counts.0 += change
        case 1: counts.1 += change
        default: counts.2 += change
        }
    }

    /// Slots from the cursor to the next one of the first wheel that holds a timer, 1...256; nil: none does.
    private func nextOccupied() -> Int64? {
        guard counts.0 > 0 else { return nil }
        let start = Int(cursor + 1) & 255
        var word = start >> 6
        var bits = occupied[word] & (UInt64.max << UInt64(start & 63))
        // The first word is looked at again in the end, for the bits below the start.
        for _ in 0...4 {
            if bits != 0 {
                let slot = word << 6 | bits.trailingZeroBitCount
                return Int64((slot - start) & 255) + 1
            }
            word = (word + 1) & 3
            bits = occupied[word]
        }
        return nil
    }

    /// Time until something may be due: exact to a slot of the first wheel, else until the next slot of the second.
    ///
    /// - Returns: nanoseconds, or nil when no timer is linked.
    func wait(from now: Tick) -> Int64? {
        guard counts.0 + counts.1 + counts.2 > 0 else { return nil }
        var target = (cursor | Int64(Self.slots - 1)) + 1
        if let step = nextOccupied() {
            target = counts.1 + counts.2 > 0 ? min(target, cursor + step) : cursor + step
        }
        return max(0, target << Self.resolutionBits - now.nanoseconds)
    }

    /// Fires what is due at `now`.
    func advance(to now: Tick) {
        let target = now.nanoseconds >> Self.resolutionBits
        guard target > cursor else { return }
        if counts.0 + counts.1 + counts.2 == 0 {
            cursor = target
            return
        }
        while cursor < target {
            cursor += 1
            if cursor & 255 == 0 {
                if (cursor >> 8) & 255 == 0 { expire(list: 512 + Int((cursor >> 16) & 255), now: now) }
                expire(list: 256 + Int((cursor >> 8) & 255), now: now)
            }
            expire(list: Int(cursor & 255), now: now)
        }
    }

    /// Invalidates every linked timer: for the end of the loop.
    func invalidateAll() {
        for list in heads.indices { while let timer = heads[list].first { timer.invalidate() } }
    }

    /// Empties one slot: what is due fires, what was moved later or waits for a finer wheel is linked anew.
    private func expire(list: Int, now: Tick) {
        var detached: [LoopTimer] = []
        while let timer = heads[list].first {
            unlink(timer)
            detached.append(timer)
        }
        visited += detached.count
        for timer in detached {
            guard timer.list < 0 else { continue }
            if timer.deadline <= now {
                timer.cancel()
                timer.handler?.timerExpired(timer)
            } else {
                link(timer)
            }
        }
    }
}
