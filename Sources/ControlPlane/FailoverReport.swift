// Owns the explanation of a failover decision in words and numbers, as nodes and the admin API pass it on.
internal import Catalog
internal import Failover
internal import Switching
public import Topology

/// Why the primary of a service is where it is, as the leader sees it; times in milliseconds.
public struct FailoverReport: Codable, Hashable, Sendable {
    /// A reason: `kind` for programs, `text` for people.
    public struct Reason: Codable, Hashable, Sendable {
        public var kind: String
        public var text: String
    }

    public struct Confirmation: Codable, Hashable, Sendable {
        /// For how long the votes have said that it is down; absent: they do not.
        public var soFarMs: Int64?
        public var neededMs: Int64
    }

    public struct Place: Codable, Hashable, Sendable {
        public var name: String
        /// `up`, `down` or `abstains`, by voting datacenter.
        public var votes: [String: String]
        /// The healthy share in percent that a majority of the datacenters heard sees.
        public var healthyPercent: Int?
        public var downForMs: Int64?
        public var fitForMs: Int64?
        /// Whether traffic goes there, or will after the switch in progress.
        public var primary: Bool
        /// Why it could not become primary now; absent: it could.
        public var objection: Reason?
        public var lagMs: Int64?
        public var lagAgeMs: Int64?
    }

    public struct Observer: Codable, Hashable, Sendable {
        public var id: String
        public var datacenter: String
        public var voter: Bool
        /// Absent: this leader has not heard it yet.
        public var heardMsAgo: Int64?
        public var counts: Bool
    }

    /// The kind of reason for a service that follows no primary.
    public static let noPrimary = FailoverHold.Kind.noPrimary.rawValue

    public var service: String
    /// The leader that reports this; absent if none is known.
    public var leader: String?
    public var primary: String?
    public var epoch: UInt32?
    /// `stable` or `switching`.
    public var state: String
    /// Where a switch under way goes.
    public var target: String?
    /// What that switch still waits for.
    public var waits: [Reason]?
    /// The datacenter that automation moved the primary away from.
    public var home: String?
    /// Where the primary is about to move; absent: it stays.
    public var promotes: String?
    /// Why the node that was asked does not serve the service, whatever the leader says; absent: it does.
    public var here: Reason?
    /// Every reason why it does not move.
    public var holds: [Reason]
    public var confirm: Confirmation?
    /// How many of the voting datacenters are heard.
    public var heard: Int
    public var voting: Int
    public var datacenters: [Place]
    public var observers: [Observer]
}

extension FailoverReport {
    init(_ explanation: FailoverExplanation, leader: NodeID) {
        service = explanation.service.text
        self.leader = leader.text
        primary = explanation.state.origin.text
        epoch = explanation.state.epoch.count
        state = explanation.state.isSwitching ? "switching" : "stable"
        target = explanation.state.isSwitching ? explanation.state.target.text : nil
        home = explanation.home?.text
        switch explanation.decision {
        case .promote(let promotion):
            promotes = promotion.datacenter.text
            holds = []
        case .hold(let reasons): holds = reasons.map { Reason(kind: $0.kind.rawValue, text: "\($0)") }
        }
        confirm = Confirmation(
            soFarMs: explanation.downFor?.milliseconds, neededMs: explanation.confirm.milliseconds)
        heard = explanation.heard
        voting = explanation.voting
        datacenters = explanation.places.map { Place($0, isPrimary: $0.datacenter == explanation.state.target) }
        observers = explanation.observers.map {
            Observer(
                id: $0.node.text, datacenter: $0.datacenter.text, voter: $0.isVoter,
                heardMsAgo: $0.heardAgo?.milliseconds, counts: $0.counts)
        }
    }

    /// The report when nobody decides: why not, and what this node's catalog knows of the service.
    init(undecided reason: Reason, of service: ServiceName, _ record: PrimaryRecord?, leader: NodeID? = nil) {
        self.service = service.text
        self.leader = leader?.text
        primary = record?.state.origin.text
        epoch = record?.state.epoch.count
        state = record?.state.isSwitching == true ? "switching" : "stable"
        target = record.flatMap { $0.state.isSwitching ? $0.state.target.text : nil }
        home = record?.home?.text
        holds = [reason]
        heard = 0
        voting = 0
        datacenters = []
        observers = []
    }
}

extension FailoverReport.Reason {
    /// The reason if a node has no lease for a strict service.
    ///
    /// - Returns: nil if nothing is wrong.
    public init?(_ lease: ServiceLease?, at node: NodeID, now: Tick) {
        guard case .none(let since)? = lease else { return nil }
        kind = "no_lease"
        text = "\(node) refuses its requests: it has had no lease for \(Self.rest(until: now, since))"
    }

    /// What the switch of a service waits for at `now`.
    init(_ obstacle: SwitchCoordinator.Obstacle, now: Tick) {
        switch obstacle {
        case .lease(let holder, let end):
            kind = "lease"
            text =
                "\(holder.id) has not said that it stopped; its lease ends in \(Self.rest(until: end, now)) at the latest"
        case .earlierLeases(let end):
            kind = "earlier_leases"
            text = "leases of an earlier leader end in \(Self.rest(until: end, now)) at the latest"
        }
    }

    /// Such as `1.2 s`.
    private static func rest(until end: Tick, _ now: Tick) -> String {
        let milliseconds = max(.zero, end - now).milliseconds
        return "\(milliseconds / 1_000).\(milliseconds % 1_000 / 100) s"
    }
}

extension FailoverReport.Place {
    fileprivate init(_ place: FailoverExplanation.Place, isPrimary: Bool) {
        name = place.datacenter.text
        votes = [:]
        for each in place.votes { votes[each.datacenter.text] = each.vote.rawValue }
        healthyPercent = place.percent
        downForMs = place.downFor?.milliseconds
        fitForMs = place.fitFor?.milliseconds
        primary = isPrimary
        objection = place.objection.map {
            .init(kind: FailoverHold.target(place.datacenter, $0).kind.rawValue, text: "\($0)")
        }
        lagMs = place.lag?.milliseconds
        lagAgeMs = place.lagAge?.milliseconds
    }
}

extension Duration {
    /// Whole milliseconds, rounded down.
    fileprivate var milliseconds: Int64 { wholeNanoseconds / 1_000_000 }
}
