// Owns the automaton of a route's pattern: built once, run for every path.

/// Glushkov's automaton in bits: state i is alive after a byte if position i of the pattern has just read it.
///
/// A class, so that a request that tries many patterns counts one reference for each instead of one for every table.
final class PositionAutomaton: Sendable {
    /// Sets of positions, in words of 64.
    private typealias Positions = [UInt64]

    /// A part of the pattern: whether it may be empty, and the positions it can begin and end with.
    private struct Fragment {
        var isNullable: Bool
        var first: Positions
        var last: Positions
    }

    /// Words that a set of positions takes.
    private let words: Int
    /// Whether the empty path matches.
    private let acceptsEmpty: Bool
    private let first: Positions
    private let last: Positions
    /// For each byte value, the positions that read it: `words` words each.
    private let readers: [UInt64]
    /// For each position, those that may come next: `words` words each.
    private let followers: [UInt64]
    /// What every matching path begins with, and the positions that are alive after it. Most paths fail here, cheaply.
    private let prefix: [UInt8]
    private let afterPrefix: Positions

    init(_ node: PathRegexNode) throws(PathRegexError) {
        let count = Self.positions(in: node)
        guard count <= PathRegex.maximumPositions else {
            throw PathRegexError(
                message: "the pattern is too large: with its repetitions it has more than "
                    + "\(PathRegex.maximumPositions) places", offset: 0)
        }
        words = max(1, (count + 63) / 64)
        var builder = Builder(words: words, count: count)
        let whole = builder.fragment(node)
        acceptsEmpty = whole.isNullable
        first = whole.first
        last = whole.last
        readers = builder.readers
        followers = builder.followers
        (prefix, afterPrefix) = builder.prefix(of: whole)
    }

    /// The positions that `node` needs, at most `maximumPositions` + 1.
    private static func positions(in node: PathRegexNode) -> Int {
        let tooMany = PathRegex.maximumPositions + 1
        switch node {
        case .bytes: return 1
        case .sequence(let parts), .choice(let parts):
            return parts.reduce(0) { min(tooMany, $0 + positions(in: $1)) }
        case .repetition(let part, let minimum, let maximum):
            return min(tooMany, positions(in: part) * (maximum ?? max(1, minimum)))
        }
    }

    /// Whether all of `path` is accepted.
    func accepts(_ path: Span<UInt8>) -> Bool {
        if path.isEmpty { return acceptsEmpty }
        guard path.count >= prefix.count else { return false }
        for index in prefix.indices where path[index] != prefix[index] { return false }
        var alive = InlineArray<8, UInt64>(repeating: 0)
        if prefix.isEmpty {
            for word in 0..<words { alive[word] = first[word] & readers[Int(path[0]) * words + word] }
        } else {
            for word in 0..<words { alive[word] = afterPrefix[word] }
        }
        for index in max(1, prefix.count)..<path.count {
            var next = InlineArray<8, UInt64>(repeating: 0)
            var isAlive = false
            for word in 0..<words {
                var rest = alive[word]
                isAlive = isAlive || rest != 0
                while rest != 0 {
                    let follower = (word * 64 + rest.trailingZeroBitCount) * words
                    for target in 0..<words { next[target] |= followers[follower + target] }
                    rest &= rest - 1
                }
            }
            guard isAlive else { return false }
            let reader = Int(path[index]) * words
            for word in 0..<words { alive[word] = next[word] & readers[reader + word] }
        }
        for word in 0..<words where alive[word] & last[word] != 0 { return true }
        return false
    }

    /// Numbers the positions while it walks the tree, and fills the tables.
    private struct Builder {
        let words: Int
        var readers: [UInt64]
        var followers: [UInt64]
        private var used = 0

        init(words: Int, count: Int) {
            self.words = words
            readers = Array(repeating: 0, count: 256 * words)
            followers = Array(repeating: 0, count: max(1, count) * words)
        }

