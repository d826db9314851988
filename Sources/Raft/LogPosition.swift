// Owns the numbers that order a log: terms, indexes, and the pair of them.

/// A term of the group: at most one leader each (Raft §5.1). 0 before the first election.
public struct Term: Hashable, Comparable, Sendable, CustomStringConvertible {
    public var number: UInt64
    public static let zero = Term(0)
    public init(_ number: UInt64) { self.number = number }
    public static func < (left: Term, right: Term) -> Bool { left.number < right.number }
    /// The term that a candidate campaigns in.
    public var next: Term { Term(number + 1) }
    public var description: String { "\(number)" }
}

/// The place of an entry in the log; the first entry has 1, 0 is before it.
public struct LogIndex: Hashable, Comparable, Sendable, Strideable, CustomStringConvertible {
    public var number: UInt64
    public static let zero = LogIndex(0)
    public init(_ number: UInt64) { self.number = number }
    public static func < (left: LogIndex, right: LogIndex) -> Bool { left.number < right.number }
    /// Spelled out because `Strideable` would compare by distance, which overflows for some numbers that a peer may
    /// send.
    public static func == (left: LogIndex, right: LogIndex) -> Bool { left.number == right.number }
    public func distance(to other: LogIndex) -> Int { Int(truncatingIfNeeded: other.number &- number) }
    public func advanced(by count: Int) -> LogIndex { LogIndex(number &+ UInt64(truncatingIfNeeded: count)) }
    public var next: LogIndex { LogIndex(number + 1) }
    /// The index before; 0 stays 0.
    public var previous: LogIndex { LogIndex(number == 0 ? 0 : number - 1) }
    public var description: String { "\(number)" }
}

/// An entry's term and index. Two logs that hold an entry of the same position hold the same entries up to it (Raft
/// §5.3), and the greater of two last positions is the more up-to-date log (§5.4.1): term first, then index.
public struct LogPosition: Hashable, Comparable, Sendable, CustomStringConvertible {
    public var term: Term
    public var index: LogIndex
    /// Before the first entry.
    public static let zero = LogPosition(term: .zero, index: .zero)
    public init(term: Term, index: LogIndex) {
        self.term = term
        self.index = index
    }
    public static func < (left: LogPosition, right: LogPosition) -> Bool {
        (left.term, left.index) < (right.term, right.index)
    }
    /// `term/index`, as transcripts and log lines print it.
    public var description: String { "\(term)/\(index)" }
}
