// Owns the small questions that every parser here asks of bytes, without a branch per case.

/// A stretch of a head, counted from its first byte. A head is at most 65,535 bytes long.
public struct ByteRange: Hashable, Sendable {
    public var start: UInt16
    public var count: UInt16

    @inlinable
    public init(start: Int, count: Int) {
        self.start = UInt16(truncatingIfNeeded: start)
        self.count = UInt16(truncatingIfNeeded: count)
    }

    public static let none = ByteRange(start: 0, count: 0)
    @inlinable public var lower: Int { Int(start) }
    @inlinable public var upper: Int { Int(start) + Int(count) }
    @inlinable public var isEmpty: Bool { count == 0 }
    @inlinable public var range: Range<Int> { lower..<upper }
}

/// Sets of ASCII characters as two words of bits.
public enum CharacterSets {
    /// Whether a byte is a `tchar`: tokens are names of fields, methods and much else (RFC 9110 section 5.6.2).
    @inlinable @inline(__always)
    public static func isToken(_ byte: UInt8) -> Bool { contains(byte, 0x03FF_6CFA_0000_0000, 0x57FF_FFFF_C7FF_FFFE) }

    /// A visible character that is neither `#` nor `%`: what a request target consists of, but for escapes.
    @inlinable @inline(__always)
    static func isPlainTarget(_ byte: UInt8) -> Bool { contains(byte, 0xFFFF_FFD6_0000_0000, 0x7FFF_FFFF_FFFF_FFFF) }

    /// `reg-name` without escapes (RFC 3986 section 3.2.2).
    @inlinable @inline(__always)
    static func isRegisteredName(_ byte: UInt8) -> Bool {
        contains(byte, 0x2BFF_7FD2_0000_0000, 0x47FF_FFFE_87FF_FFFE)
    }

    @inlinable @inline(__always)
    static func contains(_ byte: UInt8, _ low: UInt64, _ high: UInt64) -> Bool {
        let word = byte < 64 ? low : (byte < 128 ? high : 0)
        return (word >> UInt64(byte & 63)) & 1 != 0
    }

    @inlinable @inline(__always)
    static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

    /// The value of a hexadecimal digit; nil for any other byte.
    @inlinable @inline(__always)
    static func hexValue(_ byte: UInt8) -> UInt8? {
        if byte &- 0x30 < 10 { return byte &- 0x30 }
        let lower = byte | 0x20
        return lower &- 0x61 < 6 ? lower &- 0x61 &+ 10 : nil
    }
}

