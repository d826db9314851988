// Owns the making of idempotency keys.

/// Makes idempotency keys that are never made again, by any node or process.
///
/// A sequence starts at 128 random bits and counts up. It never repeats itself, and two sequences of a million million
/// keys each overlap with a chance of less than 10^-26. Random bits for every key would take a system call each.
package struct FreshKeys {
    private let high: String
    private var low: UInt64

    package init() {
        var random = SystemRandomNumberGenerator()
        self.init(using: &random)
    }

    init(using random: inout some RandomNumberGenerator) {
        high = Self.hexadecimal(random.next())
        low = random.next()
    }

    /// 32 hexadecimal digits.
    package mutating func next() -> String {
        low &+= 1
        return high + Self.hexadecimal(low)
    }

    private static func hexadecimal(_ number: UInt64) -> String {
        let digits = (0..<16).map { place -> UInt8 in
            let digit = UInt8(truncatingIfNeeded: number >> (60 - 4 * UInt64(place))) & 15
            return digit < 10 ? 0x30 + digit : 0x57 + digit
        }
        return String(decoding: digits, as: UTF8.self)
    }
}
