// Owns the unit of the weights that policies pick by.

/// Weights as policies take them: the operator's weight (0-256) in parts of 1/256, so that a fraction of weight 1 can
/// be said.
public enum EffectiveWeight {
    /// What the operator's weight 1 is.
    public static let one = 256

    /// The effective weight of an operator's weight that nothing lowers; weights are clamped to 0...256.
    public static func full(_ weight: Int) -> Int { min(max(weight, 0), 256) * one }
}