        private var empty: Fragment {
            let none = Positions(repeating: 0, count: words)
            return Fragment(isNullable: true, first: none, last: none)
        }

        /// The bytes that every match of `whole` begins with, and the position that read the last of them. They are
        /// followed as long as there is only one next position, which reads only one byte, and the path cannot end
        /// before it.
        func prefix(of whole: Fragment) -> ([UInt8], Positions) {
            var bytes: [UInt8] = []
            var reached = Positions(repeating: 0, count: words)
            var next = whole.first
            var mayEnd = whole.isNullable
            while !mayEnd, next.reduce(0, { $0 + $1.nonzeroBitCount }) == 1,
                let word = next.firstIndex(where: { $0 != 0 }), bytes.count < PathRegex.maximumPositions
            {
                let read = (0..<256).filter { readers[$0 * words + word] & next[word] != 0 }
                guard read.count == 1 else { break }
                bytes.append(UInt8(read[0]))
                reached = next
                mayEnd = whole.last[word] & next[word] != 0
                let follower = (word * 64 + next[word].trailingZeroBitCount) * words
                next = Array(followers[follower..<(follower + words)])
            }
            return (bytes, reached)
        }

        mutating func fragment(_ node: PathRegexNode) -> Fragment {
            switch node {
            case .bytes(let set): return position(set)
            case .sequence(let parts):
                var whole = empty
                for part in parts { whole = join(whole, fragment(part)) }
                return whole
            case .choice(let parts):
                var whole = empty
                whole.isNullable = false
                for part in parts { whole = either(whole, fragment(part)) }
                return whole
            case .repetition(let part, let minimum, let maximum):
                return repetition(part, minimum: minimum, maximum: maximum)
            }
        }

        private mutating func position(_ set: ByteSet) -> Fragment {
            let (word, bit) = (used / 64, UInt64(1) << (used % 64))
            for byte in 0..<256 where set.contains(UInt8(byte)) { readers[byte * words + word] |= bit }
            used += 1
            var only = Positions(repeating: 0, count: words)
            only[word] = bit
            return Fragment(isNullable: false, first: only, last: only)
        }

        /// `part` written out `maximum` times, those beyond `minimum` nullable; without end, the last one loops.
        private mutating func repetition(_ part: PathRegexNode, minimum: Int, maximum: Int?) -> Fragment {
            // A part that reads nothing is the same however often it is repeated; written out, it would take unbounded
            // time.
            guard PositionAutomaton.positions(in: part) > 0 else { return empty }
            let copies = maximum ?? max(1, minimum)
            var whole = empty
            for copy in 0..<copies {
                var next = fragment(part)
                if maximum == nil, copy == copies - 1 { connect(next.last, to: next.first) }
                if copy >= minimum { next.isNullable = true }
                whole = join(whole, next)
            }
            return whole
        }

        private mutating func join(_ left: Fragment, _ right: Fragment) -> Fragment {
            connect(left.last, to: right.first)
            return Fragment(
                isNullable: left.isNullable && right.isNullable,
                first: left.isNullable ? union(left.first, right.first) : left.first,
                last: right.isNullable ? union(left.last, right.last) : right.last)
        }

        private func either(_ left: Fragment, _ right: Fragment) -> Fragment {
            Fragment(
                isNullable: left.isNullable || right.isNullable, first: union(left.first, right.first),
                last: union(left.last, right.last))
        }

        private func union(_ left: Positions, _ right: Positions) -> Positions {
            var both = left
            for word in both.indices { both[word] |= right[word] }
            return both
        }

        private mutating func connect(_ sources: Positions, to targets: Positions) {
            for word in sources.indices {
                var rest = sources[word]
                while rest != 0 {
                    let source = (word * 64 + rest.trailingZeroBitCount) * words
                    for target in targets.indices { followers[source + target] |= targets[target] }
                    rest &= rest - 1
                }
            }
        }
    }
}
