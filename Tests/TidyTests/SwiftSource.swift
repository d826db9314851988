// Owns the reading of one Swift file as tokens, so that rules see code and never the inside of a text or comment.

/// A word, an attribute (`@main`) or one sign of a Swift file, and where it stands.
struct Token: Equatable {
    let text: String
    /// Counted from 1.
    let line: Int

    var isWord: Bool { text.utf8.first.map(Lexer.isWordByte) ?? false }
}

/// A Swift file as the rules see it.
struct SwiftSource {
    /// Relative to the top of the repository, with `/`.
    let path: String
    /// Without line ends.
    let lines: [Substring]
    let tokens: [Token]
    /// The lines of comments that say `SAFETY:`.
    let safetyLines: [Int]

    init(path: String, text: String) {
        self.path = path
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        self.lines = lines
        var lexer = Lexer(text)
        lexer.run()
        tokens = lexer.tokens
        safetyLines = lexer.safetyLines
    }

    /// `Sources/X/…` gives `X`; nil elsewhere.
    var target: String? {
        let parts = path.split(separator: "/")
        return parts.count > 2 && parts[0] == "Sources" ? String(parts[1]) : nil
    }
}

/// Splits Swift text into tokens: a stack of what is open, because a text may hold code in `\( )`.
struct Lexer {
    private enum Open {
        /// The parentheses that are open since the interpolation began; nil: the file itself.
        case code(parentheses: Int?)
        case text(hashes: Int, isMultiline: Bool)
    }

    private let bytes: [UInt8]
    private var position = 0
    private var line = 1
    private var open = [Open.code(parentheses: nil)]
    private(set) var tokens: [Token] = []
    private(set) var safetyLines: [Int] = []

    init(_ text: String) { bytes = Array(text.utf8) }

    static func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "@"), 0x80...0xFF:
            true
        default: false
        }
    }

    mutating func run() {
        while position < bytes.count {
            switch open[open.count - 1] {
            case .code(let parentheses): readCode(parentheses)
            case .text(let hashes, let isMultiline): readText(hashes, isMultiline)
            }
        }
    }

    private func starts(_ text: StaticString, at offset: Int = 0) -> Bool {
        let start = position + offset
        guard start + text.utf8CodeUnitCount <= bytes.count else { return false }
        return bytes[start..<start + text.utf8CodeUnitCount].elementsEqual("\(text)".utf8)
    }

    private mutating func advance(_ count: Int = 1) {
        for _ in 0..<count where position < bytes.count {
            if bytes[position] == UInt8(ascii: "\n") { line += 1 }
            position += 1
        }
    }

    private func hashes(at offset: Int = 0) -> Int {
        bytes[min(bytes.count, position + offset)...].prefix { $0 == UInt8(ascii: "#") }.count
    }

    private mutating func readCode(_ parentheses: Int?) {
        if starts("//") { return readLineComment() }
        if starts("/*") { return readBlockComment() }
        let count = hashes()
        if starts("\"", at: count) {
            let isMultiline = starts("\"\"\"", at: count)
            open.append(.text(hashes: count, isMultiline: isMultiline))
            return advance(count + (isMultiline ? 3 : 1))
        }
        let byte = bytes[position]
        if Self.isWordByte(byte) { return readWord() }
        if byte > UInt8(ascii: " ") { tokens.append(Token(text: String(UnicodeScalar(byte)), line: line)) }
        advance()
        guard let parentheses else { return }
        if byte == UInt8(ascii: "(") { open[open.count - 1] = .code(parentheses: parentheses + 1) }
        if byte == UInt8(ascii: ")") {
            if parentheses == 0 {
                open.removeLast()
            } else {
                open[open.count - 1] = .code(parentheses: parentheses - 1)
            }
        }
    }

    private mutating func readWord() {
        let start = position
        while position < bytes.count, Self.isWordByte(bytes[position]),
            position == start || bytes[position] != UInt8(ascii: "@")
        {
            position += 1
        }
        tokens.append(Token(text: String(decoding: bytes[start..<position], as: UTF8.self), line: line))
    }

    private mutating func readLineComment() {
        while position < bytes.count, bytes[position] != UInt8(ascii: "\n") {
            if starts("SAFETY:") { safetyLines.append(line) }
            position += 1
        }
    }

    private mutating func readBlockComment() {
        var depth = 0
        repeat {
            if starts("/*") {
                depth += 1
                advance(2)
            } else if starts("*/") {
                depth -= 1
                advance(2)
            } else {
                advance()
            }
        } while depth > 0 && position < bytes.count
    }

    private mutating func readText(_ count: Int, _ isMultiline: Bool) {
        if starts("\\"), hashes(at: 1) >= count {
            advance(1 + count)
            if starts("(") { open.append(.code(parentheses: 0)) }
            return advance()
        }
        let quotes = isMultiline ? 3 : 1
        if isMultiline ? starts("\"\"\"") : starts("\""), hashes(at: quotes) >= count {
            open.removeLast()
            return advance(quotes + count)
        }
        // A text of one line that is not closed is no text: a regular expression held its quote.
        if !isMultiline, starts("\n") { open.removeLast() }
        advance()
    }
}
