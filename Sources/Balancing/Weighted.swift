// Owns the policy `weighted`: smooth weighted round robin.

/// In every run of `sum of weights` picks each endpoint is picked exactly `weight` times, spread as evenly as possible:
/// weights 5:1:1 give a a b a c a a. O(n) a pick.
///
/// The algorithm is nginx's: at each pick every endpoint gains its weight; the one with the most is picked and pays the
/// sum.
public struct Weighted: Sendable {
    @usableFromInline
    struct Entry: Sendable {
        @usableFromInline var weight: Int
        @usableFromInline var current: Int
        @usableFromInline var index: Int
    }

    @usableFromInline var entries: [Entry]

    public init(weights: [Int]) {
        entries = []
        for (index, given) in weights.enumerated() {
            let weight = WeightLimit.clamp(given)
            if weight > 0 { entries.append(Entry(weight: Int(weight), current: 0, index: index)) }
        }
    }

    /// The next endpoint that is not excluded (excluded ones count again when there is no other); nil when no weight is
    /// above 0. Excluded ones neither gain nor pay.
    @inlinable
    public mutating func pick(excluding excluded: ExcludedIndices) -> Int? {
        guard !entries.isEmpty else { return nil }
        // One alone gains and pays the same, and is taken also when it is excluded.
        if entries.count == 1 { return entries[0].index }
        let best = excluded.isEmpty ? advance() : advance(excluding: excluded)
        return best >= 0 ? entries[best].index : entries[advance()].index
    }

    @inlinable
    mutating func advance() -> Int {
        var span = entries.mutableSpan
        var best = 0
        var most = Int.min
        var sum = 0
        for position in span.indices {
            let weight = span[position].weight
            let current = span[position].current &+ weight
            span[position].current = current
            sum &+= weight
            if current > most {
                most = current
                best = position
            }
        }
        span[best].current &-= sum
        return best
    }

    /// The same among the not excluded; -1 when all are.
    @usableFromInline
    mutating func advance(excluding excluded: ExcludedIndices) -> Int {
        var best = -1
        var sum = 0
        for position in entries.indices where !excluded.contains(entries[position].index) {
            entries[position].current += entries[position].weight
            sum += entries[position].weight
            if best < 0 || entries[position].current > entries[best].current { best = position }
        }
        if best >= 0 { entries[best].current -= sum }
        return best
    }

    /// Continues from `old`'s credits, so that a change of one weight does not restart the sequence at the heaviest.
    mutating func resume(_ old: Weighted, _ renumbering: Renumbering) {
        var credits: [Int: Int] = [:]
        for entry in old.entries {
            if let index = renumbering.newIndex(entry.index) { credits[index] = entry.current }
        }
        // A debt from a much greater old weight would starve the endpoint, so no debt lasts longer than one period.
        let period = entries.reduce(0) { $0 + $1.weight }
        for position in entries.indices {
            guard let credit = credits[entries[position].index] else { continue }
            entries[position].current = min(max(credit, -period), period)
        }
    }
}
