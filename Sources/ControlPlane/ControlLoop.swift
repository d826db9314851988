// Owns the decisions of a node on its control thread: the catalog, what is known of endpoints, the routing table.
internal import Balancing
internal import Catalog
internal import Glibc
internal import Health
internal import Probing
internal import Proactor
internal import Routing
internal import Topology

/// The control thread's state. A table is built at most once a turn, however much has changed.
final class ControlLoop: TimerHandler {
    /// How often the counters of traffic are looked at.
    private static let period = Duration.milliseconds(100)

    private let loop: EventLoop
    private let sink: any RoutingSink
    private let traffic: any TrafficReader
    private let publishSnapshot: @Sendable (ControlSnapshot) -> Void
    private let updateProbes: @Sendable ([ProbeTarget]) -> Void
    private let passive: @Sendable (EndpointID, PassiveFailure, Int) -> Void
    private var settings: ControlSettings
    private var layout: RoutingLayout
    private var catalog = Catalog()
    private var index: UInt64 = 0
    private var version: UInt64 = 0
    private var conditions = EndpointConditions()
    private var outliers: [OutlierGroup] = []
    private var seenFailures: [EndpointID: Int] = [:]
    private var nearest: NearestOrder
    private var datacenters: [DatacenterName] = []
    private var random: RandomBits
    private var isStale = false
    private var nextRamp: Tick?
    private var timer: LoopTimer?

    init(
        _ loop: EventLoop, _ settings: ControlSettings, layout: RoutingLayout, seed: UInt64, sink: any RoutingSink,
        traffic: any TrafficReader, publishSnapshot: @escaping @Sendable (ControlSnapshot) -> Void,
        updateProbes: @escaping @Sendable ([ProbeTarget]) -> Void,
        passive: @escaping @Sendable (EndpointID, PassiveFailure, Int) -> Void
    ) {
        self.loop = loop
        self.settings = settings
        self.layout = layout
        self.sink = sink
        self.traffic = traffic
        self.publishSnapshot = publishSnapshot
        self.updateProbes = updateProbes
        self.passive = passive
        random = RandomBits(seed: seed)
        nearest = NearestOrder(datacenters: 0)
        adopt(settings, layout)
        let timer = loop.makeTimer(self)
        self.timer = timer
        timer.set(loop.now + Self.period)
    }

    // MARK: Settings

    /// Takes new settings: registers what is there, retires what is gone, keeps what operators said.
    func adopt(_ settings: ControlSettings, _ layout: RoutingLayout) {
        self.settings = settings
        self.layout = layout
        for registration in layout.registrations where catalog.registration(of: registration.name) != registration {
            apply(.registerService(registration))
        }
        let names = Set(settings.services.map(\.name))
        for service in catalog.services where !names.contains(service) { apply(.retireService(service)) }
        conditions.keep(only: layout)
        outliers = settings.services.flatMap { OutlierGroup.all(of: $0) }
        var places: [DatacenterName] = []
        for place in settings.services.flatMap({ $0.datacenters.map(\.name) }) where !places.contains(place) {
            places.append(place)
        }
        if places != datacenters {
            datacenters = places
            nearest = NearestOrder(datacenters: places.count)
        }
        updateProbes(targets())
        publish()
    }

    private func apply(_ change: CatalogChange) {
        _ = apply(CatalogCommand(change, author: "settings", proposedAt: Self.wallClock()))
    }

    private func targets() -> [ProbeTarget] {
        settings.services.flatMap { service -> [ProbeTarget] in
            guard let policy = service.healthCheck else { return [] }
            return service.datacenters.flatMap { datacenter in
                datacenter.endpoints.map { endpoint in
                    ProbeTarget(
                        id: EndpointID(service: service.name, datacenter: datacenter.name, address: endpoint.address),
                        address: SocketAddress(numeric: endpoint.address), policy: policy)
                }
            }
        }
    }

    // MARK: Commands