extension Span<UInt8> {
    /// Eight bytes as a little-endian word. The caller has checked that they are there; the load checks again.
    // SAFETY: RawSpan checks the bounds itself, and every pattern of bits is an integer.
    @inlinable @inline(__always)
    public func word(_ offset: Int) -> UInt64 { bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self) }

    @inlinable @inline(__always)
    func halfWord(_ offset: Int) -> UInt32 { bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self) }

    /// The first `count` bytes from an offset, at most eight, as a little-endian word with zeros above them.
    @inlinable @inline(__always)
    public func word(_ offset: Int, count length: Int) -> UInt64 {
        if offset &+ 8 <= count {
            return length >= 8 ? word(offset) : word(offset) & ((1 &<< UInt64(length << 3)) &- 1)
        }
        var result: UInt64 = 0
        for index in 0..<length { result |= UInt64(self[offset + index]) << UInt64(index << 3) }
        return result
    }

    /// The end of a run of letters and hyphens from `start`, eight bytes a step: nearly every field name is one. Stops
    /// early near the end of the bytes.
    @inlinable @inline(__always)
    public func endOfPlainName(_ start: Int) -> Int {
        var index = start
        while index + 8 <= count {
            let chunk = word(index)
            let folded = chunk & 0x7F7F_7F7F_7F7F_7F7F | 0x2020_2020_2020_2020
            // Bit 7 of each byte: at least `a`, and not beyond `z`.
            let letters = (folded &+ 0x1F1F_1F1F_1F1F_1F1F) & ~(folded &+ 0x0505_0505_0505_0505)
            let hyphen = chunk ^ 0x2D2D_2D2D_2D2D_2D2D
            let hyphens = ~((hyphen & 0x7F7F_7F7F_7F7F_7F7F) &+ 0x7F7F_7F7F_7F7F_7F7F | hyphen)
            let others = ~((letters | hyphens) & ~chunk) & 0x8080_8080_8080_8080
            if others != 0 { return index + others.trailingZeroBitCount >> 3 }
            index += 8
        }
        return index
    }

    /// The next byte from `start` that means something in a request target: a dot, a question mark, a slash behind another,
    /// any below `(` (with `#`, `%`, space and controls) and any that is not visible. Stops early near the end of the bytes.
    @inline(__always)
    func nextTargetMark(_ start: Int) -> Int {
        var index = start
        // Whether the word before ended in a slash.
        var carry: UInt64 = 0
        while index + 8 <= count {
            let chunk = word(index)
            let below = (chunk &- 0x2828_2828_2828_2828) & ~chunk
            let dot = chunk ^ 0x2E2E_2E2E_2E2E_2E2E
            // `?` and DEL differ in one bit.
            let question = (chunk | 0x4040_4040_4040_4040) ^ 0x7F7F_7F7F_7F7F_7F7F
            let slash = chunk ^ 0x2F2F_2F2F_2F2F_2F2F
            let dots = (dot &- 0x0101_0101_0101_0101) & ~dot
            let questions = (question &- 0x0101_0101_0101_0101) & ~question
            let slashes = (slash &- 0x0101_0101_0101_0101) & ~slash
            let pairs = slashes & (slashes << 8 | carry)
            carry = slashes >> 56
            // A borrow may mark a byte too many, but only above one that is marked rightly.
            let found = (below | dots | questions | pairs | chunk) & 0x8080_8080_8080_8080
            if found != 0 { return index + found.trailingZeroBitCount >> 3 }
            index += 8
        }
        return index
    }

    /// The end of the run of field-value characters from `start`: HTAB, SP, visible characters and obs-text
    /// (RFC 9110 section 5.5). Eight bytes a step.
    @inlinable @inline(__always)
    public func endOfFieldValue(_ start: Int) -> Int {
        var index = start
        while index + 8 <= count {
            let chunk = word(index)
            let below = (chunk &- 0x2020_2020_2020_2020) & ~chunk
            let delete = chunk ^ 0x7F7F_7F7F_7F7F_7F7F
            let isDelete = (delete &- 0x0101_0101_0101_0101) & ~delete
            let found = (below | isDelete) & 0x8080_8080_8080_8080
            if found == 0 {
                index += 8
                continue
            }
            index += found.trailingZeroBitCount >> 3
            if self[index] != 0x09 { return index }
            index += 1
        }
        while index < count {
            let byte = self[index]
            if (byte < 0x20 && byte != 0x09) || byte == 0x7F { return index }
            index += 1
        }
        return index
    }

    /// The next byte from `start` that a log must escape: a control character, a quote, a backslash, DEL or any beyond
    /// ASCII; the end when there is none. Eight bytes a step.
    public func endOfUnescaped(_ start: Int) -> Int {
        var index = start
        while index + 8 <= count {
            let chunk = word(index)
            let below = (chunk &- 0x2020_2020_2020_2020) & ~chunk
            let quote = chunk ^ 0x2222_2222_2222_2222
            let backslash = chunk ^ 0x5C5C_5C5C_5C5C_5C5C
            let delete = chunk ^ 0x7F7F_7F7F_7F7F_7F7F
            let quotes = (quote &- 0x0101_0101_0101_0101) & ~quote
            let backslashes = (backslash &- 0x0101_0101_0101_0101) & ~backslash
            let deletes = (delete &- 0x0101_0101_0101_0101) & ~delete
            // A borrow may mark a byte too many, but only above one that is marked rightly.
            let found = (below | quotes | backslashes | deletes | chunk) & 0x8080_8080_8080_8080
            if found != 0 { return index + found.trailingZeroBitCount >> 3 }
            index += 8
        }
        while index < count {
            let byte = self[index]
            if byte < 0x20 || byte >= 0x7F || byte == 0x22 || byte == 0x5C { return index }
            index += 1
        }
        return index
    }

    /// Whether the range reads `text`, which is in lower case, in any case.
    @inlinable
    public func equalsIgnoringCase(_ range: ByteRange, _ text: StaticString) -> Bool {
        guard Int(range.count) == text.utf8CodeUnitCount else { return false }
        return text.withUTF8Buffer { expected in
            for index in 0..<expected.count {
                let byte = self[range.lower + index]
                let lower = byte &- 0x41 < 26 ? byte | 0x20 : byte
                if lower != expected[index] { return false }
            }
            return true
        }
    }

    /// Whether two ranges read the same, in any case.
    func equalsIgnoringCase(_ range: ByteRange, _ other: ByteRange) -> Bool {
        guard range.count == other.count else { return false }
        for index in 0..<Int(range.count) where lowercased(range.lower + index) != lowercased(other.lower + index) {
            return false
        }
        return true
    }

    /// A byte, in lower case if it is a letter.
    @inlinable @inline(__always)
    public func lowercased(_ index: Int) -> UInt8 {
        let byte = self[index]
        return byte &- 0x41 < 26 ? byte | 0x20 : byte
    }
}

extension UInt64 {
    /// The eight bytes of a word with ASCII letters in lower case, all at once.
    @inlinable @inline(__always)
    public var lowercasedBytes: UInt64 {
        let heptets = self & 0x7F7F_7F7F_7F7F_7F7F
        // Bit 7 of each byte: at least `A`, and beyond `Z`.
        let atLeast = heptets &+ 0x3F3F_3F3F_3F3F_3F3F
        let beyond = heptets &+ 0x2525_2525_2525_2525
        return self | (atLeast & ~beyond & ~self & 0x8080_8080_8080_8080) >> 2
    }
}
