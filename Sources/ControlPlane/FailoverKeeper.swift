// Owns what a node of a group does for failover: it tells the leader what it sees, and as the leader decides.
internal import Balancing
internal import Catalog
internal import Failover
internal import Glibc
internal import Proactor
internal import Routing
internal import Topology

/// Observes for the leader, and plans while this node leads. On the control thread.
final class FailoverKeeper {
    /// How often the leader is told when nothing has changed.
    private static let reportPeriod = Duration.milliseconds(500)

    private let ledger: GroupLedger
    private let node: NodeID
    private let planner = FailoverPlanner()
    private var watches: [ServiceName: [DatacenterName: DatacenterWatch]] = [:]
    private var reportedAt = Tick.zero
    /// The newest observation of each node and service; only the leader's are of use.
    private var observations: [NodeID: [Observation]] = [:]
    /// Services with a move that was proposed and is not decided yet.
    private var moving: Set<ServiceName> = []
    /// What was decided last, for `explain`; empty on nodes that do not lead.
    private(set) var decisions: [ServiceName: FailoverDecision] = [:]

    init(_ ledger: GroupLedger, node: NodeID) {
        self.ledger = ledger
        self.node = node
        ledger.observed = { [unowned self] peer, bytes in take(bytes, from: peer) }
    }

    /// Looks at everything; called ten times a second, and whenever health has changed.
    ///
    /// - Parameter share: the health of a service's datacenter as this node sees it.
    func look(
        _ services: [ServiceDefinition], now: Tick, wallClock: UnixTime,
        share: (ServiceDefinition, DatacenterDefinition) -> HealthShare
    ) {
        var hasNews = false
        var entries: [ObservationReport.Entry] = []
        var kept: [ServiceName: [DatacenterName: DatacenterWatch]] = [:]
        for service in services where service.datacenterPolicy == .primary {
            // The group's settings count, not this file's.
            let settings = ledger.catalog.registration(of: service.name)?.failover ?? service.registration.failover
            var places = watches[service.name] ?? [:]
            var views: [DatacenterView] = []
            for datacenter in service.datacenters {
                var watch = places[datacenter.name] ?? DatacenterWatch()
                if watch.observe(share(service, datacenter), settings: settings, now: now) { hasNews = true }
                places[datacenter.name] = watch
                views.append(watch.view(of: datacenter.name, now: now))
            }
            kept[service.name] = places
            entries.append(ObservationReport.Entry(service: service.name, views: views))
        }
        watches = kept
        if hasNews || now - reportedAt >= Self.reportPeriod {
            reportedAt = now
            report(ObservationReport(entries), now: now)
        }
        plan(now: now, wallClock: wallClock)
    }

    private func report(_ report: ObservationReport, now: Tick) {
        if ledger.leads {
            record(report, of: node, now: now)
        } else {
            ledger.tellLeader(report.encoded)
        }
    }

    private func take(_ bytes: [UInt8], from peer: NodeID) {
        guard let report = ObservationReport(bytes) else { return }
        record(report, of: peer, now: EventLoop.clock())
    }

    private func record(_ report: ObservationReport, of peer: NodeID, now: Tick) {
        guard let voter = ledger.nodes.first(where: { $0.id == peer }) else { return }
        observations[peer] = report.entries.map {
            Observation(
                node: peer, datacenter: voter.datacenter, service: $0.service, views: $0.views, receivedAt: now)
        }
    }

    // MARK: Planning

    private func plan(now: Tick, wallClock: UnixTime) {
        guard ledger.leads else {
            observations = [:]
            decisions = [:]
            return
        }
        let nodes = ledger.nodes
        let catalog = ledger.catalog
        let known = nodes.map(\.id)
        observations = observations.filter { known.contains($0.key) }
        let situation = FailoverPlanner.Situation(
            catalog: catalog, nodes: nodes, observations: known.flatMap { observations[$0] ?? [] }, now: now,
            wallClock: wallClock)
        decisions = [:]
        for service in catalog.services where catalog.primary(of: service) != nil {
            let decision = planner.decide(service, situation)
            decisions[service] = decision
            if case .promote(let promotion) = decision { propose(promotion, of: service, wallClock) }
        }
    }

    private func propose(_ promotion: Promotion, of service: ServiceName, _ wallClock: UnixTime) {
        guard moving.insert(service).inserted else { return }
        let command = CatalogCommand(
            promotion.change(of: service, term: ledger.term), author: "failover", reason: promotion.sentence,
            proposedAt: wallClock)
        ledger.propose(command) { [weak self] _ in self?.moving.remove(service) }
    }
}

extension Promotion {
    /// The reason for the record of changes.
    fileprivate var sentence: String {
        switch reason {
        case .primaryDown: "the primary is down by the majority of the datacenters"
        case .targetLost: "the target of the switch is down"
        case .backToOrigin: "the target of the switch is down, and no other can take its place"
        case .failback: "the datacenter that the primary had left is fit again"
        }
    }
}
