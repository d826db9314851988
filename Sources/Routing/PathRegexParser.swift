// Owns the grammar of route patterns: text becomes a tree, or the first mistake and its position.

/// A parsed pattern.
indirect enum PathRegexNode: Sendable {
    case bytes(ByteSet)
    case sequence([PathRegexNode])
    case choice([PathRegexNode])
    /// `maximum` nil: without end.
    case repetition(PathRegexNode, minimum: Int, maximum: Int?)
}

/// A recursive descent parser. Its depth is that of the groups, which is limited.
struct PathRegexParser {
    private static let maximumDepth = 32
    /// RE2's limit for a count.
    private static let maximumCount = 1_000

    private let bytes: [UInt8]
    private var offset = 0
    private var end: Int

    static func parse(_ pattern: String) throws(PathRegexError) -> PathRegexNode {
        var parser = PathRegexParser(bytes: Array(pattern.utf8))
        return try parser.parseWhole()
    }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
        end = bytes.count
    }

    private mutating func parseWhole() throws(PathRegexError) -> PathRegexNode {
        guard bytes.count <= PathRegex.maximumPatternLength else {
            throw failure("the pattern is longer than \(PathRegex.maximumPatternLength) bytes")
        }
        if next == UInt8(ascii: "^") { offset = 1 }
        if end > offset, bytes[end - 1] == UInt8(ascii: "$"), !isEscaped(end - 1) { end -= 1 }
        let node = try parseChoice(depth: 0)
        if offset < end { throw failure("there is no '(' for this ')'") }
        return node
    }

    /// Whether an odd number of backslashes stands before `position`.
    private func isEscaped(_ position: Int) -> Bool {
        let backslashes = bytes[..<position].reversed().prefix { $0 == UInt8(ascii: "\\") }.count
        return !backslashes.isMultiple(of: 2)
    }

    // MARK: Structure

    private mutating func parseChoice(depth: Int) throws(PathRegexError) -> PathRegexNode {
        var branches = [try parseSequence(depth: depth)]
        while take(UInt8(ascii: "|")) { branches.append(try parseSequence(depth: depth)) }
        return branches.count == 1 ? branches[0] : .choice(branches)
    }

    private mutating func parseSequence(depth: Int) throws(PathRegexError) -> PathRegexNode {
        var parts: [PathRegexNode] = []
        while let byte = next, byte != UInt8(ascii: "|"), byte != UInt8(ascii: ")") {
            let atom = try parseAtom(depth: depth)
            parts.append(try parseRepetition(of: atom))
        }
        return .sequence(parts)
    }

    private mutating func parseAtom(depth: Int) throws(PathRegexError) -> PathRegexNode {
        let start = offset
        guard let byte = takeAny() else { throw failure("the pattern ends early") }
        switch byte {
        case UInt8(ascii: "("): return try parseGroup(depth: depth, openedAt: start)
        case UInt8(ascii: "["): return .bytes(try parseClass(openedAt: start))
        case UInt8(ascii: "."): return .bytes(.all)
        case UInt8(ascii: "\\"): return .bytes(try parseEscape(at: start))
        case UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "?"), UInt8(ascii: "{"):
            throw failure(
                "there is nothing to repeat; write \\\(Character(Unicode.Scalar(byte))) for the character", at: start)
        case UInt8(ascii: "^"), UInt8(ascii: "$"):
            throw failure("'^' and '$' stand only at the ends: the pattern always matches the whole path", at: start)
        default: return parseLiteral(first: byte)
        }
    }

    /// One character: beyond ASCII it is several bytes, and `é*` repeats all of them.
    private mutating func parseLiteral(first: UInt8) -> PathRegexNode {
        guard first >= 0xC0 else { return .bytes(ByteSet(first)) }
        var parts = [PathRegexNode.bytes(ByteSet(first))]
        while let byte = next, byte & 0xC0 == 0x80 {
            parts.append(.bytes(ByteSet(byte)))
            offset += 1
        }
        return .sequence(parts)
    }

    private mutating func parseGroup(depth: Int, openedAt start: Int) throws(PathRegexError) -> PathRegexNode {
        guard depth < Self.maximumDepth else { throw failure("groups are nested too deep", at: start) }
        if take(UInt8(ascii: "?")), !take(UInt8(ascii: ":")) {
            throw failure("of the groups that begin with '(?' there is only '(?:'", at: start)
        }
        let node = try parseChoice(depth: depth + 1)
        guard take(UInt8(ascii: ")")) else { throw failure("this '(' is never closed", at: start) }
        return node
    }

    // MARK: Repetition

    private mutating func parseRepetition(of atom: PathRegexNode) throws(PathRegexError) -> PathRegexNode {
        let minimum: Int
        let maximum: Int?
        switch next {
        case UInt8(ascii: "*"): (minimum, maximum) = (0, nil)
        case UInt8(ascii: "+"): (minimum, maximum) = (1, nil)
        case UInt8(ascii: "?"): (minimum, maximum) = (0, 1)
        case UInt8(ascii: "{"):
            (minimum, maximum) = try parseCounts()
            offset -= 1
        default: return atom
        }
        offset += 1
        // A lazy repetition matches the same paths as a greedy one.
        _ = take(UInt8(ascii: "?"))
        if let byte = next, byte == UInt8(ascii: "*") || byte == UInt8(ascii: "+") || byte == UInt8(ascii: "{") {
            throw failure("a repetition cannot be repeated; use a group")
        }
        return .repetition(atom, minimum: minimum, maximum: maximum)
    }

    /// `{m}`, `{m,}` or `{m,n}`, the braces included.
    private mutating func parseCounts() throws(PathRegexError) -> (Int, Int?) {
        let start = offset
        offset += 1
        let wrong = "a count is {m}, {m,} or {m,n} with 0 ≤ m ≤ n ≤ \(Self.maximumCount); write \\{ for the character"
        guard let minimum = parseNumber() else { throw failure(wrong, at: start) }
        var maximum: Int? = minimum
        if take(UInt8(ascii: ",")) { maximum = parseNumber() }
        // `{2,9999}` leaves a digit unread, so the brace is missing.
        guard take(UInt8(ascii: "}")), minimum <= maximum ?? minimum else { throw failure(wrong, at: start) }
        return (minimum, maximum)
    }

    /// A number of at most `maximumCount`; nil, and nothing read, when there is none.
    private mutating func parseNumber() -> Int? {
        let start = offset
        var number = 0
        while let byte = next, (0x30...0x39).contains(byte), number <= Self.maximumCount {
            number = number * 10 + Int(byte - 0x30)
            offset += 1
        }
        guard offset > start, number <= Self.maximumCount else {
            offset = start
            return nil
        }
        return number
    }

    // MARK: Classes

    private mutating func parseClass(openedAt start: Int) throws(PathRegexError) -> ByteSet {
        let isNegated = take(UInt8(ascii: "^"))
        var set = ByteSet()
        var isFirst = true
        while true {
            guard let byte = next else { throw failure("this '[' is never closed", at: start) }
            // As everywhere, ']' right after '[' or '[^' is the character.
            if byte == UInt8(ascii: "]"), !isFirst { break }
            isFirst = false
            set = set.union(try parseClassItem())
        }
        offset += 1
        return isNegated ? set.inverted : set
    }

    /// A byte, an escape or a range.
    private mutating func parseClassItem() throws(PathRegexError) -> ByteSet {
        let start = offset
        let (set, single) = try parseClassEnd()
        let isRange = next == UInt8(ascii: "-") && offset + 1 < end && bytes[offset + 1] != UInt8(ascii: "]")
        guard isRange else { return set }
        offset += 1
        let (_, last) = try parseClassEnd()
        guard let single, let last, single <= last else { throw failure("this is no range of characters", at: start) }
        return ByteSet(single...last)
    }

    /// One end of a range, or an escape that is a set (then there is no single byte).
    private mutating func parseClassEnd() throws(PathRegexError) -> (ByteSet, UInt8?) {
        let start = offset
        guard let byte = takeAny() else { throw failure("the class ends early") }
        if byte >= 0x80 { throw failure("a class holds only ASCII characters; use (é|ü)", at: start) }
        if byte == UInt8(ascii: "["), next == UInt8(ascii: ":") {
            throw failure("there are no classes like [:alpha:]", at: start)
        }
        guard byte == UInt8(ascii: "\\") else { return (ByteSet(byte), byte) }
        let set = try parseEscape(at: start)
        let members = (UInt8.min...UInt8.max).filter(set.contains)
        return (set, members.count == 1 ? members[0] : nil)
    }

    // MARK: Escapes

    /// What follows a backslash that was read at `start`.
    private mutating func parseEscape(at start: Int) throws(PathRegexError) -> ByteSet {
        guard let byte = takeAny() else { throw failure("nothing follows this '\\'", at: start) }
        switch byte {
        case UInt8(ascii: "d"): return .digits
        case UInt8(ascii: "D"): return ByteSet.digits.inverted
        case UInt8(ascii: "w"): return .word
        case UInt8(ascii: "W"): return ByteSet.word.inverted
        case UInt8(ascii: "s"): return .space
        case UInt8(ascii: "S"): return ByteSet.space.inverted
        case UInt8(ascii: "n"): return ByteSet(0x0A)
        case UInt8(ascii: "r"): return ByteSet(0x0D)
        case UInt8(ascii: "t"): return ByteSet(0x09)
        case UInt8(ascii: "x"): return ByteSet(try parseHexadecimal(at: start))
        // Only punctuation stands for itself: a letter may get a meaning later, and a digit is a back-reference
        // elsewhere.
        case 0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E: return ByteSet(byte)
        default: throw failure("there is no such escape", at: start)
        }
    }

    private mutating func parseHexadecimal(at start: Int) throws(PathRegexError) -> UInt8 {
        var value: UInt8 = 0
        for _ in 0..<2 {
            guard let digit = takeAny().flatMap({ Character(Unicode.Scalar($0)).hexDigitValue }) else {
                throw failure("\\x needs two hexadecimal digits", at: start)
            }
            value = value << 4 | UInt8(digit)
        }
        return value
    }

    // MARK: Bytes

    private var next: UInt8? { offset < end ? bytes[offset] : nil }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard next == byte else { return false }
        offset += 1
        return true
    }

    private mutating func takeAny() -> UInt8? {
        guard let byte = next else { return nil }
        offset += 1
        return byte
    }

    private func failure(_ message: String, at place: Int? = nil) -> PathRegexError {
        PathRegexError(message: message, offset: place ?? offset)
    }
}
