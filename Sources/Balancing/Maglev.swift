// Owns the policy `maglev`: one client, one endpoint, in every proxy.

internal import Topology

/// Maglev hashing (Eisenbud et al., NSDI 2016, section 3.4): a table of a prime number of slots that the endpoints fill
/// in turns, each by a permutation of its own; a hash picks a slot. When an endpoint goes, its slots move and few
/// others do.
///
/// The table depends on identities and weights only, not on the order of the list, so all nodes build the same one. A
/// pick is O(1). Building costs about M × ln M steps (milliseconds at the largest size): build once, copies share it.
public struct Maglev: Sendable {
    /// Sizes of the table, and the endpoints up to which each keeps the split within about 1 % of even (M >= 100 × n).
    /// The size follows the endpoints configured, not those healthy: a change of size moves nearly every client.
    static let sizes: [(slots: Int, endpoints: Int)] = [(2039, 20), (16_381, 160), (65_537, .max)]

    /// The endpoint of each slot; empty when no weight is above 0.
    @usableFromInline var table: [UInt16]
    /// The endpoints with a weight, for attempts that find only excluded slots.
    @usableFromInline var members: [UInt16]

    /// - Parameter identities: stable hashes of the endpoints' addresses, one each; missing ones count as 0.
    public init(weights: [Int], identities: [UInt64]) {
        let bounded = weights.prefix(WeightLimit.endpoints)
        var turns: [Turn] = []
        let slots = Self.slots(for: bounded.count)
        for (index, given) in bounded.enumerated() {
            let weight = WeightLimit.clamp(given)
            let identity = index < identities.count ? identities[index] : 0
            guard weight > 0 else { continue }
            turns.append(Turn(index: UInt16(index), identity: identity, weight: weight, slots: slots))
        }
        turns.sort { ($0.identity, $0.index) < ($1.identity, $1.index) }
        members = turns.map(\.index)
        table = Self.fill(slots, &turns)
    }

    static func slots(for endpoints: Int) -> Int {
        for size in sizes where endpoints <= size.endpoints { return size.slots }
        return 65_537
    }

    /// One endpoint's walk through its permutation: offset, offset + skip, offset + 2 × skip, … modulo the prime.
    private struct Turn {
        let index: UInt16
        let identity: UInt64
        let weight: UInt32
        var credit: UInt32 = 0
        var slot: Int
        let skip: Int

        init(index: UInt16, identity: UInt64, weight: UInt32, slots: Int) {
            self.index = index
            self.identity = identity
            self.weight = weight
            slot = Int(StableHash.mix(identity) % UInt64(slots))
            skip = Int(StableHash.mix(identity ^ 0x9E37_79B9_7F4A_7C15) % UInt64(slots - 1)) + 1
        }
    }

    /// In each round an endpoint takes weight / greatest weight of a slot: the next free one of its permutation.
    private static func fill(_ slots: Int, _ turns: inout [Turn]) -> [UInt16] {
        guard let greatest = turns.lazy.map(\.weight).max() else { return [] }
        let free = UInt16.max
        var table = [UInt16](repeating: free, count: slots)
        var filled = 0
        while true {
            for turn in turns.indices {
                turns[turn].credit += turns[turn].weight
                guard turns[turn].credit >= greatest else { continue }
                turns[turn].credit -= greatest
                var slot = turns[turn].slot
                let skip = turns[turn].skip
                while table[slot] != free { slot = slot + skip >= slots ? slot + skip - slots : slot + skip }
                table[slot] = turns[turn].index
                turns[turn].slot = slot
                filled += 1
                if filled == slots { return table }
            }
        }
    }

    /// The endpoint of `hash`, a `StableHash` of the client's key; nil when no weight is above 0.
    ///
    /// When that one is excluded, further slots that follow from the hash are tried: a client's second choice is
    /// stable, too.
    @inlinable
    public func pick(hash: UInt64, excluding excluded: ExcludedIndices) -> Int? {
        guard !table.isEmpty else { return nil }
        let index = Int(table[slot(hash)])
        return excluded.contains(index) ? another(hash: hash, excluding: excluded) ?? index : index
    }

    @inlinable
    func slot(_ hash: UInt64) -> Int {
        Int(truncatingIfNeeded: hash.multipliedFullWidth(by: UInt64(truncatingIfNeeded: table.count)).high)
    }

    @usableFromInline
    func another(hash: UInt64, excluding excluded: ExcludedIndices) -> Int? {
        var hash = hash
        for _ in 0..<16 {
            hash = StableHash.mix(hash)
            let index = Int(table[slot(hash)])
            if !excluded.contains(index) { return index }
        }
        return members.lazy.map { Int($0) }.first { !excluded.contains($0) }
    }
}
