// Owns a node's part in failover: it reports what it sees to the leader and, as the leader, decides.
internal import Balancing
internal import Catalog
internal import Failover
internal import Proactor
internal import Routing
internal import Switching
internal import Topology

/// Observes for the leader, and plans while this node leads. On the control thread.
final class FailoverKeeper {
    /// How often to report to the leader when nothing has changed.
    private static let reportPeriod = Duration.milliseconds(500)

    let ledger: GroupLedger
    private let node: NodeID
    private let board: FailoverBoard
    private let planner = FailoverPlanner()
    private var watches: [ServiceName: [DatacenterName: DatacenterWatch]] = [:]
    /// How far behind the data of this node's own datacenter was, by service.
    private var lags: [ServiceName: LagHistory] = [:]
    private var reportedAt = Tick.zero
    /// The leader at the last report.
    private var reportedTo: NodeID?
    /// The newest observation of each node and service; used only while this node leads.
    private var observations: [NodeID: [Observation]] = [:]
    private var order = ReportOrder()
    /// Services whose proposed move is not decided yet.
    private var moving: Set<ServiceName> = []
    private var counts = HoldCounts()
    /// The votes that this node counted as leader or was told, as bytes, with their digest.
    private var votes: (bytes: [UInt8], digest: UInt64) = ([], 0)

    init(_ ledger: GroupLedger, node: NodeID, board: FailoverBoard) {
        self.ledger = ledger
        self.node = node
        self.board = board
        ledger.observed = { [unowned self] peer, bytes in take(bytes, from: peer) }
    }

    // MARK: Observing

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
            // The settings that the group agreed on count, not this file's.
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
            let lag = lagSamples(of: service.name, settings, places, now: now)
            entries.append(ObservationReport.Entry(service: service.name, views: views, lag: lag))
        }
        watches = kept
        lags = lags.filter { kept[$0.key] != nil }
        // A new leader has none of the reports that its predecessor received.
        let leader = ledger.leader
        if hasNews || leader != reportedTo || now - reportedAt >= Self.reportPeriod {
            reportedAt = now
            reportedTo = leader
            report(ObservationReport(entries, madeAt: now, knownVotes: votes.digest), now: now)
        }
        plan(now: now, wallClock: wallClock)
    }

    /// An endpoint of this node's own datacenter reported how far behind its data is.
    func take(_ lag: Duration, of service: ServiceName, now: Tick) {
        lags[service, default: LagHistory()].record(lag, now: now)
    }

    /// The lag samples to report. The last one before the primary was seen down is kept for as long as it is down.
    private func lagSamples(
        of service: ServiceName, _ settings: FailoverSettings, _ places: [DatacenterName: DatacenterWatch], now: Tick
    ) -> [LagSample] {
        guard settings.lagGate != nil else {
            lags[service] = nil
            return []
        }
        let primary = ledger.catalog.primary(of: service)?.datacenter
        lags[service]?.primary(isDown: primary.flatMap { places[$0] }?.isDown ?? false)
        return lags[service]?.samples(now: now) ?? []
    }

    private func report(_ report: ObservationReport, now: Tick) {
        if ledger.leads {
            record(report, of: node, now: now)
        } else {
            ledger.tellLeader(report.encoded) { [weak self] in self?.takeVotes($0) }
        }
    }

    /// Takes the leader's answer: the votes, if they differ from those known here.
    private func takeVotes(_ bytes: [UInt8]) {
        let now = MonotonicClock.now
        if bytes.isEmpty { return board.confirm(at: now) }
        guard let report = VoteReport(bytes) else { return }
        votes = (bytes, VoteReport.digest(of: bytes))
        board.show(report, at: now)
    }

    /// Takes a peer's report.
    ///
    /// - Returns: the votes, unless the peer has them.
    private func take(_ bytes: [UInt8], from peer: LeaseHolder) -> [UInt8] {
        let members = ledger.holders
        order.forget(allBut: members)
        // A peer that has not heard of it yet may still relay reports of a member that was removed, or that came back
        // with another disk.
        guard let report = ObservationReport(bytes), members.contains(peer) else { return [] }
        if order.takes(report.madeAt, of: peer) { record(report, of: peer.id, now: MonotonicClock.now) }
        return !ledger.leads || report.knownVotes == votes.digest ? [] : votes.bytes
    }

    private func record(_ report: ObservationReport, of peer: NodeID, now: Tick) {
        guard let voter = ledger.nodes.first(where: { $0.id == peer }) else { return }
        observations[peer] = report.entries.map {
            Observation(
                node: peer, datacenter: voter.datacenter, service: $0.service, views: $0.views, lag: $0.lag,
                receivedAt: now)
        }
    }

    // MARK: Planning

    private func situation(now: Tick, wallClock: UnixTime) -> FailoverPlanner.Situation {
        let nodes = ledger.nodes
        return FailoverPlanner.Situation(
            catalog: ledger.catalog, nodes: nodes, observations: nodes.flatMap { observations[$0.id] ?? [] },
            now: now, wallClock: wallClock)
    }

    private func plan(now: Tick, wallClock: UnixTime) {
        guard ledger.leads else {
            observations = [:]
            counts.clearPresent()
            return board.show(counts)
        }
        let situation = situation(now: now, wallClock: wallClock)
        observations = observations.filter { known in situation.nodes.contains { $0.id == known.key } }
        let services = situation.catalog.services.filter { situation.catalog.primary(of: $0) != nil }
        for service in services {
            let decision = planner.decide(service, situation)
            counts.note(decision, of: service)
            if case .promote(let promotion) = decision { propose(promotion, of: service, wallClock) }
        }
        board.show(counts)
        countVotes(services, situation)
    }

    private func countVotes(_ services: [ServiceName], _ situation: FailoverPlanner.Situation) {
        let voting = Set(situation.nodes.filter(\.isVoter).map(\.datacenter)).sorted()
        let entries = services.compactMap { service in
            situation.catalog.registration(of: service).map { registration in
                VoteReport.Entry(
                    service: service,
                    places: registration.datacenters.map { datacenter in
                        let votes = planner.votes(on: datacenter.name, of: service, situation)
                        return VoteReport.Place(datacenter: datacenter.name, votes: votes.map(\.vote))
                    })
            }
        }
        let report = VoteReport(voting: voting, entries: entries)
        let bytes = report.encoded
        votes = (bytes, VoteReport.digest(of: bytes))
        board.show(report, at: situation.now)
    }

    /// Why the primary of a service stays or moves, while this node leads; nil where it follows none.
    func report(on service: ServiceName) -> FailoverReport? {
        let situation = situation(now: MonotonicClock.now, wallClock: ControlPlane.wallClock())
        return planner.explain(service, situation).map { FailoverReport($0, leader: node) }
    }

    private func propose(_ promotion: Promotion, of service: ServiceName, _ wallClock: UnixTime) {
        guard moving.insert(service).inserted else { return }
        counts.notePromotion(promotion.reason, of: service)
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
