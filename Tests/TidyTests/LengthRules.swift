// Owns the limits of length: 400 lines a file, 70 a function.

/// The limits.
enum LengthLimit {
    static let file = 400
    static let function = 70
}

extension Rule {
    static let fileLength = Rule(name: "file length") { source in
        guard source.lines.count > LengthLimit.file else { return [] }
        let message = "\(source.lines.count) lines; at most \(LengthLimit.file): one idea a file"
        return [Violation(path: source.path, line: source.lines.count, message: message)]
    }

    static let functionLength = Rule(name: "function length") { source in
        guard source.isBalanced else {
            return [
                Violation(path: source.path, line: 1, message: "braces do not match, so functions cannot be measured")
            ]
        }
        return source.bodies.compactMap { body in
            let count = body.last - body.first + 1
            guard count > LengthLimit.function else { return nil }
            return Violation(
                path: source.path, line: body.first,
                message: "\(body.name) has \(count) lines; at most \(LengthLimit.function)")
        }
    }
}

/// The lines of a function, from its keyword to its closing brace.
private struct Body {
    let name: String
    let first: Int
    let last: Int
}

extension SwiftSource {
    /// What ends the search for a body: the requirement of a protocol has none.
    private static let ends: Set<String> = [
        "}", ")", ";", "func", "init", "deinit", "subscript", "var", "let", "case", "associatedtype", "import",
        "return",
    ]

    fileprivate var isBalanced: Bool {
        var depth = 0
        for token in tokens {
            if token.text == "{" { depth += 1 }
            if token.text == "}" { depth -= 1 }
            if depth < 0 { return false }
        }
        return depth == 0
    }

    /// Functions, initialisers, subscripts and computed properties.
    fileprivate var bodies: [Body] {
        tokens.indices.compactMap { index in
            guard let brace = bodyStart(of: index), let end = closing(brace) else { return nil }
            let name = tokens[min(index + 1, tokens.count - 1)]
            let called = ["func", "var"].contains(tokens[index].text) ? name.text : tokens[index].text
            return Body(name: called, first: tokens[index].line, last: tokens[end].line)
        }
    }

    /// The opening brace of what is declared at `index`; nil when nothing with a body is.
    func bodyStart(of index: Int) -> Int? {
        let previous = index > 0 ? tokens[index - 1].text : ""
        switch tokens[index].text {
        case "func", "subscript":
            return brace(after: index + 2)
        case "init":
            guard previous != ".", index + 1 < tokens.count, ["(", "<", "?", "!"].contains(tokens[index + 1].text)
            else {
                return nil
            }
            return brace(after: index + 1)
        case "deinit":
            return brace(after: index + 1)
        case "var":
            return brace(after: index + 2)
        default: return nil
        }
    }

    private func brace(after start: Int) -> Int? {
        var index = start
        while index < tokens.count {
            let text = tokens[index].text
            if text == "{" { return index }
            if text == "=" {
                // `== ` in a `where` clause goes on; a value ends a property, unless it is a closure.
                let next = index + 1 < tokens.count ? tokens[index + 1].text : ""
                if next == "{" { return index + 1 }
                guard next == "=" else { return nil }
                index += 2
                continue
            }
            if Self.ends.contains(text) { return nil }
            if text == "(" || text == "[" {
                guard let end = closing(index) else { return nil }
                index = end
            }
            index += 1
        }
        return nil
    }

    /// The position of the sign that closes the one at `start`.
    func closing(_ start: Int) -> Int? {
        let pairs = ["{": "}", "(": ")", "[": "]"]
        let opening = tokens[start].text
        guard let ending = pairs[opening] else { return nil }
        var depth = 0
        for index in start..<tokens.count {
            if tokens[index].text == opening { depth += 1 }
            if tokens[index].text == ending { depth -= 1 }
            if depth == 0 { return index }
        }
        return nil
    }
}
