// Tests the patterns of routes: what they match, what is refused and where, and that no path makes them slow.
import Routing
import Testing
import Topology

/// A pattern with paths that it must match and must not.
struct PatternCase: Sendable, CustomTestStringConvertible {
    var pattern: String
    var matches: [String] = []
    var rejects: [String] = []
    var testDescription: String { pattern }
}

@Suite struct PathRegexTests {
    @Test(arguments: [
        PatternCase(pattern: "", matches: [""], rejects: ["/", "a"]),
        PatternCase(pattern: "/api", matches: ["/api"], rejects: ["", "/ap", "/apix", "x/api", "/API"]),
        PatternCase(pattern: "^/api$", matches: ["/api"], rejects: ["/api$", "^/api", "/api/"]),
        PatternCase(pattern: "/a.c", matches: ["/abc", "/a/c", "/a.c"], rejects: ["/ac", "/abbc"]),
        PatternCase(pattern: "/.*", matches: ["/", "/a/b/c"], rejects: ["", "a"]),
        PatternCase(pattern: "/a+", matches: ["/a", "/aaa"], rejects: ["/", "/ab"]),
        PatternCase(pattern: "/ab?c", matches: ["/ac", "/abc"], rejects: ["/abbc"]),
        PatternCase(
            pattern: "/v[0-9]+/(users|items)", matches: ["/v1/users", "/v20/items"], rejects: ["/v/users", "/v1/"]),
        PatternCase(pattern: "a|b|", matches: ["a", "b", ""], rejects: ["ab", "c"]),
        PatternCase(pattern: "(a|b)*c", matches: ["c", "abbac"], rejects: ["ab", "abxc"]),
        PatternCase(pattern: "(?:ab){2}", matches: ["abab"], rejects: ["ab", "ababab", "aabb"]),
        PatternCase(pattern: "a{2,3}", matches: ["aa", "aaa"], rejects: ["a", "aaaa"]),
        PatternCase(pattern: "a{2,}", matches: ["aa", "aaaaaa"], rejects: ["", "a"]),
        PatternCase(pattern: "a{0}b", matches: ["b"], rejects: ["ab"]),
        PatternCase(pattern: "a{0,2}b", matches: ["b", "ab", "aab"], rejects: ["aaab"]),
        PatternCase(pattern: "(a{2}){2,3}", matches: ["aaaa", "aaaaaa"], rejects: ["aa", "aaaaa", "aaaaaaaa"]),
        PatternCase(pattern: "(a*)*", matches: ["", "aaa"], rejects: ["b"]),
        PatternCase(pattern: "(a?b?)+", matches: ["", "a", "ba", "abab"], rejects: ["c"]),
        PatternCase(pattern: "a*?b", matches: ["b", "aab"], rejects: ["a"]),
        PatternCase(pattern: "(){1000}a", matches: ["a"], rejects: [""]),
        PatternCase(pattern: "[^/]+", matches: ["abc", "\n"], rejects: ["", "a/b"]),
        PatternCase(pattern: "[]a-]", matches: ["]", "a", "-"], rejects: ["b", ""]),
        PatternCase(pattern: "[^]]", matches: ["a"], rejects: ["]"]),
        PatternCase(pattern: "[a\\-z\\d]+", matches: ["a-z7"], rejects: ["b"]),
        PatternCase(pattern: "[\\w.]+", matches: ["A_z.9"], rejects: ["a-b"]),
        PatternCase(pattern: "\\d\\D\\w\\W\\s\\S", matches: ["1aa- a"], rejects: ["aaa- a", "1aa-aa"]),
        PatternCase(pattern: "\\.\\*\\/\\x41\\$", matches: [".*/A$"], rejects: ["a*/A$"]),
        PatternCase(pattern: "é+", matches: ["é", "éé"], rejects: ["", "e"]),
        PatternCase(pattern: "(é|ü)x", matches: ["éx", "üx"], rejects: ["x"]),
        PatternCase(pattern: "\\\\$", matches: ["\\"], rejects: ["\\$", ""]),
    ])
    func isTheWholePath(_ row: PatternCase) throws {
        let regex = try PathRegex(row.pattern)
        for path in row.matches { #expect(matches(regex, Array(path.utf8)), "\(path)") }
        for path in row.rejects { #expect(!matches(regex, Array(path.utf8)), "\(path)") }
    }

    @Test(arguments: [
        ("/a(b", 2), ("/a)b", 2), ("/[a", 1), ("*a", 0), ("a**", 2), ("a{2}{3}", 4), ("a{3,2}", 1), ("a{1001}", 1),
        ("a{,2}", 1), ("a{", 1), ("{2}", 0), ("\\", 0), ("a\\q", 1), ("\\1", 0), ("\\xg0", 0), ("[z-a]", 1),
        ("[\\d-z]", 1),
        ("[é]", 1), ("[[:alpha:]]", 1), ("(?i)a", 0), ("(?=a)", 0), ("a^b", 1), ("(a$|b)", 2), ("|*", 1),
    ])
    func refuses(_ pattern: String, _ offset: Int) {
        #expect(throws: PathRegexError.self) { try PathRegex(pattern) }
        do { _ = try PathRegex(pattern) } catch { #expect(error.offset == offset, "\(error)") }
    }

    @Test(arguments: [
        String(repeating: "a", count: 513), "(a{100}){6}", "((a{10}){10}){10}", String(repeating: "(", count: 40),
        "(((a{1000}){1000}){1000}){1000}", String(repeating: "()", count: 3_000),
    ])
    func refusesWhatIsTooLarge(_ pattern: String) {
        #expect(throws: PathRegexError.self) { try PathRegex(pattern) }
    }

    @Test func theLargestStillWorks() throws {
        let regex = try PathRegex("a{512}")
        #expect(matches(regex, [UInt8](repeating: 0x61, count: 512)))
        #expect(!matches(regex, [UInt8](repeating: 0x61, count: 511)))
        #expect(!matches(regex, [UInt8](repeating: 0x61, count: 513)))
    }

    /// Takes a backtracking matcher longer than the age of the universe.
    @Test func neverBacktracks() throws {
        let regex = try PathRegex("(a*)*(a|aa)+(a?){60}b")
        #expect(!matches(regex, [UInt8](repeating: 0x61, count: 4_000)))
    }

    /// Random patterns against a matcher that is slow and plainly right.
    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func agreesWithTheDefinition(_ seed: UInt64) throws {
        var random = RandomBits(seed: seed)
        for _ in 0..<100 {
            let tree = randomTree(&random, depth: 3)
            let regex = try PathRegex(tree.pattern)
            for _ in 0..<20 {
                let path = (0..<random.below(7)).map { _ in UInt8(0x61 + random.below(3)) }
                let expected = tree.ends(path, from: [0]).contains(path.count)
                #expect(matches(regex, path) == expected, "\(tree.pattern) on \(path), seed \(seed)")
            }
        }
    }

    private func randomTree(_ random: inout RandomBits, depth: Int) -> Tree {
        switch depth == 0 ? 0 : random.below(5) {
        case 0, 1: return .byte(UInt8(0x61 + random.below(3)))
        case 2: return .sequence((0..<random.below(4)).map { _ in randomTree(&random, depth: depth - 1) })
        case 3: return .choice((0..<(1 + random.below(3))).map { _ in randomTree(&random, depth: depth - 1) })
        default:
            let minimum = random.below(3)
            let maximum = random.below(3) == 0 ? nil : minimum + random.below(3)
            return .repetition(randomTree(&random, depth: depth - 1), minimum, maximum)
        }
    }
}

/// A span cannot be an argument within `#expect`.
private func matches(_ regex: PathRegex, _ path: [UInt8]) -> Bool { regex.matches(path.span) }

/// A pattern as a tree, with a matcher straight from the definition: the set of places where a match can end.
private indirect enum Tree {
    case byte(UInt8)
    case sequence([Tree])
    case choice([Tree])
    case repetition(Tree, Int, Int?)

    var pattern: String {
        switch self {
        case .byte(let byte): String(Unicode.Scalar(byte))
        case .sequence(let parts): "(" + parts.map(\.pattern).joined() + ")"
        case .choice(let parts): "(?:" + parts.map(\.pattern).joined(separator: "|") + ")"
        case .repetition(let part, let minimum, let maximum):
            "(\(part.pattern)){\(minimum),\(maximum.map(String.init) ?? "")}"
        }
    }

    func ends(_ path: [UInt8], from starts: Set<Int>) -> Set<Int> {
        switch self {
        case .byte(let byte):
            return Set(starts.filter { $0 < path.count && path[$0] == byte }.map { $0 + 1 })
        case .sequence(let parts): return parts.reduce(starts) { $1.ends(path, from: $0) }
        case .choice(let parts): return parts.reduce(into: []) { $0.formUnion($1.ends(path, from: starts)) }
        case .repetition(let part, let minimum, let maximum):
            var current = starts
            for _ in 0..<minimum { current = part.ends(path, from: current) }
            var all = current
            for _ in minimum..<(maximum ?? (minimum + path.count + 1)) {
                current = part.ends(path, from: current)
                all.formUnion(current)
            }
            return all
        }
    }
}
