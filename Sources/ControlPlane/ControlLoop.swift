// Owns the decisions of a node on its control thread: the catalog, what is known of endpoints, the routing table.
internal import Balancing
internal import Catalog
internal import Failover
internal import Health
internal import Probing
internal import Proactor
internal import Routing
internal import Topology

/// The control thread's state. Tables are published at a limited pace, except those that somebody is waiting for.
final class ControlLoop: TimerHandler {
    /// How often the traffic counters and the clock are looked at.
    static let period = Duration.milliseconds(100)

    let loop: EventLoop
    private let sink: any RoutingSink
    private let traffic: any TrafficReader
    private let board: ControlBoard
    private let probes: ProbeLine
    let log: OperatorLog
    let failover: FailoverBoard
    private(set) var settings: ControlSettings
    private(set) var layout: RoutingLayout
    let ledger: any Ledger
    /// nil in a group of one: there is nobody to agree with.
    private let keeper: FailoverKeeper?
    let leases: LeaseKeeper
    /// nil in a group of one: a switch needs no acknowledgements.
    private let desk: SwitchDesk?
    /// nil in a group of one.
    let groupDesk: GroupDesk?
    private var lagTargets: [LagTarget] = []
    var catalog: Catalog { ledger.catalog }
    private var version: UInt64 = 0
    private var conditions = EndpointConditions()
    /// Endpoints that the probes check.
    private var checked: Set<EndpointID> = []
    private var outliers = OutlierWatch()
    private var seenFailures: [EndpointID: Int] = [:]
    private var nearest = NearestOrder(datacenters: 0)
    private var datacenters: [DatacenterName] = []
    private var names: EndpointNames?
    private var random: RandomBits
    private var ramps = DatacenterRamps()
    private var nextRamp: Tick?
    private var nextExpiry: UnixTime?
    private var areTargetsStale = false
    private var isStale = false
    private var pace = TablePace()
    private var table: RoutingTable?
    /// Outcomes whose authors are waiting for the table that shows them.
    private var waiting: [() -> Void] = []
    private var periodTimer: LoopTimer?
    private var publishTimer: LoopTimer?
    private var judgedAt = Tick.zero
    /// When a service that the group did not know was last proposed.
    var registering: [ServiceName: Tick] = [:]
    private var judgeTimer: LoopTimer?

    /// The first table is published before this returns.
    init(
        _ loop: EventLoop, _ settings: ControlSettings, layout: RoutingLayout, seed: UInt64, board: ControlBoard,
        ledger: any Ledger, failover: FailoverBoard, sink: any RoutingSink, traffic: any TrafficReader,
        probes: ProbeLine, log: OperatorLog
    ) {
        self.loop = loop
        self.log = log
        self.failover = failover
        self.ledger = ledger
        let group = ledger as? GroupLedger
        keeper = group.map { FailoverKeeper($0, node: settings.node, board: failover) }
        desk = group.map { SwitchDesk(loop, $0) }
        groupDesk = if let keeper, let desk { GroupDesk(loop, keeper, desk, settings) } else { nil }
        leases = LeaseKeeper(loop, group, process: seed, wanted: group?.wantedLease, sink: sink)
        self.settings = settings
        self.layout = layout
        self.board = board
        self.sink = sink
        self.traffic = traffic
        self.probes = probes
        random = RandomBits(seed: seed)
        names = EndpointNames(loop) { [unowned self] in
            areTargetsStale = true; tellProbes()
        }
        _ = adopt(settings, layout)
        log.skip(to: catalog.appliedIndex)
        publishTimer = loop.makeTimer(self)
        judgeTimer = loop.makeTimer(self)
        periodTimer = loop.makeTimer(self)
        periodTimer?.set(loop.now + Self.period)
        ledger.changed = { [unowned self] in catalogChanged() }
        group?.leases.stepped = { [unowned self] in
            desk?.stepped()
            leases.stepped()
        }
        ledger.standingChanged = { [unowned self] in
            registerMissing()
            log.follow(ledger.standing, now: loop.now)
            if let table { show(table) }
        }
    }

    /// Leaves the group. Pending proposals are answered.
    func stop() {
        leases.stop()
        desk?.stop()
        ledger.stop()
    }

    /// The catalog has changed: gates and switches follow at once, the table with the next publication.
    private func catalogChanged() {
        followSwitches()
        setStale()
        log.follow(
            catalog, history: ledger.historyIndex, now: loop.now, wallClock: ControlPlane.wallClock())
    }

    private func followSwitches() {
        let catalog = catalog
        let switches = catalog.switches
        leases.follow(
            catalog, switches,
            listed: settings.services.lazy.filter { $0.datacenterPolicy == .primary }.map(\.name))
        desk?.applied(catalog, switches)
    }

