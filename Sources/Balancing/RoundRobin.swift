// Owns the policy `round_robin`: endpoints take turns in their order.

public import Topology

/// Turns in the order of the list, O(1) a pick. An endpoint with less than the greatest weight skips turns, so that
/// over time it takes weight / greatest weight of them.
///
/// Compared with `Weighted`, which is O(n) a pick, a heavy endpoint among light ones is picked several times in a row
/// here; with equal weights the two are the same.
public struct RoundRobin: Sendable {
    @usableFromInline
    struct Turn: Sendable {
        @usableFromInline var index: UInt32
        @usableFromInline var weight: UInt32
        /// Weight collected in skipped turns; when it reaches the greatest weight, a turn is taken (Bresenham's line).
        @usableFromInline var credit: UInt32
    }

    @usableFromInline var turns: [Turn]
    @usableFromInline var greatest: UInt32
    @usableFromInline var position: Int

    /// Starts at a random point of the turn, so that the workers of a process do not run in step.
    public init(weights: [Int], random: inout RandomBits) {
        turns = []
        greatest = 0
        for (index, given) in weights.enumerated() {
            let weight = WeightLimit.clamp(given)
            guard weight > 0 else { continue }
            turns.append(Turn(index: UInt32(index), weight: weight, credit: 0))
            greatest = max(greatest, weight)
        }
        position = random.below(turns.count)
        // Random initial credits; otherwise light endpoints of equal weight would all come in the same round.
        for turn in turns.indices where turns[turn].weight < greatest {
            turns[turn].credit = UInt32(random.below(Int(greatest)))
        }
    }

    /// The next endpoint that is not excluded (excluded ones count again when there is no other); nil when no weight is
    /// above 0.
    @inlinable
    public mutating func pick(excluding excluded: ExcludedIndices) -> Int? {
        let count = turns.count
        // Every turn of the greatest weight is taken, so one round suffices unless all of those are excluded.
        var left = count
        while left > 0 {
            left &-= 1
            let here = position
            position = here &+ 1 == count ? 0 : here &+ 1
            let turn = turns[here]
            if excluded.contains(Int(turn.index)) { continue }
            if turn.weight == greatest { return Int(turn.index) }
            let credit = turn.credit &+ turn.weight
            if credit >= greatest {
                turns[here].credit = credit &- greatest
                return Int(turn.index)
            }
            turns[here].credit = credit
        }
        return scan(excluding: excluded)
    }

    /// The first from here on that is not excluded, whatever its credit; otherwise the one whose turn it is.
    @usableFromInline
    mutating func scan(excluding excluded: ExcludedIndices) -> Int? {
        let count = turns.count
        guard count > 0 else { return nil }
        var chosen = position
        for step in 0..<count {
            let candidate = (position + step) % count
            if !excluded.contains(Int(turns[candidate].index)) {
                chosen = candidate
                break
            }
        }
        position = (chosen + 1) % count
        return Int(turns[chosen].index)
    }

    /// Continues where `old` was: the same endpoint is next, and collected credit stays.
    mutating func resume(_ old: RoundRobin, _ renumbering: Renumbering) {
        var places: [Int: Int] = [:]
        for (place, turn) in turns.enumerated() { places[Int(turn.index)] = place }
        func newPlace(_ turn: Turn) -> Int? { renumbering.newIndex(Int(turn.index)).flatMap { places[$0] } }

        for turn in old.turns {
            if let place = newPlace(turn), turns[place].weight < greatest {
                turns[place].credit = min(turn.credit, greatest - 1)
            }
        }
        // The one that was next may be gone; then the one after it, and so on.
        for step in old.turns.indices {
            if let place = newPlace(old.turns[(old.position + step) % old.turns.count]) {
                position = place
                return
            }
        }
    }
}
