// Owns the source of random bits that shells seed and pure cores take as a parameter.

/// A small, fast pseudo-random generator (SplitMix64). Not for secrets.
///
/// The shell seeds it from the system once; a simulation seeds it with its own seed, and replays.
public struct RandomBits: RandomNumberGenerator, Sendable {
    @usableFromInline var state: UInt64

    /// A generator whose whole sequence follows from `seed`.
    @inlinable
    public init(seed: UInt64) { state = seed }

    /// The next 64 random bits.
    @inlinable
    public mutating func next() -> UInt64 {
        defer { state &+= 0x9E37_79B9_7F4A_7C15 }
        return StableHash.mix(state)
    }

    /// A number in `0..<bound` (0 when `bound` is 0), by multiply-shift: biased by less than bound / 2^32.
    @inlinable
    public mutating func below(_ bound: Int) -> Int {
        guard bound > 0 else { return 0 }
        return Int(truncatingIfNeeded: ((next() >> 32) &* UInt64(UInt32(truncatingIfNeeded: bound))) >> 32)
    }

    /// A number in `0..<1`, of 53 random bits.
    @inlinable
    public mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }
}
