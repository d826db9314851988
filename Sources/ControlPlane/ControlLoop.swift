// Owns the decisions of a node on its control thread: the catalog, what is known of endpoints, the routing table.
internal import Balancing
internal import Catalog
internal import Glibc
internal import Health
internal import Probing
internal import Proactor
internal import Routing
internal import Topology

/// What the control thread asks of the probes' thread. Each returns false when it is too busy to be told.
struct ProbeLine: Sendable {
    var update: @Sendable ([ProbeTarget]) -> Bool
    var recordPassive: @Sendable (EndpointID, PassiveFailure, Int) -> Bool
}

/// The control thread's state. Tables are built at most every five milliseconds, however much has changed.
final class ControlLoop: TimerHandler {
    /// How often the counters of traffic and the clock are looked at.
    static let period = Duration.milliseconds(100)
    /// The least time between two tables, but for a reload's.
    static let spacing = Duration.milliseconds(5)

    private let loop: EventLoop
    private let sink: any RoutingSink
    private let traffic: any TrafficReader
    private let board: ControlBoard
    private let probes: ProbeLine
    private var settings: ControlSettings
    private var layout: RoutingLayout
    private var catalog = Catalog()
    private var index: UInt64 = 0
    private var version: UInt64 = 0
    private var conditions = EndpointConditions()
    /// Endpoints that the probes have a say in.
    private var checked: Set<EndpointID> = []
    private var outliers = OutlierWatch()
    private var seenFailures: [EndpointID: Int] = [:]
    private var nearest = NearestOrder(datacenters: 0)
    private var datacenters: [DatacenterName] = []
    private var names: EndpointNames?
    private var random: RandomBits
    private var nextRamp: Tick?
    private var nextExpiry: UnixTime?
    private var areTargetsStale = false
    private var isStale = false
    private var publishedAt = Tick.zero
    /// Outcomes whose authors wait for the table that shows them.
    private var waiting: [() -> Void] = []
    private var periodTimer: LoopTimer?
    private var publishTimer: LoopTimer?
    private var judgedAt = Tick.zero
    private var judgeTimer: LoopTimer?

    /// The first table is published before this returns.
    init(
        _ loop: EventLoop, _ settings: ControlSettings, layout: RoutingLayout, seed: UInt64, board: ControlBoard,
        sink: any RoutingSink, traffic: any TrafficReader, probes: ProbeLine
    ) {
        self.loop = loop
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
        publishTimer = loop.makeTimer(self)
        judgeTimer = loop.makeTimer(self)
        periodTimer = loop.makeTimer(self)
        periodTimer?.set(loop.now + Self.period)
    }

    // MARK: Settings

    /// Takes new settings: registers what is there, retires what is gone, keeps what operators and checks said of what
    /// stays. The table is published before this returns.
    ///
    /// - Returns: the services that the catalog did not take, with its reasons.
    func adopt(_ settings: ControlSettings, _ layout: RoutingLayout) -> [String] {
        self.settings = settings
        self.layout = layout
        let refused = register()
        adoptConditions()
        var places: [DatacenterName] = []
        for place in settings.services.flatMap({ $0.datacenters.map(\.name) }) where !places.contains(place) {
            places.append(place)
        }
        if places != datacenters {
            datacenters = places
            nearest = NearestOrder(datacenters: places.count)
        }
        let checks = settings.services.filter { $0.healthCheck != nil }
        names?.watch(checks.flatMap { $0.datacenters.flatMap { $0.endpoints.map(\.address) } })
        areTargetsStale = true
        tellProbes()
        publish()
        return refused
    }

    private func register() -> [String] {
        let names = Set(settings.services.map(\.name))
        // Retired first: their room may be needed.
        for service in catalog.services where !names.contains(service) { _ = apply(.retireService(service)) }
        var refused: [String] = []
        for registration in layout.registrations where catalog.registration(of: registration.name) != registration {
            if case .refused(let reason) = apply(.registerService(registration)) { refused.append("\(reason)") }
        }
        return refused
    }

    private func apply(_ change: CatalogChange) -> CatalogOutcome {
        apply(CatalogCommand(change, author: "settings", proposedAt: Self.wallClock()))
    }

