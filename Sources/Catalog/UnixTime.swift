// Owns the wall-clock instant that commands carry, because applying one must not read a clock.
internal import Topology

/// A wall-clock instant: milliseconds since 1970-01-01 UTC, as the proposer's clock showed it.
public struct UnixTime: Hashable, Comparable, Sendable {
    /// Milliseconds since 1970-01-01 00:00 UTC.
    public var milliseconds: Int64

    public init(milliseconds: Int64) { self.milliseconds = milliseconds }

    public static func < (left: UnixTime, right: UnixTime) -> Bool { left.milliseconds < right.milliseconds }

    /// The instant `milliseconds` earlier, at the lower end of the range when that does not fit.
    func earlier(byMilliseconds milliseconds: Int64) -> UnixTime {
        let (difference, overflow) = self.milliseconds.subtractingReportingOverflow(milliseconds)
        return UnixTime(milliseconds: overflow ? .min : difference)
    }

    /// The instant `duration` later, in whole milliseconds, at the upper end of the range when that does not fit.
    public func later(by duration: Duration) -> UnixTime {
        let (sum, overflow) = milliseconds.addingReportingOverflow(duration.wholeNanoseconds / 1_000_000)
        return UnixTime(milliseconds: overflow ? (duration < .zero ? .min : .max) : sum)
    }

    /// The time from `earlier` to `later`; negative when they are the other way round.
    public static func - (later: UnixTime, earlier: UnixTime) -> Duration {
        .milliseconds(later.milliseconds) - .milliseconds(earlier.milliseconds)
    }
}
