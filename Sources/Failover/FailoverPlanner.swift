// Owns the decision to move a primary: observations, the catalog and two clocks in, hold or promote out.
public import Catalog
public import Topology

/// A primary that is to move.
public struct Promotion: Hashable, Sendable {
    public enum Reason: String, CaseIterable, Hashable, Sendable {
        /// The primary is down.
        case primaryDown
        /// The target of a switch under way is down; another one takes its place.
        case targetLost
        /// The target of a switch under way is down, and no other can take its place: back to where traffic was.
        case backToOrigin
        /// The datacenter that the primary left is fit again.
        case failback
    }

    public var datacenter: DatacenterName
    /// The epoch that the decision is based on; if it differs when the move is applied, nothing happens.
    public var expectedEpoch: Epoch
    public var reason: Reason

    public init(datacenter: DatacenterName, expectedEpoch: Epoch, reason: Reason) {
        self.datacenter = datacenter
        self.expectedEpoch = expectedEpoch
        self.reason = reason
    }

    /// What to propose for it.
    ///
    /// - Parameter term: the term in which this node leads; the move does nothing in another.
    public func change(of service: ServiceName, term: UInt64) -> CatalogChange {
        .setPrimary(
            of: service, to: datacenter, expectedEpoch: expectedEpoch,
            cause: reason == .failback ? .failback : .automatic, term: term)
    }
}

/// What the planner decides about one service.
public enum FailoverDecision: Hashable, Sendable {
    /// Nothing moves, and why; each reason is to be counted by its `kind`.
    case hold([FailoverHold])
    case promote(Promotion)
}

/// Decides on the leader whether a primary moves (see the article Life of a failover). It holds no state: a new leader
/// that hears the same decides the same.
///
/// Automatic decisions wait for confirmation, capacity, lag, cooldown, freeze and the safety rules. One point needs
/// saying: a datacenter counts as *removed* when an operator drained it or set its weight to 0. One that is merely down
/// does not; otherwise the second of three datacenters could never take over while the third is being worked on.
public struct FailoverPlanner: Sendable {
    let policy: PromotionPolicy
    private let mutations: FailoverMutations

    public init(_ policy: PromotionPolicy = PromotionPolicy()) { self.init(policy, mutations: []) }

    package init(_ policy: PromotionPolicy, mutations: FailoverMutations) {
        self.policy = policy
        self.mutations = mutations
    }

    /// What the decision about every service is based on.
    public struct Situation: Sendable {
        public var catalog: Catalog
        /// The members according to the group's configuration and their own descriptions.
        public var nodes: [VotingNode]
        /// The newest observation of each node of each service.
        public var observations: [Observation]
        /// The leader's clock, the one of `Observation.receivedAt`.
        public var now: Tick
        /// The leader's wall clock. Moves are remembered by wall clock because leaders change.
        public var wallClock: UnixTime

        public init(
            catalog: Catalog, nodes: [VotingNode], observations: [Observation], now: Tick, wallClock: UnixTime
        ) {
            self.catalog = catalog
            self.nodes = nodes
            self.observations = observations
            self.now = now
            self.wallClock = wallClock
        }
    }

    /// Whether the primary of a service moves now. O(observations × datacenters).
    public func decide(_ service: ServiceName, _ situation: Situation) -> FailoverDecision {
        failoverCase(service, situation)?.decision ?? .hold([.noPrimary])
    }

    /// The service at this moment; nil where it follows no primary.
    func failoverCase(_ service: ServiceName, _ situation: Situation) -> FailoverCase? {
        guard let record = situation.catalog.primaryRecord(of: service),
            let registration = situation.catalog.registration(of: service)
        else { return nil }
        return FailoverCase(
            policy: policy, situation: situation, record: record, registration: registration,
            votes: votes(service, situation), needsConfirmation: !mutations.contains(.promotesUnconfirmed))
    }

    /// How each voting datacenter votes on a service's datacenter, by name: for `status` and `explain`.
    public func votes(
        on datacenter: DatacenterName, of service: ServiceName, _ situation: Situation
    ) -> [(datacenter: DatacenterName, vote: DatacenterVote)] {
        votes(service, situation).votes(on: datacenter)
    }

    private func votes(_ service: ServiceName, _ situation: Situation) -> VoteCount {
        VoteCount(
            situation.observations, of: service, nodes: situation.nodes, silence: policy.silence, now: situation.now,
            silenceVotesDown: mutations.contains(.silenceVotesDown))
    }
}