    /// Brings the conditions in line with the settings: a verdict without a check could never change again.
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

    /// Gives the probes their targets; tried again at the next look when they are too busy.
    private func tellProbes() {
        guard areTargetsStale else { return }
        areTargetsStale = !probes.update(targets())
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

    /// Applies a command. In a group of one every proposal is committed at once. `completion` runs on this thread, once
    /// the outcome shows in the published table.
    func propose(_ command: CatalogCommand, _ completion: @escaping (CatalogOutcome) -> Void) {
        let outcome = apply(command)
        if case .applied(_, changed: true) = outcome { setStale() }
        if isStale { waiting.append { completion(outcome) } } else { completion(outcome) }
    }

    private func apply(_ command: CatalogCommand) -> CatalogOutcome {
        index += 1
        return catalog.apply(command, at: index)
    }

    static func wallClock() -> UnixTime {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return UnixTime(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }

    // MARK: Health

    func take(_ report: ProbeReport) {
        switch report {
        case .transition(let id, let change):
            // From before a reload that ended its checks.
            guard checked.contains(id) else { return }
            if change.from == .down, change.to == .up {
                conditions[id].upSince = loop.now
                readmit(id)
            }
            conditions[id].health = change.to
            setStale()
        case .connectTime(let id, let time):
            guard let place = datacenters.firstIndex(of: id.datacenter) else { return }
            if nearest.observe(time, datacenter: place) { setStale() }
        }
    }

    /// A worker has seen a failure: its endpoint is judged now, or five milliseconds after the last look.
    func takeFailureNotice() {
        let earliest = judgedAt + Self.spacing
        if loop.now < earliest { judgeTimer?.set(earliest) } else { judgeTraffic() }
    }

    /// What made an endpoint be ejected is over when checks that failed are well again.
    private func readmit(_ id: EndpointID) {
        guard outliers.readmit(id, now: loop.now) else { return }
        traffic.resetErrors(of: id)
        conditions[id].isEjected = false
    }

    private func judgeTraffic() {
        judgedAt = loop.now
        traffic.failuresAreBeingRead()
        for id in outliers.expire(now: loop.now) {
            // Else it would be ejected again at once.
            traffic.resetErrors(of: id)
            conditions[id].isEjected = false
            conditions[id].upSince = loop.now
            setStale()
        }
        for entry in traffic.endpointTraffic() {
            let news = entry.connectFailures - (seenFailures[entry.id] ?? 0)
            if news > 0, probes.recordPassive(entry.id, .connectRefused, news) {
                seenFailures[entry.id] = entry.connectFailures
            }
            if outliers.ejects(entry, now: loop.now, random: &random) {
                conditions[entry.id].isEjected = true
                setStale()
            }
        }
    }

    private func expireOverrides() {
        let now = Self.wallClock()
        guard let nextExpiry, nextExpiry <= now else { return }
        for change in catalog.expirations(at: now) {
            _ = apply(CatalogCommand(change, author: "expiry", proposedAt: now))
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
        tellProbes()
        if let nextRamp, nextRamp <= loop.now { setStale() }
    }

    /// Publishes at the end of this turn, or as soon as the last table is five milliseconds old.
    private func setStale() {
        guard !isStale else { return }
        isStale = true
        let earliest = publishedAt + Self.spacing
        if loop.now < earliest {
            publishTimer?.set(earliest)
        } else {
            loop.atEndOfTurn { [self] in if isStale { publish() } }
        }
    }

    private func publish() {
        isStale = false
        version += 1
        let now = EventLoop.clock()
        let inputs = RoutingTable.Inputs(
            catalog: catalog, conditions: conditions, nearestFirst: nearest.order.map { datacenters[$0] },
            local: settings.datacenter)
        let table = RoutingTable(layout, inputs, version: version, now: now)
        publishedAt = now
        nextRamp = table.nextRamp
        nextExpiry = catalog.nextExpiry
        sink.publish(table)
        board.show(ControlSnapshot(catalog: catalog, table: table, takenAt: now))
        let answers = waiting
        waiting = []
        for answer in answers { answer() }
    }
}
