// Owns the choice of a datacenter by the shares that `Spillover` worked out.

public import Topology

/// Picks the datacenter for a request to one service. One per worker; takes new shares by `adopt`.
///
/// `weighted` and `nearest` spread the shares smoothly, `round_robin` by turns, `random` by chance; `primary` has only
/// one to give.
public struct DatacenterPicker: Sendable {
    /// The policy in use.
    public let kind: DatacenterPolicyKind
    /// The datacenters' stable hashes, in the shares' order.
    public private(set) var identities: [UInt64]

    @usableFromInline var weighted: Weighted
    @usableFromInline var roundRobin: RoundRobin
    @usableFromInline var random: Random
    /// Under `primary`, the one with the whole share.
    @usableFromInline let only: Int?

    /// - Parameters:
    ///   - shares: one a datacenter, from `Spillover.shares`; 0 = never picked.
    ///   - identities: stable hashes of the datacenters' names, in the same order.
    ///   - random: decides where the turns begin.
    public init(
        kind: DatacenterPolicyKind, shares: [DatacenterShare], identities: [UInt64], random bits: inout RandomBits
    ) {
        self.kind = kind
        self.identities = identities
        let parts = shares.map(\.share)
        weighted = Weighted(weights: kind == .weighted || kind == .nearest ? parts : [])
        roundRobin = RoundRobin(weights: kind == .roundRobin ? parts : [], random: &bits)
        random = Random(weights: kind == .random ? parts : [])
        only = kind == .primary ? parts.firstIndex { $0 > 0 } : nil
        for _ in 0..<bits.below(16) { _ = weighted.pick(excluding: ExcludedIndices()) }
    }

    /// The datacenter for one attempt of a request, by its share.
    ///
    /// - Parameter excluded: datacenters that this request has tried; they are used again when no other has a share.
    ///   `primary` ignores them: a retry never leaves the primary.
    /// - Returns: an index in the shares' order; nil when all shares are 0.
    @inlinable
    public mutating func pick(excluding excluded: ExcludedDatacenters, random bits: inout RandomBits) -> Int? {
        switch kind {
        case .primary: only
        case .weighted, .nearest: weighted.pick(excluding: excluded)
        case .roundRobin: roundRobin.pick(excluding: excluded)
        case .random: random.pick(excluding: excluded, random: &bits)
        }
    }

    /// Takes the shares of `fresh` and continues with the same turn. With another policy it starts over.
    public mutating func adopt(_ fresh: DatacenterPicker) {
        let old = self
        self = fresh
        guard old.kind == fresh.kind else { return }
        let renumbering = Renumbering(from: old.identities, to: fresh.identities)
        weighted.resume(old.weighted, renumbering)
        roundRobin.resume(old.roundRobin, renumbering)
    }
}
