// Owns the wall-clock instant that commands carry, because applying one must not read a clock.

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
}
