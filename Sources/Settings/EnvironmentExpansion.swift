// Owns `${NAME}` in values: what it is replaced by, and what is said when it cannot be.

/// Replaces environment variables in scalars, after YAML has been parsed: a variable's value is never structure.
enum EnvironmentExpansion {
    /// The most bytes of a value after expansion.
    static let byteLimit = 64 << 10

    /// The node with `${NAME}` and `${NAME:-default}` replaced and `$${` turned into `${`.
    ///
    /// The default stands for a variable that is unset or empty, as in a shell (POSIX XCU §2.6.2). A variable that is
    /// unset and has no default is a problem at its place; it is then replaced by nothing.
    static func expand(_ node: YAMLNode, _ reading: Reading) -> YAMLNode {
        guard case .scalar(let text, _) = node.content, text.utf8.contains(0x24) else { return node }
        var result = ""
        var rest = text[...]
        while let dollar = rest.firstIndex(of: "$") {
            result += rest[..<dollar]
            rest = rest[dollar...]
            if rest.hasPrefix("$${") {
                result += "${"
                rest = rest.dropFirst(3)
            } else if rest.hasPrefix("${") {
                let position = mark(of: dollar, in: text, node)
                guard let close = rest.firstIndex(of: "}") else {
                    reading.error(at: position, "'${' without '}'; write '$${' for the text itself")
                    reading.settle(node)
                    return node
                }
                let inside = rest[rest.index(rest.startIndex, offsetBy: 2)..<close]
                if let value = value(of: inside, at: position, reading) {
                    result += value
                } else {
                    reading.settle(node)
                }
                rest = rest[rest.index(after: close)...]
            } else {
                result += "$"
                rest = rest.dropFirst()
            }
            guard result.utf8.count <= byteLimit else {
                reading.error(at: node, "the value has more than \(byteLimit >> 10) KiB after expansion")
                return node
            }
        }
        result += rest
        guard result != text else { return node }
        return YAMLNode(content: .scalar(result, isPlain: false), start: node.start, end: node.end)
    }

    private static func value(of inside: Substring, at mark: Mark, _ reading: Reading) -> String? {
        var name = inside
        var fallback: String?
        if let separator = inside.firstIndex(of: ":"), inside[separator...].hasPrefix(":-") {
            name = inside[..<separator]
            fallback = String(inside[separator...].dropFirst(2))
        }
        guard isName(name) else {
            reading.error(
                at: mark, width: inside.count + 3,
                "\(quoted(String(name))) is no name of an environment variable; write '$${' for the text itself")
            return nil
        }
        let value = reading.environment(String(name))
        if let fallback { return value.flatMap { $0.isEmpty ? nil : $0 } ?? fallback }
        guard let value else {
            reading.error(
                at: mark, width: inside.count + 3,
                "the environment variable \(name) is not set; '${\(name):-…}' gives a default")
            return nil
        }
        return value
    }

    /// POSIX XBD §8.1, with small letters too.
    private static func isName(_ text: Substring) -> Bool {
        guard let first = text.utf8.first, !(0x30...0x39).contains(first) else { return false }
        return text.utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x5F
        }
    }

    /// Where the dollar stands in the file; the value's start when the value's text is not its source.
    private static func mark(of dollar: String.Index, in text: String, _ node: YAMLNode) -> Mark {
        let offset = text.unicodeScalars.distance(from: text.startIndex, to: dollar)
        let length = text.unicodeScalars.count
        let sourceLength = node.end.column - node.start.column
        guard node.start.line == node.end.line, (length...length + 2).contains(sourceLength) else { return node.start }
        let quote = (sourceLength - length) / 2
        return Mark(line: node.start.line, column: node.start.column + quote + offset)
    }
}
