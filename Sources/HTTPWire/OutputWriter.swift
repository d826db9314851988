// Owns appending to memory that somebody else allocated. The one place of this target with unsafe code: the bulk copy.

/// A cursor over caller's memory. Never writes past the end: what does not fit sets `overflowed` and is dropped.
public struct OutputWriter: ~Copyable, ~Escapable {
    @usableFromInline var span: MutableSpan<UInt8>
    /// Bytes written.
    public private(set) var count = 0
    /// Whether something did not fit; the output is of no use then.
    public private(set) var overflowed = false

    @_lifetime(copy span)
    public init(_ span: consuming MutableSpan<UInt8>) { self.span = span }

    /// Goes on behind the first `count` bytes, which were written before.
    @_lifetime(copy span)
    public init(_ span: consuming MutableSpan<UInt8>, startingAt count: Int) {
        self.count = min(max(count, 0), span.count)
        self.span = span
    }

    /// Appends bytes of a message.
    @inline(__always)
    @_lifetime(self: copy self)
    public mutating func append(_ source: Span<UInt8>, _ start: Int, _ end: Int) {
        let length = end - start
        guard length > 0 else { return }
        guard length <= span.count - count, start >= 0, end <= source.count else {
            overflowed = true
            return
        }
        let offset = count
        span.withUnsafeMutableBytes { target in
            source.withUnsafeBytes { bytes in
                // SAFETY: both ranges were checked against their spans just above; the memories are distinct.
                (target.baseAddress! + offset).copyMemory(from: bytes.baseAddress! + start, byteCount: length)
            }
        }
        count += length
    }

    /// Appends a text.
    @inline(__always)
    @_lifetime(self: copy self)
    public mutating func append(_ text: StaticString) {
        let length = text.utf8CodeUnitCount
        guard length <= span.count - count else {
            overflowed = true
            return
        }
        let offset = count
        span.withUnsafeMutableBytes { target in
            // SAFETY: the room was checked; a StaticString's bytes live as long as the program.
            (target.baseAddress! + offset).copyMemory(from: text.utf8Start, byteCount: length)
        }
        count += length
    }

    /// Appends all bytes of a span.
    @inline(__always)
    @_lifetime(self: copy self)
    public mutating func append(all source: Span<UInt8>) { append(source, 0, source.count) }

    /// Appends one byte.
    @inline(__always)
    @_lifetime(self: copy self)
    public mutating func append(byte: UInt8) {
        guard count < span.count else {
            overflowed = true
            return
        }
        span[count] = byte
        count += 1
    }

    /// Appends the low bytes of a word, at most eight, the lowest first.
    @inline(__always)
    @_lifetime(self: copy self)
    public mutating func append(word: UInt64, count length: Int) {
        guard span.count - count >= 8 else {
            for index in 0..<length { append(byte: UInt8(truncatingIfNeeded: word >> UInt64(index << 3))) }
            return
        }
        let offset = count
        span.withUnsafeMutableBytes { target in
            // SAFETY: there is room for all eight bytes; those above `length` are written over or never read.
            target.storeBytes(of: word.littleEndian, toByteOffset: offset, as: UInt64.self)
        }
        count += length
    }

    /// Appends bytes of a message, its letters in lower case.
    @_lifetime(self: copy self)
    public mutating func append(lowercasing source: Span<UInt8>, _ start: Int, _ end: Int) {
        var index = start
        while index < end {
            let length = min(8, end - index)
            append(word: source.word(index, count: length).lowercasedBytes, count: length)
            index += length
        }
    }

    /// How many bytes still fit.
    @inline(__always)
    public var room: Int { span.count - count }

    /// What was written so far.
    public var written: Span<UInt8> {
        @_lifetime(borrow self)
        get { span.span.extracting(first: count) }
    }

    /// A byte that was written, at a position below `count`.
    @inline(__always)
    func byte(at index: Int) -> UInt8 { span[index] }

    /// Forgets what was written from a position on.
    @inline(__always)
    @_lifetime(self: copy self)
    public mutating func rewind(to position: Int) { count = min(count, position) }

    /// Appends a number in decimal.
    @_lifetime(self: copy self)
    public mutating func append(decimal value: Int) {
        if value < 0 { append(byte: 0x2D) }
        var rest = value.magnitude
        if rest < 10 {
            append(byte: 0x30 + UInt8(truncatingIfNeeded: rest))
            return
        }
        // The last digit comes first; the compiler makes a division by a constant a multiplication.
        var digits = InlineArray<20, UInt8>(repeating: 0)
        var start = 20
        repeat {
            start -= 1
            digits[start] = 0x30 + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        } while rest > 0
        append(digits.span, start, 20)
    }

    /// Appends 16 hexadecimal digits.
    @_lifetime(self: copy self)
    public mutating func append(hex value: UInt64) {
        guard span.count - count >= 16 else {
            overflowed = true
            return
        }
        let offset = count
        let first = Self.digits(UInt32(truncatingIfNeeded: value >> 32))
        let second = Self.digits(UInt32(truncatingIfNeeded: value))
        span.withUnsafeMutableBytes { target in
            // SAFETY: the room was checked just above.
            target.storeBytes(of: first, toByteOffset: offset, as: UInt64.self)
            target.storeBytes(of: second, toByteOffset: offset + 8, as: UInt64.self)
        }
        count += 16
    }

    /// The eight hexadecimal digits of a value, all at once: in memory the first is first.
    @inline(__always)
    private static func digits(_ value: UInt32) -> UInt64 {
        // Each byte gets 16 bits, then each half of it a byte.
        var spread = UInt64(value.byteSwapped)
        spread = (spread | spread << 16) & 0x0000_FFFF_0000_FFFF
        spread = (spread | spread << 8) & 0x00FF_00FF_00FF_00FF
        spread = (spread >> 4 | spread << 8) & 0x0F0F_0F0F_0F0F_0F0F
        // 1 in each byte that is a letter: adding 6 to 10...15 sets the bit of 16.
        let letters = (spread &+ 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101
        return (spread &+ 0x3030_3030_3030_3030 &+ letters &* 0x27).littleEndian
    }
}
