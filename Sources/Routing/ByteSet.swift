// Owns a set of byte values.

/// A set of byte values, as 256 bits.
struct ByteSet: Sendable {
    private var low: (UInt64, UInt64) = (0, 0)
    private var high: (UInt64, UInt64) = (0, 0)

    static let all = ByteSet(0...255)
    static let digits = ByteSet(0x30...0x39)
    static let word: ByteSet = {
        var set = digits.union(ByteSet(0x41...0x5A)).union(ByteSet(0x61...0x7A))
        set.insert(0x5F)
        return set
    }()
    /// What RE2 calls `\s`: tab, line feed, form feed, carriage return, space.
    static let space: ByteSet = {
        var set = ByteSet(0x09...0x0A).union(ByteSet(0x0C...0x0D))
        set.insert(0x20)
        return set
    }()

    init() {}

    init(_ range: ClosedRange<UInt8>) {
        for byte in range { insert(byte) }
    }

    init(_ byte: UInt8) { insert(byte) }

    var inverted: ByteSet {
        var set = self
        set.low = (~low.0, ~low.1)
        set.high = (~high.0, ~high.1)
        return set
    }

    func union(_ other: ByteSet) -> ByteSet {
        var set = self
        set.low = (low.0 | other.low.0, low.1 | other.low.1)
        set.high = (high.0 | other.high.0, high.1 | other.high.1)
        return set
    }

    mutating func insert(_ byte: UInt8) {
        let bit = UInt64(1) << (byte & 63)
        switch byte >> 6 {
        case 0: low.0 |= bit
        case 1: low.1 |= bit
        case 2: high.0 |= bit
        default: high.1 |= bit
        }
    }

    func contains(_ byte: UInt8) -> Bool {
        let bit = UInt64(1) << (byte & 63)
        return switch byte >> 6 {
        case 0: low.0 & bit != 0
        case 1: low.1 & bit != 0
        case 2: high.0 & bit != 0
        default: high.1 & bit != 0
        }
    }

}
