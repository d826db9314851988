// Owns the policy `least_requests`: the less busy of two.

public import Topology

/// Power of two choices (Mitzenmacher 2001): draws two endpoints and takes the one with the smaller (in flight + 1) /
/// weight. O(1).
///
/// If both are idle, the first one drawn is taken. Since draws follow the weights, light traffic is split by weight
/// too; the quotient alone would send all of it to the heaviest.
public struct LeastRequests: Sendable {
    @usableFromInline var draw: WeightedDraw

    public init(weights: [Int]) { draw = WeightedDraw(weights: weights) }

    /// - Parameter load: the requests in flight to the endpoint of an index; a negative number counts as 0.
    /// - Returns: an endpoint that is not excluded (excluded ones count again when there is no other); nil when no
    ///   weight is above 0.
    @inlinable
    public func pick(excluding excluded: ExcludedIndices, random: inout RandomBits, load: (Int) -> Int) -> Int? {
        guard let (first, second) = draw.pair(excluding: excluded, random: &random) else { return nil }
        let one = draw.columns[first]
        let other = draw.columns[second]
        let oneLoad = Self.clamp(load(Int(one.index)))
        let otherLoad = Self.clamp(load(Int(other.index)))
        if oneLoad | otherLoad == 0 { return Int(one.index) }
        let oneCost = (oneLoad &+ 1) &* UInt64(other.weight)
        let otherCost = (otherLoad &+ 1) &* UInt64(one.weight)
        return otherCost < oneCost ? Int(other.index) : Int(one.index)
    }

    /// Counters shared by several threads may read slightly below 0, and the products above must not overflow.
    @inlinable
    static func clamp(_ load: Int) -> UInt64 { UInt64(min(max(load, 0), 1 << 40)) }
}
