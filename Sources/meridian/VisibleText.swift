// Owns how text from outside is shown: what would control a terminal, or hide what is said, is written as an escape.

/// Makes text harmless for a terminal. Names, reasons, words of the log and errors come from other nodes, and from
/// whoever may write to them.
enum VisibleText {
    /// Control characters, ends of lines of Unicode's own, and what turns the direction of writing, as JSON's escapes.
    ///
    /// - Parameter keepsLines: whether ends of lines and tabs stay, as in the excerpt of a file.
    static func of(_ text: String, keepsLines: Bool = false) -> String {
        guard text.unicodeScalars.contains(where: isUnsafe) else { return text }
        var visible = ""
        for scalar in text.unicodeScalars {
            if isUnsafe(scalar), !(keepsLines && (scalar == "\n" || scalar == "\t")) {
                visible += escape(scalar)
            } else {
                visible.unicodeScalars.append(scalar)
            }
        }
        return visible
    }

    /// A document in JSON as it may be printed. The escapes mean what the characters meant.
    static func ofJSON(_ bytes: [UInt8]) -> String { of(String(decoding: bytes, as: UTF8.self), keepsLines: true) }

    /// A document in JSON whose texts are visible once they are read: an escape for an unsafe character becomes the
    /// text that looks like it.
    ///
    /// - Parameter keepsLines: whether ends of lines and tabs stay.
    static func documentOfVisibleTexts(_ bytes: [UInt8], keepsLines: Bool = false) -> [UInt8] {
        var document = ""
        var scalars = String(decoding: bytes, as: UTF8.self).unicodeScalars.makeIterator()
        var isInText = false
        while let scalar = scalars.next() {
            if scalar == "\"" { isInText.toggle() }
            guard isInText else {
                document.unicodeScalars.append(scalar)
                continue
            }
            if scalar == "\\", let kind = scalars.next() {
                let digits = kind == "u" ? (0..<4).compactMap { _ in scalars.next() } : []
                if let meant = meaning(kind, digits), isUnsafe(meant), !(keepsLines && (kind == "n" || kind == "t")) {
                    document += "\\" + escape(meant)
                } else {
                    document += "\\\(kind)\(String(String.UnicodeScalarView(digits)))"
                }
            } else if isUnsafe(scalar) {
                document += "\\" + escape(scalar)
            } else {
                document.unicodeScalars.append(scalar)
            }
        }
        return Array(document.utf8)
    }

    /// The character that an escape stands for; nil: a half of one, or it is no escape.
    private static func meaning(_ kind: Unicode.Scalar, _ digits: [Unicode.Scalar]) -> Unicode.Scalar? {
        switch kind {
        case "n": "\n"
        case "t": "\t"
        case "r": "\r"
        case "b": "\u{8}"
        case "f": "\u{C}"
        case "u": UInt32(String(String.UnicodeScalarView(digits)), radix: 16).flatMap(Unicode.Scalar.init)
        default: kind
        }
    }

    private static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x20...0x7E: false
        case 0x00...0x9F: true
        // Marks, embeddings, overrides and isolates of direction; separators of lines and paragraphs.
        case 0x061C, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069: true
        default: false
        }
    }

    /// Such as `\n` or `\u001b`.
    private static func escape(_ scalar: Unicode.Scalar) -> String {
        switch scalar {
        case "\n": return "\\n"
        case "\r": return "\\r"
        case "\t": return "\\t"
        default:
            let digits = String(scalar.value, radix: 16)
            return "\\u" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
        }
    }
}
