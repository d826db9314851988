// Owns the check whether what clients saw could have happened one operation at a time.
internal import Topology

/// One operation of a client on one register, with the times of its request and answer.
struct Operation: Hashable, Sendable {
    enum Kind: Hashable, Sendable {
        case write(Int64)
        /// `result`: the value afterwards, if an answer came.
        case add(Int64, result: Int64?)
        case read(Int64)
    }

    var client: Int
    var key: Int
    var called: Tick
    /// nil: no answer came; it may take effect at any time after it was asked for, or never.
    var returned: Tick?
    var kind: Kind

    /// The value after the operation; nil if the client saw a different one.
    func applied(to value: Int64) -> Int64? {
        switch kind {
        case .write(let written): return written
        case .add(let count, let result):
            let sum = value &+ count
            return result ?? sum == sum ? sum : nil
        case .read(let seen): return seen == value ? value : nil
        }
    }
}

enum LinearizabilityVerdict: Hashable, Sendable {
    case linearizable
    /// No order explains what the clients of this register saw. Has the operations up to the first that cannot be
    /// placed.
    case broken(key: Int, operations: [Operation])
    /// The search reached its limit and was given up.
    case undecided
}

/// Searches for an order of the operations that is consistent with their times and results (Wing and Gong, "Testing and
/// verifying concurrent objects", 1993), remembering which sets of operations led to which value (Lowe, "Testing for
/// linearizability", 2017). Registers are judged one by one: linearizability is local (Herlihy and Wing, 1990).
///
/// - Complexity: in the worst case exponential in the number of concurrent operations; `limit` bounds the steps.
func judgeLinearizability(_ history: [Operation], limit: Int = 2_000_000) -> LinearizabilityVerdict {
    var isDecided = true
    for key in Set(history.map(\.key)).sorted() {
        var search = LinearizabilitySearch(history.filter { $0.key == key })
        switch search.run(limit: limit) {
        case .found: continue
        case .exhausted(let reach): return .broken(key: key, operations: reach)
        case .givenUp: isDecided = false
        }
    }
    return isDecided ? .linearizable : .undecided
}

private struct LinearizabilitySearch {
    enum Result {
        case found
        case exhausted([Operation])
        case givenUp
    }

    private struct Configuration: Hashable {
        var placed: [UInt64]
        var value: Int64
    }

    private struct Choice {
        var operation: Int
        var valueBefore: Int64
    }

    /// Sorted by the time of the call.
    private let operations: [Operation]
    private let answered: Int
    private var placed: [UInt64]
    private var seen: Set<Configuration> = []
    private var value: Int64 = 0
    private var chosen: [Choice] = []
    private var placedAnswered = 0
    /// The first operation that is not placed yet.
    private var first = 0
    private var deepest = 0

    init(_ operations: [Operation]) {
        self.operations = operations.sorted { ($0.called, $0.client) < ($1.called, $1.client) }
        answered = operations.count { $0.returned != nil }
        placed = [UInt64](repeating: 0, count: operations.count / 64 + 1)
    }

    mutating func run(limit: Int) -> Result {
        var candidate = 0
        for _ in 0..<limit {
            if placedAnswered == answered { return .found }
            if let next = placeable(from: candidate) {
                candidate = place(next) ? first : next + 1
            } else {
                guard let undone = undo() else { return .exhausted(Array(operations.prefix(deepest + 1))) }
                candidate = undone + 1
            }
        }
        return .givenUp
    }

    /// The next candidate: no unplaced operation ended before it began, and its result fits.
    private func placeable(from start: Int) -> Int? {
        var earliestEnd = Tick.distantFuture
        for place in first..<operations.count where !isPlaced(place) {
            let operation = operations[place]
            if operation.called > earliestEnd { return nil }
            if place >= start, operation.applied(to: value) != nil { return place }
            if let returned = operation.returned { earliestEnd = min(earliestEnd, returned) }
        }
        return nil
    }

    /// Places an operation; false if the same set with the same value has been tried already.
    private mutating func place(_ operation: Int) -> Bool {
        guard let after = operations[operation].applied(to: value) else { return false }
        placed[operation / 64] |= 1 << UInt64(operation % 64)
        guard seen.insert(Configuration(placed: placed, value: after)).inserted else {
            placed[operation / 64] &= ~(1 << UInt64(operation % 64))
            return false
        }
        chosen.append(Choice(operation: operation, valueBefore: value))
        value = after
        if operations[operation].returned != nil { placedAnswered += 1 }
        while first < operations.count, isPlaced(first) { first += 1 }
        deepest = max(deepest, first)
        return true
    }

    private mutating func undo() -> Int? {
        guard let last = chosen.popLast() else { return nil }
        placed[last.operation / 64] &= ~(1 << UInt64(last.operation % 64))
        value = last.valueBefore
        if operations[last.operation].returned != nil { placedAnswered -= 1 }
        first = min(first, last.operation)
        return last.operation
    }

    private func isPlaced(_ operation: Int) -> Bool { placed[operation / 64] & (1 << UInt64(operation % 64)) != 0 }
}
