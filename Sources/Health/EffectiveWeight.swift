// Owns the unit of the weights that policies pick by.

/// Weights as policies use them: the operator's weight (0-256) in units of 1/256, so that there can be fractions of
/// weight 1.
public enum EffectiveWeight {
    /// The operator's weight 1.
    public static let one = 256

    /// The effective weight of an operator's weight that nothing lowers; weights are clamped to 0...256.
    public static func full(_ weight: Int) -> Int { min(max(weight, 0), 256) * one }
}
