// Owns the policy `random`: each pick is an independent draw, in proportion to the weights.

public import Topology

/// Draws by weight. It has no state, so workers need nothing from each other. O(1).
public struct Random: Sendable {
    @usableFromInline var draw: WeightedDraw

    public init(weights: [Int]) { draw = WeightedDraw(weights: weights) }

    /// A random endpoint that is not excluded (excluded ones count again when there is no other); nil when no weight is
    /// above 0.
    @inlinable
    public func pick(excluding excluded: ExcludedIndices, random: inout RandomBits) -> Int? {
        guard let position = draw.one(excluding: excluded, random: &random) else { return nil }
        return draw.index(at: position)
    }
}
