// Owns everything behind a decision, for operators: votes, candidates, confirmation, who was heard.
public import Catalog
public import Topology

/// Why the planner decides as it does about one service at one moment, and what it looked at.
public struct FailoverExplanation: Hashable, Sendable {
    /// How one voting datacenter votes.
    public struct Vote: Hashable, Sendable {
        public var datacenter: DatacenterName
        public var vote: DatacenterVote
    }

    /// One datacenter of the service.
    public struct Place: Hashable, Sendable {
        public var datacenter: DatacenterName
        public var votes: [Vote]
        /// The greatest healthy share, in percent, that a majority of the datacenters heard sees; nil: none sees it.
        public var percent: Int?
        /// For how long a majority has been voting it down; nil: it is not.
        public var downFor: Duration?
        /// For how long a majority has seen it fit to be primary; nil: it is not.
        public var fitFor: Duration?
        /// Why it could not become primary now; nil: it could, or traffic is there already.
        public var objection: TargetObjection?
        /// The replication lag that counts, where the service has a lag gate and a sample is known.
        public var lag: Duration?
        /// How old that sample is.
        public var lagAge: Duration?
    }

    /// One member of the group.
    public struct Observer: Hashable, Sendable {
        public var node: NodeID
        public var datacenter: DatacenterName
        public var isVoter: Bool
        /// How long ago this leader heard what it sees; nil: never.
        public var heardAgo: Duration?
        /// Whether its observation counts: it is fresh, and the node does not see everything down.
        public var counts: Bool
    }

    public var service: ServiceName
    public var decision: FailoverDecision
    public var state: PrimaryState
    /// The datacenter that automation moved the traffic away from; nil: it is where operators want it.
    public var home: DatacenterName?
    /// For how long the primary, or the target of a switch under way, has been voted down; nil: it is not.
    public var downFor: Duration?
    /// How long that has to last.
    public var confirm: Duration
    /// The voting datacenters heard, of how many.
    public var heard: Int
    public var voting: Int
    /// In the order of the settings.
    public var places: [Place]
    /// In the order of the group's configuration.
    public var observers: [Observer]
}

extension FailoverPlanner {
    /// The decision of `decide` with everything it rests on; nil if the service follows no primary.
    public func explain(_ service: ServiceName, _ situation: Situation) -> FailoverExplanation? {
        guard let failover = failoverCase(service, situation) else { return nil }
        let watched = failover.record.state.target
        return FailoverExplanation(
            service: service, decision: failover.decision, state: failover.record.state, home: failover.record.home,
            downFor: failover.votes.downFor(watched), confirm: failover.registration.failover.confirm,
            heard: failover.votes.heardCount, voting: failover.votes.voting.count,
            places: failover.registration.datacenters.map { failover.place($0.name) },
            observers: situation.nodes.map { observer($0, service, situation) })
    }

    private func observer(
        _ node: VotingNode, _ service: ServiceName, _ situation: Situation
    ) -> FailoverExplanation.Observer {
        let told = situation.observations.last { $0.node == node.id && $0.service == service }
        let age = told.map { situation.now - $0.receivedAt }
        let counts = told.map { !$0.doubtsItself && situation.now - $0.receivedAt < policy.silence } ?? false
        return FailoverExplanation.Observer(
            node: node.id, datacenter: node.datacenter, isVoter: node.isVoter, heardAgo: age, counts: counts)
    }
}

extension FailoverCase {
    /// One datacenter as the gates see it.
    fileprivate func place(_ datacenter: DatacenterName) -> FailoverExplanation.Place {
        let isPrimary = datacenter == record.state.target
        let lag = registration.failover.lagGate.flatMap { _ in lastLag(of: datacenter) }
        return FailoverExplanation.Place(
            datacenter: datacenter, votes: votes.votes(on: datacenter).map { .init(datacenter: $0, vote: $1) },
            percent: votes.percent(datacenter), downFor: votes.downFor(datacenter), fitFor: votes.fitFor(datacenter),
            objection: isPrimary ? nil : objection(to: datacenter), lag: lag?.lag,
            lagAge: lag.map { situation.now - $0.at })
    }
}
