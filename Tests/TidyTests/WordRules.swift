// Owns the words that code may not use: calls that a pure core cannot have, crashes, names that say nothing, and
// citations of pages that a reader does not have.

extension Rule {
    /// What would let a clock, chance, a thread or the outside into a pure core.
    static let pureCalls = Rule(name: "calls in pure targets") { source in
        guard let target = source.target, ImportTable.pure.keys.contains(target) else { return [] }
        return (pureBans.flatMap { source.find($0.words, $0.message) } + source.randomWithoutGenerator)
            .sorted { $0.line < $1.line }
    }

    private static let pureBans: [(words: [[String]], message: String)] = [
        (
            [
                ["ContinuousClock"], ["SuspendingClock"], ["Date", "("], ["clock_gettime"], ["Clock", "."],
                ["time", "("],
            ],
            "reads a clock: take a `Tick` as a parameter"
        ),
        (
            [
                ["SystemRandomNumberGenerator"], ["shuffled", "(", ")"], ["shuffle", "(", ")"],
                ["randomElement", "(", ")"],
            ],
            "uses chance: take `RandomBits` as a parameter"
        ),
        ([["Hasher", "("], [".", "hashValue"]], "differs between processes: use `StableHash`"),
        (
            [["async"], ["await"], ["actor"], ["Task", "{"], ["Thread"], ["DispatchQueue"], ["Mutex"], ["Atomic"]],
            "is for shells: a pure core knows no threads"
        ),
        (
            [["print", "("], ["debugPrint", "("], ["dump", "("], ["readLine", "("], ["FileHandle"]],
            "does I/O: return an effect"
        ),
    ]

    /// What ends the process because of what somebody sent.
    static let calls = Rule(name: "calls anywhere") { source in
        guard source.target != nil else { return [] }
        return source.find([["try", "!"], ["fatalError"], ["as", "!"]], "ends the process: handle the error")
    }

    static let names = Rule(name: "names") { source in
        let kinds: Set<String> = ["struct", "class", "enum", "actor", "protocol", "typealias", "extension"]
        let file = source.path.split(separator: "/").last.map(String.init) ?? ""
        let types = zip(source.tokens, source.tokens.dropFirst()).filter { kinds.contains($0.0.text) }.map(\.1)
        return ([Token(text: file, line: 1)] + types).compactMap { name in
            guard let word = ["Manager", "Helper", "Util"].first(where: name.text.contains) else { return nil }
            return Violation(
                path: source.path, line: name.line, message: "\(name.text): `\(word)` says nothing; name what it owns")
        }
    }
}

/// What a comment may cite: only what is in the repository, or published.
enum Citation {
    /// Put together here, so that this file does not break its own rule.
    private static let absent = ["design" + " §", "shared" + "/"]

    /// The places that cite what a reader of this tree does not have; for text of any kind.
    static func violations(in lines: [Substring], of path: String) -> [Violation] {
        lines.enumerated().compactMap { index, line in
            guard let words = absent.first(where: line.lowercased().contains) else { return nil }
            return Violation(
                path: path, line: index + 1,
                message: "`\(words)` is not in this repository: cite an article, or give the reason")
        }
    }
}

extension Rule {
    static let citations = Rule(name: "citations") { source in
        Citation.violations(in: source.lines, of: source.path)
    }
}

extension SwiftSource {
    /// The places of any of the token sequences.
    func find(_ sequences: [[String]], _ message: String) -> [Violation] {
        tokens.indices.flatMap { index in
            sequences.compactMap { words in
                guard tokens[index...].prefix(words.count).map(\.text) == words else { return nil }
                // `.async` or `print:` are names that somebody chose, not the word itself.
                let isMember = index > 0 && tokens[index - 1].text == "." && words[0] != "."
                let isLabel = words.count == 1 && index + 1 < tokens.count && tokens[index + 1].text == ":"
                let isDeclared = index > 0 && ["func", "case"].contains(tokens[index - 1].text)
                if isDeclared || isLabel || (isMember && !["shuffled", "shuffle", "randomElement"].contains(words[0])) {
                    return nil
                }
                return Violation(path: path, line: tokens[index].line, message: "`\(words.joined())` \(message)")
            }
        }
    }

    /// `.random(` whose arguments name no generator.
    fileprivate var randomWithoutGenerator: [Violation] {
        tokens.indices.compactMap { index in
            guard tokens[index...].prefix(3).map(\.text) == [".", "random", "("] else { return nil }
            var depth = 0
            for token in tokens[(index + 2)...] {
                if token.text == "(" { depth += 1 }
                if token.text == ")" { depth -= 1 }
                if token.text == "using" { return nil }
                if depth == 0 { break }
            }
            return Violation(
                path: path, line: tokens[index].line, message: "`.random(` without a generator uses chance")
        }
    }
}