    /// Applies a command. In a group of one every proposal is committed at once.
    func propose(_ command: CatalogCommand) -> CatalogOutcome {
        let outcome = apply(command)
        if case .applied(_, changed: true) = outcome { publish() }
        return outcome
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

    func take(_ reports: ProbeReport) {
        switch reports {
        case .transition(let id, let change):
            var condition = conditions[id]
            condition.upSince = change.from == .down && change.to == .up ? loop.now : condition.upSince
            condition.health = change.to
            conditions[id] = condition
            setStale()
        case .connectTime(let id, let time):
            guard let place = datacenters.firstIndex(of: id.datacenter) else { return }
            if nearest.observe(time, datacenter: place) { setStale() }
        }
    }

    func timerExpired(_ timer: LoopTimer) {
        defer { timer.set(loop.now + Self.period) }
        judgeTraffic()
        expireOverrides()
        if let nextRamp, nextRamp <= loop.now { setStale() }
    }

    private func judgeTraffic() {
        let traffic = traffic.endpointTraffic()
        for entry in traffic {
            let seen = seenFailures[entry.id] ?? 0
            if entry.connectFailures > seen {
                seenFailures[entry.id] = entry.connectFailures
                passive(entry.id, .connectRefused, entry.connectFailures - seen)
            }
        }
        for position in outliers.indices {
            let changed = outliers[position].judge(traffic, now: loop.now, random: &random)
            for (id, isEjected) in changed {
                conditions[id].isEjected = isEjected
                if !isEjected {
                    self.traffic.resetErrors(of: id)
                    conditions[id].upSince = loop.now
                }
                setStale()
            }
        }
    }

    private func expireOverrides() {
        let now = Self.wallClock()
        let due = catalog.expirations(at: now)
        guard !due.isEmpty else { return }
        for change in due { _ = apply(CatalogCommand(change, author: "expiry", proposedAt: now)) }
        setStale()
    }

    // MARK: Tables

    /// Builds a table at the end of this turn.
    private func setStale() {
        guard !isStale else { return }
        isStale = true
        loop.atEndOfTurn { [self] in if isStale { publish() } }
    }

    private func publish() {
        isStale = false
        version += 1
        let inputs = RoutingTable.Inputs(
            catalog: catalog, conditions: conditions, nearestFirst: nearest.order.map { datacenters[$0] },
            local: settings.datacenter)
        let table = RoutingTable(layout, inputs, version: version, now: EventLoop.clock())
        nextRamp = table.nextRamp
        sink.publish(table)
        publishSnapshot(ControlSnapshot(catalog: catalog, table: table, takenAt: EventLoop.clock()))
    }
}

/// The endpoints of one service in one datacenter, as ejection sees them.
struct OutlierGroup {
    private let ids: [EndpointID]
    private var detector: OutlierDetector

    static func all(of service: ServiceDefinition) -> [OutlierGroup] {
        service.datacenters.map { datacenter in
            OutlierGroup(
                ids: datacenter.endpoints.map {
                    EndpointID(service: service.name, datacenter: datacenter.name, address: $0.address)
                }, policy: service.outlier)
        }
    }

    private init(ids: [EndpointID], policy: OutlierPolicy) {
        self.ids = ids
        detector = OutlierDetector(
            identities: ids.map { StableHash.of($0.address.description) }, policy: policy)
    }

    /// Ejects and takes back.
    ///
    /// - Returns: the endpoints whose ejection changed.
    mutating func judge(
        _ traffic: [EndpointTraffic], now: Tick, random: inout RandomBits
    ) -> [(EndpointID, isEjected: Bool)] {
        var changed: [(EndpointID, isEjected: Bool)] = detector.expire(now: now).map { (ids[$0], false) }
        for entry in traffic where entry.consecutiveErrors >= detector.policy.consecutiveErrors {
            guard let index = ids.firstIndex(of: entry.id), !detector.isEjected(index) else { continue }
            // One that comes back in this very round has its count reset only after it.
            guard !changed.contains(where: { $0.0 == entry.id }) else { continue }
            let ejection = detector.evaluate(
                index: index, consecutiveErrors: entry.consecutiveErrors, now: now, random: &random)
            if ejection != nil { changed.append((entry.id, true)) }
        }
        return changed
    }
}
