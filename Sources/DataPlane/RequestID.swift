// Owns the id of one request: the client's or ours.

/// At most 128 bytes, in place.
struct RequestID {
    private var storage = InlineArray<128, UInt8>(repeating: 0)
    private(set) var count = 0

    /// Takes over a client's id of 1-128 token characters.
    mutating func copy(_ bytes: Span<UInt8>, _ range: Range<Int>) {
        count = min(range.count, 128)
        for index in 0..<count { storage[index] = bytes[range.lowerBound + index] }
    }

    /// Writes 128 random bits as 32 hexadecimal digits.
    @inline(__always)
    mutating func write(_ high: UInt64, _ low: UInt64) {
        count = 32
        write(high, at: 0)
        write(low, at: 16)
    }

    @inline(__always)
    private mutating func write(_ value: UInt64, at start: Int) {
        var rest = value
        for index in start..<(start + 16) {
            rest = rest << 4 | rest >> 60
            let digit = UInt8(truncatingIfNeeded: rest & 15)
            storage[index] = digit &+ 0x30 &+ (digit > 9 ? 0x27 : 0)
        }
    }

    /// The bytes.
    var span: Span<UInt8> {
        @_lifetime(borrow self)
        get { storage.span.extracting(0..<count) }
    }

    /// The bytes, copied.
    var bytes: [UInt8] { (0..<count).map { storage[$0] } }
}
