// Owns the entries that a member holds in memory: those since its snapshot, and a few before it for late followers.
internal import Topology

/// A log that begins after `before`. Every search costs at most the logarithm of the number of entries.
struct RaftLog: Sendable {
    /// A configuration and the index from which on it is in force.
    struct Mark: Sendable {
        var index: LogIndex
        var configuration: Configuration
    }

    /// The position before the first entry that is held.
    private(set) var before: LogPosition
    private var entries: [LogEntry] = []
    /// For each entry, the cost of all entries up to and including it, from an origin that never moves.
    private var sums: [Int] = []
    private var sumBefore = 0
    /// By index; the first is in force at `before`.
    private var marks: [Mark]

    init(startingAfter position: LogPosition, configuration: Configuration) {
        before = position
        marks = [Mark(index: position.index, configuration: configuration)]
    }

    var last: LogPosition { entries.last?.position ?? before }

    /// The configuration in force: the latest in the log, committed or not (Raft §6).
    var configuration: Configuration { marks[marks.count - 1].configuration }
    /// Where that configuration stands.
    var configurationIndex: LogIndex { marks[marks.count - 1].index }

    /// The configuration before that one; nil if it lies before the log.
    var configurationBefore: Configuration? { marks.count > 1 ? marks[marks.count - 2].configuration : nil }

    /// The configuration that was in force at the index.
    func configuration(at index: LogIndex) -> Configuration {
        (marks.last { $0.index <= index } ?? marks[0]).configuration
    }

    /// The cost of everything ever appended up to the index; the difference of two such values is a number of bytes.
    func sum(through index: LogIndex) -> Int {
        if index <= before.index || entries.isEmpty { return sumBefore }
        return sums[min(offset(of: index), sums.count - 1)]
    }

    /// The bytes of the entries after the index, as far as they are held.
    func bytes(after index: LogIndex) -> Int { (sums.last ?? sumBefore) - sum(through: index) }

    /// The position at the index; nil if the log does not reach there, on either side.
    func position(at index: LogIndex) -> LogPosition? {
        if index == before.index { return before }
        guard index > before.index, index <= last.index else { return nil }
        return entries[offset(of: index)].position
    }

    func holds(_ position: LogPosition) -> Bool { self.position(at: position.index) == position }

    func entry(at index: LogIndex) -> LogEntry? {
        guard index > before.index, index <= last.index else { return nil }
        return entries[offset(of: index)]
    }

    /// The entries after the index: at least one if there is one, and otherwise as many as cost at most this much.
    func entries(after index: LogIndex, cost limit: Int) -> [LogEntry] {
        guard index >= before.index, index < last.index else { return [] }
        let start = offset(of: index.next)
        let base = sum(through: index)
        var end = start + 1
        while end < entries.count, sums[end] - base <= limit { end += 1 }
        return Array(entries[start..<end])
    }

    /// The last position at or before both this index and this term; nil when that lies before the log.
    ///
    /// Two logs that disagree at a position can agree only at or before this position in either. Terms never fall along
    /// a log, so a whole term of conflicts is skipped in one step (thesis §3.5 and its footnote on conflict hints).
    func position(atMost limit: LogPosition) -> LogPosition? {
        guard limit.index >= before.index, limit.term >= before.term else { return nil }
        var low = 0
        var high = min(entries.count, offset(of: limit.index) + 1)
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].position.term <= limit.term { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? before : entries[low - 1].position
    }

    /// Adds an entry; its index follows the last one.
    mutating func append(_ entry: LogEntry) {
        sums.append((sums.last ?? sumBefore) + entry.cost)
        entries.append(entry)
        if case .configuration(let configuration) = entry.payload {
            marks.append(Mark(index: entry.position.index, configuration: configuration))
        }
    }

    /// Drops the entries from the index on.
    mutating func cut(from index: LogIndex) {
        guard index > before.index, index <= last.index else { return }
        let start = offset(of: index)
        entries.removeSubrange(start...)
        sums.removeSubrange(start...)
        while marks.count > 1, marks[marks.count - 1].index >= index { marks.removeLast() }
    }

    /// Drops the entries up to the index, which a snapshot replaces.
    mutating func compact(through index: LogIndex) {
        guard index > before.index, let position = position(at: index) else { return }
        let count = offset(of: index) + 1
        sumBefore = sums[count - 1]
        before = position
        entries.removeFirst(count)
        sums.removeFirst(count)
        while marks.count > 1, marks[1].index <= index { marks.removeFirst() }
    }

    /// Becomes empty after this position.
    mutating func restart(after position: LogPosition, configuration: Configuration) {
        let sum = sums.last ?? sumBefore
        self = RaftLog(startingAfter: position, configuration: configuration)
        sumBefore = sum
    }

    private func offset(of index: LogIndex) -> Int { before.index.distance(to: index) - 1 }
}
