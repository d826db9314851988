// Owns the range of weights that policies accept, and the size of the sets that they choose from.

/// The limits of what a policy is given. Weights are relative: only their ratios count.
///
/// The settings' weights are 0-256; slow start multiplies them by 256 to keep fractions, hence the maximum.
public enum WeightLimit {
    /// The largest weight: 256 × 256. Shares of datacenters use the same whole.
    public static let maximum = 65_536
    /// The most endpoints that one picker can hold; further ones are never picked. `Settings` reports more as an error.
    public static let endpoints = 65_535

    /// `weight` within 0...`maximum`.
    static func clamp(_ weight: Int) -> UInt32 { UInt32(min(max(weight, 0), maximum)) }
}
