// Owns which term each index of the log has: all that the store keeps of the log in memory.
internal import Raft

/// The terms of the log from its snapshot on, as runs, because there are few terms.
struct TermMap: Sendable {
    private(set) var base: LogPosition
    private(set) var last: LogIndex
    /// The first index of each run, ascending; all are behind `base` and at most `last`.
    private var runs: [(first: LogIndex, term: Term)] = []

    init(base: LogPosition, entries: [LogEntry] = []) {
        self.base = base
        last = base.index
        for entry in entries { append(entry.position) }
    }

    /// The term of an index; nil outside the log. O(log of the runs).
    func term(at index: LogIndex) -> Term? {
        if index == base.index { return base.term }
        guard index > base.index, index <= last else { return nil }
        var (low, high) = (0, runs.count)
        while low < high {
            let middle = (low + high) / 2
            if runs[middle].first <= index { low = middle + 1 } else { high = middle }
        }
        return low > 0 ? runs[low - 1].term : nil
    }

    /// Adds the entry after the last.
    mutating func append(_ position: LogPosition) {
        if runs.last?.term != position.term { runs.append((position.index, position.term)) }
        last = position.index
    }

    /// Drops everything from an index on, which is behind `base`.
    mutating func cut(from index: LogIndex) {
        guard index <= last else { return }
        while let run = runs.last, run.first >= index { runs.removeLast() }
        last = index.previous
    }

    /// Lets a snapshot replace everything up to it.
    mutating func rest(on position: LogPosition, keepsRest: Bool) {
        base = position
        guard keepsRest, last > position.index else {
            runs = []
            last = position.index
            return
        }
        let next = position.index.next
        let term = runs.last { $0.first <= next }?.term
        runs.removeAll { $0.first <= next }
        if let term { runs.insert((next, term), at: 0) }
    }
}
