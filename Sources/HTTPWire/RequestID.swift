// Owns the id of one request: the client's or ours.

/// The id that a request goes by: 36 bytes, since every exchange holds one.
public struct RequestID: Sendable {
    /// Of ours: 128 bits as hexadecimal digits.
    private var digits = InlineArray<32, UInt8>(repeating: 0x30)
    /// Of the client's: where the head has it. Empty for ours.
    private var given = ByteRange.none

    /// An id of ours.
    ///
    /// - Parameters:
    ///   - high: the first 64 random bits.
    ///   - low: the others.
    public init(high: UInt64, low: UInt64) {
        write(high, at: 0)
        write(low, at: 16)
    }

    /// The id that the value of a head's first `X-Request-Id` gives, when it is one of 1 to 128 token characters; else one of ours.
    @inline(__always)
    public init(given value: ByteRange?, _ bytes: Span<UInt8>, high: UInt64, low: UInt64) {
        if let value, bytes.isRequestID(value) {
            given = value
        } else {
            write(high, at: 0)
            write(low, at: 16)
        }
    }

    /// Whether the client gave it.
    public var isGiven: Bool { !given.isEmpty }

    /// The id's bytes.
    ///
    /// - Parameter head: the bytes of the head that it was made of, from their beginning; nothing of them is read for an id of
    ///   ours. Empty when the head is shorter than it was.
    @_lifetime(borrow self, copy head)
    public func span(in head: Span<UInt8>) -> Span<UInt8> {
        if !isGiven { return digits.span }
        return head.extracting(min(given.lower, head.count)..<min(given.upper, head.count))
    }

    @inline(__always)
    private mutating func write(_ value: UInt64, at start: Int) {
        let first = Self.digits(UInt32(truncatingIfNeeded: value >> 32))
        let second = Self.digits(UInt32(truncatingIfNeeded: value))
        for index in 0..<8 {
            digits[start + index] = UInt8(truncatingIfNeeded: first >> UInt64(index * 8))
            digits[start + 8 + index] = UInt8(truncatingIfNeeded: second >> UInt64(index * 8))
        }
    }

    /// The eight hexadecimal digits of a value, all at once: the first is in the lowest byte.
    @inline(__always)
    private static func digits(_ value: UInt32) -> UInt64 {
        // Each byte gets 16 bits, then each half of it a byte.
        var spread = UInt64(value.byteSwapped)
        spread = (spread | spread << 16) & 0x0000_FFFF_0000_FFFF
        spread = (spread | spread << 8) & 0x00FF_00FF_00FF_00FF
        spread = (spread >> 4 | spread << 8) & 0x0F0F_0F0F_0F0F_0F0F
        // 1 in each byte that is a letter: adding 6 to 10...15 sets the bit of 16.
        let letters = (spread &+ 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101
        return spread &+ 0x3030_3030_3030_3030 &+ letters &* 0x27
    }
}