    /// Workers may have confirmed an order of a gate.
    func gateConfirmed(_ service: ServiceName) { leases.confirmed(service) }

    // MARK: Settings

    /// Takes new settings: registers new services, retires those that are gone, and keeps overrides and health of those
    /// that stay. The table is published before this returns.
    ///
    /// - Returns: the services that the catalog refused, with its reasons.
    func adopt(_ settings: ControlSettings, _ layout: RoutingLayout) -> [String] {
        let before = self.layout.registrations
        self.settings = settings
        self.layout = layout
        let refused = register(replacing: before)
        followSwitches()
        adoptConditions()
        log.keep(only: Set(settings.services.map(\.name)))
        var places: [DatacenterName] = []
        for place in settings.services.flatMap({ $0.datacenters.map(\.name) }) where !places.contains(place) {
            places.append(place)
        }
        if places != datacenters {
            datacenters = places
            nearest = NearestOrder(
                datacenters: places.count, local: places.firstIndex { $0 == settings.datacenter })
        }
        let checks = settings.services.filter { $0.healthCheck != nil }
        let watched = checks + settings.services.filter { $0.failover.lagGate != nil && $0.healthCheck == nil }
        names?.watch(watched.flatMap { $0.datacenters.flatMap { $0.endpoints.map(\.address) } })
        areTargetsStale = true
        tellProbes()
        publish()
        return refused
    }

    /// Brings the conditions in line with the settings. A verdict without a check could never change again.
    private func adoptConditions() {
        conditions.keep(only: layout)
        outliers.adopt(settings.services)
        checked = []
        for service in settings.services {
            for id in service.datacenters.flatMap(service.endpoints(in:)) {
                if service.healthCheck != nil {
                    checked.insert(id)
                } else {
                    conditions[id].health = .unknown
                }
                conditions[id].isEjected = outliers.isEjected(id)
            }
        }
    }

    /// Gives the probes their targets. If they are too busy, the next look tries again.
    private func tellProbes() {
        guard areTargetsStale else { return }
        areTargetsStale = !probes.update(targets())
    }

    /// Has the replication lag of this node's own datacenter sampled, for services whose lag gate needs it.
    private func sampleLag() {
        let wanted = LagTarget.wanted(settings, catalog) { names?.socketAddress(of: $0) }
        if wanted != lagTargets, probes.sampleLag(wanted) { lagTargets = wanted }
    }

    private func targets() -> [ProbeTarget] {
        settings.services.flatMap { service -> [ProbeTarget] in
            guard let policy = service.healthCheck else { return [] }
            return service.datacenters.flatMap(service.endpoints(in:)).map { id in
                ProbeTarget(id: id, address: names?.socketAddress(of: id.address), policy: policy)
            }
        }
    }

    // MARK: Commands

    /// Proposes a command. `completion` runs on this thread, once the outcome is known and, when it changed something,
    /// shows in the published table.
    func propose(_ command: CatalogCommand, _ completion: @escaping (ProposalOutcome) -> Void) {
        ledger.propose(command) { [weak self] outcome in
            guard let self else { return completion(outcome) }
            whenPublished { completion(outcome) }
        }
    }

    /// Runs `body` once the published table shows all that the catalog has.
    func whenPublished(_ body: @escaping () -> Void) {
        guard isStale else { return body() }
        waiting.append(body)
        planPublishing()
    }

    // MARK: Health

    func take(_ report: ProbeReport) {
        switch report {
        case .transition(let id, let change):
            // A late report from before a reload that ended its checks.
            guard checked.contains(id) else { return }
            log.say(.endpoints, id.logLine(change), now: loop.now)
            if change.from == .down, change.to == .up {
                conditions[id].upSince = loop.now
                readmit(id)
            }
            conditions[id].health = change.to
            setStale()
        case .connectTime(let id, let time):
            guard let place = datacenters.firstIndex(of: id.datacenter) else { return }
            if nearest.observe(time, datacenter: place) { setStale() }
        case .lag(let service, let lag): keeper?.take(lag, of: service, now: loop.now)
        }
    }

    /// A worker has seen a failure: judges the endpoint now, or five milliseconds after the last look.
    func takeFailureNotice() {
        let earliest = judgedAt + TablePace.spacing
        if loop.now < earliest { judgeTimer?.set(earliest) } else { judgeTraffic() }
    }

    /// When checks that had failed succeed again, the reason for an ejection is gone.
    private func readmit(_ id: EndpointID) {
        guard outliers.readmit(id, now: loop.now) else { return }
        traffic.resetErrors(of: id)
        conditions[id].isEjected = false
        log.say(.endpoints, id.readmissionLine(.checked), now: loop.now)
    }

