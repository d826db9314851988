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
        write(high, low)
    }

    /// The id that the value of a head's first `X-Request-Id` gives, when it is one of 1 to 128 token characters; else one of ours.
    @inline(__always)
    public init(given value: ByteRange?, _ bytes: Span<UInt8>, high: UInt64, low: UInt64) {
        if let value, bytes.isRequestID(value) {
            given = value
        } else {
            write(high, low)
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
    private mutating func write(_ high: UInt64, _ low: UInt64) {
        var writer = OutputWriter(digits.mutableSpan)
        writer.append(hex: high)
        writer.append(hex: low)
    }
}
