// Owns the wall clock of a loop.
internal import CLinux
internal import Topology

/// The wall clock's second. The clock is read at most every 10 ms of the loop's time, which nobody sees in a date.
struct WallClock {
    private var readAt = Tick.zero
    private var second: Int64 = 0

    mutating func seconds(now: Tick) -> Int64 {
        if now.nanoseconds(since: readAt) >= 10_000_000 || readAt == .zero {
            readAt = now
            second = ml_wall_seconds()
        }
        return second
    }
}
