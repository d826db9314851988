// Owns the rule that each file opens with a sentence about what it owns.

extension Rule {
    static let opening = Rule(name: "opening sentence") { source in
        let comment = source.lines.prefix { $0.hasPrefix("//") }
        let text = comment.map { $0.dropFirst(3) }.joined(separator: " ")
        let isSentence =
            comment.first?.hasPrefix("// ") == true && text.first?.isUppercase == true
            && [".", "?", "!"].contains(text.last) && text.count > 15
        if isSentence { return [] }
        return [Violation(path: source.path, line: 1, message: "opens without a `// ` sentence that says what it owns")]
    }
}
