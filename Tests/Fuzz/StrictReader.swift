// Owns a second, slow and simple reading of a forwarded head: it shares no code with the parser that it judges.

/// A head as the strictest reading of RFC 9112 takes it: lines end with CRLF, names are tokens, values hold no control
/// character, and there is nothing that another reader could take differently.
struct StrictReader {
    let startLine: String
    private(set) var fields: [(name: String, value: String)] = []

    /// nil when anything in `bytes` is doubtful, or when something lies behind the head.
    init?(_ bytes: [UInt8]) {
        // Latin-1, so that every byte is one character.
        let text = bytes.map { Character(UnicodeScalar($0)) }
        var lines: [String] = []
        var line = ""
        var index = 0
        while index < text.count {
            // A Swift character may be CR and LF together; here each byte is a character of its own.
            if text[index] == "\r" {
                guard index + 1 < text.count, text[index + 1] == "\n" else { return nil }
                lines.append(line)
                line = ""
                index += 2
                continue
            }
            if text[index] == "\n" { return nil }
            line.append(text[index])
            index += 1
        }
        guard line.isEmpty, lines.count >= 2, lines.removeLast().isEmpty else { return nil }
        startLine = lines.removeFirst()
        for line in lines {
            guard let colon = line.firstIndex(of: ":"), colon > line.startIndex else { return nil }
            let name = line[..<colon]
            let rest = line[line.index(after: colon)...]
            guard name.unicodeScalars.allSatisfy(Self.isToken), rest.unicodeScalars.allSatisfy(Self.isValue) else {
                return nil
            }
            fields.append((name.lowercased(), rest.trimming()))
        }
    }

    private static func isToken(_ scalar: UnicodeScalar) -> Bool {
        switch scalar {
        case "0"..."9", "a"..."z", "A"..."Z": true
        default: "!#$%&'*+-.^_`|~".unicodeScalars.contains(scalar)
        }
    }

    private static func isValue(_ scalar: UnicodeScalar) -> Bool {
        scalar == "\t" || (scalar.value >= 0x20 && scalar.value != 0x7F)
    }

    func values(_ name: String) -> [String] { fields.filter { $0.name == name }.map(\.value) }

    /// How the body is framed for the most literal reader; nil when it is doubtful.
    var framing: String? {
        let lengths = values("content-length")
        let codings = values("transfer-encoding")
        switch (lengths.count, codings.count) {
        case (0, 0): return "none"
        case (0, 1): return codings[0].lowercased() == "chunked" ? "chunked" : nil
        case (1, 0):
            guard let length = UInt64(lengths[0]), String(length) == lengths[0] else { return nil }
            return length == 0 ? "none" : String(length)
        default: return nil
        }
    }
}

extension Substring {
    fileprivate func trimming() -> String {
        var rest = self
        while let first = rest.first, first == " " || first == "\t" { rest.removeFirst() }
        while let last = rest.last, last == " " || last == "\t" { rest.removeLast() }
        return String(rest)
    }
}
