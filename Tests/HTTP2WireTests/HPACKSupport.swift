// Owns what the tests of HPACK share: blocks as hexadecimal text in, fields as text out.
import HTTP2Wire
import HTTPWire

/// A field as text.
struct Line: Hashable, CustomStringConvertible {
    var name: String
    var value: String
    var isNeverIndexed = false

    init(_ name: String, _ value: String, isNeverIndexed: Bool = false) {
        self.name = name
        self.value = value
        self.isNeverIndexed = isNeverIndexed
    }

    var description: String { "\(name): \(value)\(isNeverIndexed ? " (never indexed)" : "")" }
}

/// What a block came to.
enum Reading: Hashable {
    case lines([Line])
    case failed(HPACKFault)
}

extension HPACKDecoder {
    /// Reads a whole block.
    mutating func read(_ block: [UInt8]) -> Reading {
        var lines: [Line] = []
        var memory = [UInt8](repeating: 0, count: block.count * 8 + 4096 + slack)
        var position = 0
        beginBlock()
        while true {
            var writer = OutputWriter(memory.mutableSpan)
            switch next(block.span, &position, into: &writer) {
            case .end: return .lines(lines)
            case .failed(let fault): return .failed(fault)
            case .field(let field):
                let text = Array(memory[..<(field.nameCount + 2 + field.valueCount)])
                lines.append(
                    Line(
                        String(decoding: text[..<field.nameCount], as: UTF8.self),
                        String(decoding: text[(field.nameCount + 2)...], as: UTF8.self),
                        isNeverIndexed: field.isNeverIndexed))
            }
        }
    }
}

extension HPACKEncoder {
    /// Writes a block of some fields.
    mutating func write(_ lines: [Line]) -> [UInt8] {
        let bytes = lines.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count }
        var memory = [UInt8](repeating: 0, count: HPACKEncoder.room(fields: lines.count, bytes: bytes))
        var writer = OutputWriter(memory.mutableSpan)
        beginBlock(into: &writer)
        for line in lines {
            if line.name == ":status", let status = Int(line.value) {
                write(status: status, into: &writer)
                continue
            }
            let text = Array("\(line.name)\(line.value)".utf8)
            let middle = line.name.utf8.count
            write(text.span, name: 0..<middle, value: middle..<text.count, into: &writer)
        }
        let count = writer.count
        let overflowed = writer.overflowed
        return overflowed ? [] : Array(memory[..<count])
    }
}

/// Bytes from pairs of hexadecimal digits; spaces are left out.
func bytes(_ hex: String) -> [UInt8] {
    let digits = hex.filter { $0 != " " && $0 != "\n" }
    return stride(from: 0, to: digits.count, by: 2).compactMap { offset in
        let start = digits.index(digits.startIndex, offsetBy: offset)
        return UInt8(digits[start..<digits.index(start, offsetBy: 2)], radix: 16)
    }
}

func hex(_ bytes: [UInt8]) -> String {
    bytes.map { byte in byte < 16 ? "0" + String(byte, radix: 16) : String(byte, radix: 16) }.joined()
}
