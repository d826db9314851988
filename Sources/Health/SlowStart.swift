// Owns the ramp of an endpoint's weight after it came up.

public import Topology

/// A straight line from 10 % of the weight at the moment an endpoint came up to all of it at the end of the window.
///
/// It lowers the weight by which policies pick, never what counts as healthy: a datacenter whose endpoints have all
/// just come back is fully healthy.
public enum SlowStart {
    /// Weights change in this many steps over the window, so that tables are not rebuilt for differences that nobody
    /// would notice.
    public static let steps = 20

    /// The effective weight (in parts of 1/256, see `EffectiveWeight`) at `now`.
    ///
    /// - Parameters:
    ///   - full: the operator's weight, 0-256; 0 stays 0, any other gives at least 1.
    ///   - since: when the endpoint came up; nil when it was never seen down, which means no ramp.
    public static func weight(full: Int, since: Tick?, now: Tick, policy: SlowStartPolicy) -> Int {
        let weight = EffectiveWeight.full(full)
        guard weight > 0, let step = step(since: since, now: now, policy: policy) else { return weight }
        // 10 % + 90 % × step / steps, in thousandths.
        return max(1, weight * (100 + 900 * step / steps) / 1000)
    }

    /// When the weight changes next; nil once it is full.
    public static func nextStep(since: Tick?, now: Tick, policy: SlowStartPolicy) -> Tick? {
        guard let since, let step = step(since: since, now: now, policy: policy) else { return nil }
        let window = policy.window.wholeNanoseconds
        // Rounded up: at the instant returned, the step is reached.
        let (quotient, rest) = window.quotientAndRemainder(dividingBy: Int64(steps))
        let next = Int64(step + 1)
        return since + .nanoseconds(quotient * next + (rest * next + Int64(steps) - 1) / Int64(steps))
    }

    /// The step of the ramp at `now`, 0..<steps; nil when there is no ramp or it is over.
    private static func step(since: Tick?, now: Tick, policy: SlowStartPolicy) -> Int? {
        let window = policy.window.wholeNanoseconds
        guard let since, window > 0 else { return nil }
        let (difference, overflow) = now.nanoseconds.subtractingReportingOverflow(since.nanoseconds)
        guard !overflow else { return now < since ? 0 : nil }
        let elapsed = max(difference, 0)
        guard elapsed < window else { return nil }
        return Int(window.dividingFullWidth(elapsed.multipliedFullWidth(by: Int64(steps))).quotient)
    }
}
