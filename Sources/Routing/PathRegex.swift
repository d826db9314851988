// Owns the regular expressions of routes: their limits, and matching a path in time linear in its length.

/// A regular expression that must match a whole path.
///
/// Understands literals, `.`, classes `[a-z]` and `[^…]`, `\d \w \s` and their negations, groups, `|`, `*`, `+`, `?`
/// and `{m,n}`. `^` at the start and `$` at the end are allowed but change nothing. There are no back-references,
/// assertions or captures, which would need backtracking: paths come from anyone.
///
/// It works on bytes: `.` is one byte, a character beyond ASCII is the sequence of its UTF-8 bytes.
///
/// The automaton is Glushkov's (V. M. Glushkov, "The abstract theory of automata", 1961): one state for every position
/// of the pattern that reads a byte, and no empty moves. All live states are followed at once, as bits.
public struct PathRegex: Hashable, Sendable {
    /// The most bytes of a pattern.
    public static let maximumPatternLength = 4_096
    /// The most positions that read a byte, with repetitions written out: `[a-z]{3}` has three.
    public static let maximumPositions = 512

    /// The pattern as it was written.
    public let pattern: String
    let automaton: PositionAutomaton

    /// Compiles `pattern`.
    public init(_ pattern: String) throws(PathRegexError) {
        self.pattern = pattern
        let node = try PathRegexParser.parse(pattern)
        automaton = try PositionAutomaton(node)
    }

    /// Whether all of `path` matches. Allocates nothing; O(bytes × places).
    public func matches(_ path: Span<UInt8>) -> Bool { automaton.accepts(path) }

    public static func == (left: PathRegex, right: PathRegex) -> Bool { left.pattern == right.pattern }
    public func hash(into hasher: inout Hasher) { hasher.combine(pattern) }
}

/// Why a pattern is invalid.
public struct PathRegexError: Error, Hashable, CustomStringConvertible {
    /// What is wrong, in words for the author of the pattern.
    public var message: String
    /// Where, in UTF-8 bytes from the start of the pattern.
    public var offset: Int

    public var description: String { "\(message) (at byte \(offset))" }
}
