// Owns the monotonic instant that every pure core takes as its time.

/// A monotonic instant, in nanoseconds since an origin that only the shell knows (CLOCK_MONOTONIC or CLOCK_BOOTTIME).
///
/// Pure cores never read a clock: each event carries the tick at which it happened.
public struct Tick: Hashable, Comparable, Sendable {
    /// Nanoseconds since the clock's origin.
    public var nanoseconds: Int64

    /// The clock's origin.
    public static let zero = Tick(nanoseconds: 0)
    /// Later than any tick a clock returns; "never" as a deadline.
    public static let distantFuture = Tick(nanoseconds: .max)

    @inlinable
    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    @inlinable
    public static func < (left: Tick, right: Tick) -> Bool { left.nanoseconds < right.nanoseconds }

    /// The instant `duration` later; `distantFuture` when that does not fit.
    @inlinable
    public static func + (tick: Tick, duration: Duration) -> Tick {
        let (sum, overflow) = tick.nanoseconds.addingReportingOverflow(duration.wholeNanoseconds)
        return overflow ? .distantFuture : Tick(nanoseconds: sum)
    }

    /// The instant `count` nanoseconds later, without the 128-bit arithmetic of `Duration`: for the path of a request.
    @inlinable @inline(__always)
    public func adding(nanoseconds count: Int64) -> Tick { Tick(nanoseconds: nanoseconds &+ count) }

    /// Nanoseconds from `earlier` to this instant.
    @inlinable @inline(__always)
    public func nanoseconds(since earlier: Tick) -> Int64 { nanoseconds &- earlier.nanoseconds }

    /// The time from `earlier` to `later`; negative when they are the other way round.
    @inlinable
    public static func - (later: Tick, earlier: Tick) -> Duration {
        .nanoseconds(later.nanoseconds &- earlier.nanoseconds)
    }
}

extension Duration {
    /// The duration in nanoseconds, rounded towards zero and clamped to what 64 bits hold (292 years).
    @inlinable
    public var wholeNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        if overflow { return seconds < 0 ? .min : .max }
        let (sum, carry) = scaled.addingReportingOverflow(attoseconds / 1_000_000_000)
        return carry ? (seconds < 0 ? .min : .max) : sum
    }
}
