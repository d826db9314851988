// Owns the reading of flat JSON objects: the form of every body that the API takes.

/// A JSON object (RFC 8259) as it was written: nothing is left out, not even a repeated name.
struct FlatObject {
    enum Value: Hashable {
        case text(String)
        /// Its digits.
        case number(String)
        case flag(Bool)
        case null
        /// A list or an object. Its content is skipped: no field of a body is one, so it is refused.
        case structure
    }

    struct Field: Hashable {
        var name: String
        var value: Value
    }

    let fields: [Field]

    /// nil unless it is an object in UTF-8. Takes linear time, whatever the depth.
    init?(_ bytes: [UInt8]) {
        var reader = FlatReader(bytes: bytes)
        var fields: [Field] = []
        guard reader.take(0x7B) else { return nil }
        if !reader.take(0x7D) {
            repeat {
                guard reader.take(0x22), let name = reader.text(), reader.take(0x3A), let value = reader.value() else {
                    return nil
                }
                fields.append(Field(name: name, value: value))
            } while reader.take(0x2C)
            guard reader.take(0x7D) else { return nil }
        }
        guard reader.isAtEnd else { return nil }
        self.fields = fields
    }
}

/// A position in a body.
private struct FlatReader {
    let bytes: [UInt8]
    private var index = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    private var next: UInt8? { index < bytes.count ? bytes[index] : nil }

    private mutating func skipBlanks() {
        while let next, next == 0x20 || next == 0x0A || next == 0x0D || next == 0x09 { index += 1 }
    }

    var isAtEnd: Bool {
        mutating get {
            skipBlanks()
            return index == bytes.count
        }
    }

    /// Skips white space, and this byte if it comes next.
    mutating func take(_ byte: UInt8) -> Bool {
        skipBlanks()
        guard next == byte else { return false }
        index += 1
        return true
    }

    mutating func value() -> FlatObject.Value? {
        skipBlanks()
        switch next {
        case 0x22:
            index += 1
            return text().map { .text($0) }
        case 0x7B, 0x5B: return skipStructure() ? .structure : nil
        case 0x74: return word("true") ? .flag(true) : nil
        case 0x66: return word("false") ? .flag(false) : nil
        case 0x6E: return word("null") ? .null : nil
        default: return number().map { .number($0) }
        }
    }

    private mutating func word(_ word: StaticString) -> Bool {
        let text = "\(word)".utf8
        guard bytes[index...].starts(with: text) else { return false }
        index += text.count
        return true
    }

    private mutating func skipStructure() -> Bool {
        var depth = 0
        while let next {
            index += 1
            switch next {
            case 0x7B, 0x5B: depth += 1
            case 0x7D, 0x5D:
                depth -= 1
                if depth == 0 { return true }
            case 0x22: if text() == nil { return false }
            default: break
            }
        }
        return false
    }

    // MARK: Numbers

    /// RFC 8259 section 6.
    private mutating func number() -> String? {
        let start = index
        if next == 0x2D { index += 1 }
        if next == 0x30 { index += 1 } else if !digits() { return nil }
        if next == 0x2E {
            index += 1
            guard digits() else { return nil }
        }
        if next == 0x65 || next == 0x45 {
            index += 1
            if next == 0x2B || next == 0x2D { index += 1 }
            guard digits() else { return nil }
        }
        return String(decoding: bytes[start..<index], as: UTF8.self)
    }

    private mutating func digits() -> Bool {
        let start = index
        while let next, next &- 0x30 < 10 { index += 1 }
        return index > start
    }

    // MARK: Texts

    /// The text after a quotation mark up to the next one, which is skipped.
    mutating func text() -> String? {
        let start = index
        while let next, next >= 0x20 {
            if next == 0x22 {
                index += 1
                return String(validating: bytes[start..<(index - 1)], as: UTF8.self)
            }
            if next == 0x5C { return escapedText(from: start) }
            index += 1
        }
        return nil
    }

    /// The same, for a text whose first escape is here.
    private mutating func escapedText(from start: Int) -> String? {
        var text = Array(bytes[start..<index])
        while let next, next >= 0x20 {
            index += 1
            switch next {
            case 0x22: return String(validating: text, as: UTF8.self)
            case 0x5C:
                guard let scalar = escape() else { return nil }
                text += String(scalar).utf8
            default: text.append(next)
            }
        }
        return nil
    }

    /// The character for an escape whose backslash was read (RFC 8259 section 7).
    private mutating func escape() -> Unicode.Scalar? {
        guard let next else { return nil }
        index += 1
        switch next {
        case 0x22, 0x5C, 0x2F: return Unicode.Scalar(next)
        case 0x62: return "\u{8}"
        case 0x66: return "\u{C}"
        case 0x6E: return "\n"
        case 0x72: return "\r"
        case 0x74: return "\t"
        case 0x75:
            guard let unit = codeUnit() else { return nil }
            guard UTF16.isLeadSurrogate(unit) else { return Unicode.Scalar(unit) }
            guard word("\\u"), let second = codeUnit(), UTF16.isTrailSurrogate(second) else { return nil }
            return UTF16.decode(UTF16.EncodedScalar([unit, second]))
        default: return nil
        }
    }

    private mutating func codeUnit() -> UInt16? {
        let digits = bytes[index...].prefix(4)
        guard digits.count == 4, digits.allSatisfy({ $0 &- 0x30 < 10 || ($0 | 0x20) &- 0x61 < 6 }) else { return nil }
        index += 4
        return UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
    }
}
