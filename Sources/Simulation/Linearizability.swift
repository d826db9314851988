// Owns the judgement whether what clients saw could have happened one operation at a time.
internal import Topology

/// One operation of a client on one register, with when it was asked for and answered.
struct Operation: Hashable, Sendable {
    enum Kind: Hashable, Sendable {
        case write(Int64)
        /// `result`: the value afterwards, where an answer came.
        case add(Int64, result: Int64?)
        case read(Int64)
    }

    var client: Int
    var key: Int
    var called: Tick
    /// nil: no answer came; it may take effect at any time after it was asked for, or never.
    var returned: Tick?
    var kind: Kind

    /// The value after the operation; nil where what it saw differs.
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
    /// No order explains what the clients of this register saw; the operations up to the first that cannot be placed.
    case broken(key: Int, operations: [Operation])
    /// The search was given up at its limit.
    case undecided
}

/// Looks for an order of the operations that agrees with their times and results (Wing and Gong, "Testing and verifying
/// concurrent objects", 1993), remembering which sets of operations led to which value (Lowe, "Testing for
/// linearizability", 2017). Registers are judged one by one: linearizability is local (Herlihy and Wing, 1990).
///
/// - Complexity: exponential in the operations under way at one time, in the worst case; `limit` bounds the steps.
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

    /// By the time of the call.
    private let operations: [Operation]
    private let answered: Int
    private var placed: [UInt64]
    private var seen: Set<Configuration> = []
    private var value: Int64 = 0
    private var chosen: [Choice] = []
    private var placedAnswered = 0
    /// The first operation that is not placed.
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

    /// The next operation that may come next: no operation that is not placed ended before it began, and its result fits.
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

    /// Places an operation; false when the same set with the same value was tried already.
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
