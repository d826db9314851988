// Owns the choice of an endpoint by the policy in the service's settings.

public import Topology

/// Picks an endpoint of one service in one datacenter, by one policy. One per worker: no locks, no allocation, no
/// dynamic dispatch.
///
/// Control builds one when the endpoints or their weights change, and publishes it; a worker keeps its own and `adopt`s
/// each new one. The large read-only tables (`maglev`, draws) are shared by all copies.
///
/// All policies honour weights, each in its own way, and none picks an endpoint of weight 0. This is a struct of all
/// policies, of which one is filled, because Swift cannot change an enum's payload in place without moving it out and
/// back.
public struct EndpointPicker: Sendable {
    /// The policy in use.
    public let kind: EndpointPolicyKind
    /// The endpoints' stable hashes, in the weights' order.
    public private(set) var identities: [UInt64]

    @usableFromInline var roundRobin: RoundRobin
    @usableFromInline var random: Random
    @usableFromInline var weighted: Weighted
    @usableFromInline var leastRequests: LeastRequests
    @usableFromInline var peakEWMA: PeakEWMA
    @usableFromInline var maglev: Maglev

    /// - Parameters:
    ///   - weights: one an endpoint, relative, 0...`WeightLimit.maximum`; 0 = never picked.
    ///   - identities: stable hashes of the endpoints' addresses, in the same order.
    ///   - random: decides where the turns begin.
    public init(kind: EndpointPolicyKind, weights: [Int], identities: [UInt64], random bits: inout RandomBits) {
        self.kind = kind
        self.identities = identities
        func only(_ wanted: EndpointPolicyKind) -> [Int] {
            kind == wanted ? Array(weights.prefix(WeightLimit.endpoints)) : []
        }
        roundRobin = RoundRobin(weights: only(.roundRobin), random: &bits)
        random = Random(weights: only(.random))
        weighted = Weighted(weights: only(.weighted))
        leastRequests = LeastRequests(weights: only(.leastRequests))
        peakEWMA = PeakEWMA(weights: only(.peakEWMA))
        maglev = Maglev(weights: only(.maglev), identities: identities)
        if kind == .weighted { spreadStart(&bits) }
    }

    /// Smooth turns begin with the heaviest endpoint. Workers that all started there would hit it at the same time.
    private mutating func spreadStart(_ bits: inout RandomBits) {
        for _ in 0..<bits.below(16) { _ = weighted.pick(excluding: ExcludedIndices()) }
    }

    /// The endpoint for one attempt of a request.
    ///
    /// - Parameters:
    ///   - excluded: endpoints that this request has tried; when all have been tried, they are used again.
    ///   - hash: a `StableHash` of the client's key; only `maglev` reads it.
    ///   - load: the requests in flight to the endpoint of an index; only `least_requests` and `peak_ewma` call it,
    ///     twice.
    /// - Returns: an index in the weights' order; nil when no weight is above 0.
    /// - Complexity: O(1); `weighted` is O(n), and so are further attempts under any policy.
    @inlinable
    public mutating func pick(
        excluding excluded: ExcludedEndpoints, hash: UInt64, now: Tick, random bits: inout RandomBits,
        load: (Int) -> Int
    ) -> Int? {
        switch kind {
        case .roundRobin: roundRobin.pick(excluding: excluded)
        case .random: random.pick(excluding: excluded, random: &bits)
        case .weighted: weighted.pick(excluding: excluded)
        case .leastRequests: leastRequests.pick(excluding: excluded, random: &bits, load: load)
        case .peakEWMA: peakEWMA.pick(excluding: excluded, now: now, random: &bits, load: load)
        case .maglev: maglev.pick(hash: hash, excluding: excluded)
        }
    }

    /// Takes in the time to an answer's first byte; only `peak_ewma` keeps it.
    @inlinable
    public mutating func observe(index: Int, latency: Duration, now: Tick) {
        if kind == .peakEWMA { peakEWMA.observe(index, latency: latency, now: now) }
    }

    /// Takes the endpoints and weights of `fresh` and keeps what this one has learned: whose turn it is, and latencies.
    /// With another policy it starts over. O(n), no table is built.
    public mutating func adopt(_ fresh: EndpointPicker) {
        let old = self
        self = fresh
        guard old.kind == fresh.kind else { return }
        let renumbering = Renumbering(from: old.identities, to: fresh.identities)
        switch kind {
        case .roundRobin: roundRobin.resume(old.roundRobin, renumbering)
        case .weighted: weighted.resume(old.weighted, renumbering)
        case .peakEWMA: peakEWMA.resume(old.peakEWMA, renumbering)
        case .random, .leastRequests, .maglev: break
        }
    }

    /// Changes the weights of the same endpoints in place. It builds what the policy needs, so for `maglev` prefer
    /// `adopt`.
    public mutating func update(weights: [Int], random bits: inout RandomBits) {
        adopt(EndpointPicker(kind: kind, weights: weights, identities: identities, random: &bits))
    }
}
