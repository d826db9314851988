// Owns the policy `peak_ewma`: of two endpoints, the one that is likely to answer first.

public import Topology

/// Power of two choices on latency × (in flight + 1) / weight, where latency is an average that jumps to a higher
/// sample at once and decays with time. O(1).
///
/// An estimate halves every `halfLife` without a sample, so that an endpoint that was slow is tried again. One without
/// an estimate is tried when idle and avoided while its first answer is outstanding. A weight of 2 counts as twice as
/// fast; the split does not follow weights otherwise. The idea is Finagle's.
public struct PeakEWMA: Sendable {
    /// The time in which an old sample loses half of its weight.
    public static let halfLife = Duration.seconds(5)

    @usableFromInline static let halfLifeNanoseconds: Int64 = 5_000_000_000
    /// The latency that counts for an endpoint without an estimate while a request is in flight: an hour, worse than
    /// any real one.
    @usableFromInline static let penalty = 3.6e12

    @usableFromInline
    struct Estimate: Sendable {
        /// Latency at `at`, in nanoseconds; 0: unknown.
        @usableFromInline var nanoseconds: Double
        @usableFromInline var at: Int64
    }

    @usableFromInline var draw: WeightedDraw
    /// By index, not by position: an endpoint keeps its estimate while its weight is 0.
    @usableFromInline var estimates: [Estimate]

    public init(weights: [Int]) {
        draw = WeightedDraw(weights: weights)
        estimates = Array(repeating: Estimate(nanoseconds: 0, at: 0), count: weights.count)
    }

    /// - Parameter load: the requests in flight to the endpoint of an index; a negative number counts as 0.
    /// - Returns: an endpoint that is not excluded (excluded ones count again when there is no other); nil when no
    ///   weight is above 0.
    @inlinable
    public func pick(
        excluding excluded: ExcludedIndices, now: Tick, random: inout RandomBits, load: (Int) -> Int
    ) -> Int? {
        guard let (first, second) = draw.pair(excluding: excluded, random: &random) else { return nil }
        let one = draw.columns[first]
        let other = draw.columns[second]
        let oneCost = cost(Int(one.index), load: load(Int(one.index)), now: now) * Double(other.weight)
        let otherCost = cost(Int(other.index), load: load(Int(other.index)), now: now) * Double(one.weight)
        return otherCost < oneCost ? Int(other.index) : Int(one.index)
    }

    @inlinable
    func cost(_ index: Int, load: Int, now: Tick) -> Double {
        let load = Double(max(load, 0))
        let estimate = estimates[index]
        let latency = estimate.nanoseconds * Self.remainder(after: now.nanoseconds &- estimate.at)
        return latency < 1 ? load * Self.penalty : latency * (load + 1)
    }

    /// What remains of 1 after a time: exact at whole half-lives, linear between them (at most 6.1 % above the
    /// exponential).
    @inlinable
    static func remainder(after nanoseconds: Int64) -> Double {
        guard nanoseconds > 0 else { return 1 }
        let halves = nanoseconds / halfLifeNanoseconds
        guard halves < 62 else { return 0 }
        let rest = Double(nanoseconds - halves * halfLifeNanoseconds) / Double(halfLifeNanoseconds)
        return (1 - rest / 2) / Double(Int64(1) << halves)
    }

    /// Takes in the time from a request's last byte sent to its answer's first byte. Ignores an index out of range.
    @inlinable
    public mutating func observe(_ index: Int, latency: Duration, now: Tick) {
        guard estimates.indices.contains(index) else { return }
        let sample = Double(max(latency.wholeNanoseconds, 1))
        let old = estimates[index]
        var value = sample
        if sample < old.nanoseconds {
            let kept = Self.remainder(after: now.nanoseconds &- old.at)
            value = old.nanoseconds * kept + sample * (1 - kept)
        }
        estimates[index].nanoseconds = value
        estimates[index].at = max(now.nanoseconds, old.at)
    }

    /// The estimate of an endpoint's latency at `now`; nil when there is none or it was forgotten.
    public func latency(_ index: Int, now: Tick) -> Duration? {
        guard estimates.indices.contains(index) else { return nil }
        let value = estimates[index].nanoseconds * Self.remainder(after: now.nanoseconds &- estimates[index].at)
        return value < 1 ? nil : .nanoseconds(Int64(min(value, 9e18)))
    }

    /// Keeps the estimates of the endpoints that are still there.
    mutating func resume(_ old: PeakEWMA, _ renumbering: Renumbering) {
        for (index, estimate) in old.estimates.enumerated() {
            if let place = renumbering.newIndex(index), place < estimates.count { estimates[place] = estimate }
        }
    }
}
