// Owns the only hash that decisions may rest on: the same bytes give the same value in every process and version.

/// A 64-bit hash of bytes with a fixed seed: FNV-1a over the bytes, finished by the mixer of SplitMix64.
///
/// `Hasher` is seeded at random in each process, so two nodes would map one client to two endpoints. FNV-1a alone is
/// weak in its high bits for short keys; the finisher makes every output bit depend on every input bit.
public struct StableHash: Sendable {
    @usableFromInline var state: UInt64

    /// Starts a hash; different seeds give independent hashes.
    @inlinable
    public init(seed: UInt64 = 0) { state = 0xCBF2_9CE4_8422_2325 ^ Self.mix(seed) }

    /// Adds one byte.
    @inlinable
    public mutating func combine(_ byte: UInt8) { state = (state ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }

    /// Adds bytes.
    @inlinable
    public mutating func combine(_ bytes: Span<UInt8>) {
        for index in bytes.indices { combine(bytes[index]) }
    }

    /// Adds a text's UTF-8 bytes.
    public mutating func combine(_ text: String) {
        for byte in text.utf8 { combine(byte) }
    }

    /// The hash of everything added so far.
    @inlinable
    public var value: UInt64 { Self.mix(state) }

    /// The hash of one text.
    public static func of(_ text: String, seed: UInt64 = 0) -> UInt64 {
        var hash = StableHash(seed: seed)
        hash.combine(text)
        return hash.value
    }

    /// The hash of one list of bytes.
    public static func of(bytes: [UInt8], seed: UInt64 = 0) -> UInt64 {
        var hash = StableHash(seed: seed)
        hash.combine(bytes.span)
        return hash.value
    }

    /// The finisher of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
    @inlinable
    public static func mix(_ input: UInt64) -> UInt64 {
        var bits = input &+ 0x9E37_79B9_7F4A_7C15
        bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        return bits ^ (bits >> 31)
    }
}