    private func judgeTraffic() {
        judgedAt = loop.now
        traffic.failuresAreBeingRead()
        for id in outliers.expire(now: loop.now) {
            // Otherwise it would be ejected again at once.
            traffic.resetErrors(of: id)
            conditions[id].isEjected = false
            conditions[id].upSince = loop.now
            log.say(.endpoints, id.readmissionLine(.over), now: loop.now)
            setStale()
        }
        let entries = traffic.endpointTraffic()
        // More than there are: some have left.
        if seenFailures.count > entries.count {
            let present = Set(entries.map(\.id))
            seenFailures = seenFailures.filter { present.contains($0.key) }
        }
        for entry in entries {
            let seen = seenFailures[entry.id] ?? 0
            // One that was gone for long begins at zero again.
            let news = entry.connectFailures < seen ? entry.connectFailures : entry.connectFailures - seen
            if news > 0, probes.recordPassive(entry.id, .connectRefused, news) {
                seenFailures[entry.id] = entry.connectFailures
            }
            if let ejection = outliers.ejection(of: entry, now: loop.now, random: &random) {
                let line = entry.id.ejectionLine(ejection, errors: entry.consecutiveErrors, now: loop.now)
                log.say(.endpoints, line, now: loop.now)
                conditions[entry.id].isEjected = true
                setStale()
            }
        }
    }

    /// Tells the group what this node sees of services that have a primary.
    private func observe() {
        guard let keeper else { return }
        keeper.look(settings.services, now: loop.now, wallClock: ControlPlane.wallClock(), share: healthShares())
    }

    /// The health of a service's datacenter as this node sees it now.
    private func healthShares() -> (ServiceDefinition, DatacenterDefinition) -> HealthShare {
        let catalog = catalog
        return { [conditions] service, datacenter in
            HealthShare(of: datacenter, service.name, catalog.overrides(of: service.name), conditions)
        }
    }

    private func expireOverrides() {
        let now = ControlPlane.wallClock()
        guard let nextExpiry, nextExpiry <= now else { return }
        // In a group only the leader proposes this.
        guard ledger.standing.leader == settings.node else { return }
        for change in catalog.expirations(at: now) {
            ledger.propose(CatalogCommand(change, author: "expiry", proposedAt: now)) { _ in }
        }
        setStale()
    }

    // MARK: Tables

    func timerExpired(_ timer: LoopTimer) {
        if timer === judgeTimer { return judgeTraffic() }
        if timer === publishTimer {
            if isStale { publish() }
            return
        }
        timer.set(loop.now + Self.period)
        board.confirm(at: loop.now)
        judgeTraffic()
        expireOverrides()
        registerMissing()
        ledger.look()
        leases.look()
        lookAtLog()
        observe()
        groupDesk?.look(settings, now: loop.now, wallClock: ControlPlane.wallClock())
        tellProbes()
        sampleLag()
        if let nextRamp, nextRamp <= loop.now { setStale() }
    }

    func setStale() {
        guard !isStale else { return }
        isStale = true
        planPublishing()
    }

    /// Publishes at the end of this turn, or as soon as the pace allows.
    private func planPublishing() {
        loop.atEndOfTurn { [self] in
            guard isStale else { return }
            let earliest = pace.next(waiting: waiting.count)
            if earliest <= loop.now { publish() } else { publishTimer?.set(earliest) }
        }
    }

    /// Whether the datacenter that takes the service's traffic, or is about to, has a usable endpoint.
    private func isUsable(_ service: ServiceRouting) -> Bool {
        guard let target = leases.target(of: service.name) else { return false }
        return service.datacenters.first { $0.name == target }.map { $0.isOpen && $0.healthyWeight > 0 } ?? false
    }

    private func show(_ table: RoutingTable) {
        board.show(
            ControlSnapshot(
                catalog: catalog.shown, table: table, standing: ledger.standing, takenAt: MonotonicClock.now))
    }

    private func publish() {
        isStale = false
        version += 1
        let now = MonotonicClock.now
        let inputs = RoutingTable.Inputs(
            catalog: catalog, conditions: conditions, nearestFirst: nearest.order.map { datacenters[$0] },
            local: settings.datacenter, returning: ramps.percents(settings.services, now: now, share: healthShares()))
        let table = RoutingTable(layout, inputs, version: version, now: now)
        pace.published(now, MonotonicClock.now)
        nextRamp = [table.nextRamp, ramps.nextStep].compactMap(\.self).min()
        nextExpiry = catalog.nextExpiry
        sink.publish(table)
        self.table = table
        log.follow(table, catalog, now: loop.now)
        for service in table.services where service.followsPrimary {
            leases.setUsable(isUsable(service), service.name)
        }
        show(table)
        let answers = waiting
        waiting = []
        for answer in answers { answer() }
    }
}
