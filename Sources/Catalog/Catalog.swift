// Owns the replicated state of the group: its queries, its limits and its tables.
public import Topology

/// What the group agrees on: primaries with their epochs, overrides of weights and states, the freeze.
///
/// A state machine driven by a log: the same commands at the same indexes give the same state and the same answers on
/// every node. Nothing in it reads a clock or depends on the order of a hash table. Every table is bounded.
public struct Catalog: Sendable {
    /// The most services, retired ones included.
    public static let maximumServices = 4_096
    /// The most overrides of all services.
    public static let maximumOverrides = 10_000
    /// The most endpoints of all services.
    public static let maximumEndpoints = 262_144
    /// The most datacenters of one service.
    public static let maximumDatacenters = 64
    /// The most members that may describe themselves.
    public static let maximumMembers = 256
    /// The most bytes of an address.
    public static let maximumAddressLength = 512
    /// The most bytes of an author's name or an idempotency key.
    public static let maximumNameLength = 128
    /// The most bytes of a reason.
    public static let maximumReasonLength = 1_024
    /// The most events that `events(after:)` can give.
    public static let maximumEvents = EventRing.capacity

    /// When the group was formed, in UTC seconds: the high bits of every epoch. 0: a group that lives in memory only.
    public let formation: UInt32
    /// The index of the last command applied; 0 before the first.
    public internal(set) var appliedIndex: UInt64 = 0
    /// The term of the last entry applied; 0 in a group of one that has no log.
    public internal(set) var appliedTerm: UInt64 = 0
    /// The length of routing leases.
    public internal(set) var lease = LeaseSettings()
    /// The members' descriptions of themselves, by id.
    public internal(set) var members: [MemberDescription] = []
    /// Whether automatic changes of primaries are forbidden, and since when and why.
    public internal(set) var freeze = FreezeRecord()

    /// Sorted by name, so that every iteration has the same order.
    var records: [ServiceRecord] = []
    var overrideCount = 0
    var endpointCount = 0
    var eventRing = EventRing()
    var remembered = RememberedOutcomes()

    /// An empty catalog.
    public init(formation: UInt32 = 0) { self.formation = formation }

    /// A copy without what only later commands need, so that holding it does not make those copy it.
    public var shown: Catalog {
        var shown = self
        shown.remembered = RememberedOutcomes()
        return shown
    }

    // MARK: Queries

    /// Whether automatic changes of primaries are forbidden.
    public var isFrozen: Bool { freeze.isFrozen }

    /// The services that the settings define, by name.
    public var services: [ServiceName] {
        records.lazy.filter(\.isRegistered).map(\.registration.name)
    }

    /// What is registered of a service; nil when it is unknown or retired. O(log services).
    public func registration(of service: ServiceName) -> ServiceRegistration? {
        record(service).flatMap { $0.isRegistered ? $0.registration : nil }
    }

    /// The primary of a service that follows one, with the epoch to expect when moving it. During a switch it is still
    /// the old one, although nothing new may be sent there; see `primaryRecord(of:)`.
    public func primary(of service: ServiceName) -> Primary? {
        primaryRecord(of: service).map { Primary(datacenter: $0.state.origin, epoch: $0.state.epoch) }
    }

    /// Everything that is agreed about the primary of a service that follows one. O(log services).
    public func primaryRecord(of service: ServiceName) -> PrimaryRecord? { record(service)?.activePrimary }

    /// The registered services that follow a primary, by name, for those who switch them. O(services).
    public var switches: [ServiceSwitch] {
        records.compactMap { record in
            record.activePrimary.map { primary in
                ServiceSwitch(
                    service: record.registration.name, state: primary.state,
                    consistency: record.registration.consistency, index: primary.index,
                    failover: record.registration.failover)
            }
        }
    }

    /// Whether weights and states let new requests go to the datacenter; false if it is unknown.
    public func takesTraffic(_ datacenter: DatacenterName, of service: ServiceName) -> Bool {
        guard let record = record(service), record.isRegistered, let listed = record.datacenter(datacenter) else {
            return false
        }
        return record.takesTraffic(listed)
    }

    /// How many datacenters of a service operators took out, of how many that the settings give traffic to.
    public func removedDatacenters(of service: ServiceName) -> (removed: Int, total: Int) {
        record(service)?.removedDatacenters ?? (0, 0)
    }

    /// Whether a node whose settings say `registration` disagrees with the group (`config_drift`).
    public func hasDrifted(_ registration: ServiceRegistration) -> Bool {
        self.registration(of: registration.name)?.digest != registration.digest
    }

    /// The newest format that every one of these members reads; 0 when one of them has not described itself.
    public func supportedLevel(of ids: [NodeID]) -> UInt16 {
        ids.map { id in members.first { $0.id == id }?.formatLevel ?? 0 }.min() ?? 0
    }

    /// The weight that an override sets, or else `base`, the weight of the settings.
    public func weight(of target: OverrideTarget, otherwise base: Int) -> Int {
        record(target.service)?.overrides.weight(of: target, otherwise: base) ?? base
    }

    /// Whether the target itself is drained; the state of an endpoint's datacenter does not count.
    public func state(of target: OverrideTarget) -> OperatingState {
        record(target.service)?.overrides.state(of: target) ?? .active
    }

    /// The index of the last change of a service or its overrides: its `ETag`.
    public func changeIndex(of service: ServiceName) -> UInt64? { record(service)?.changedAt }

    /// All overrides by target, including those of retired services and vanished endpoints: they explain why something
    /// that returns does not behave as the settings say.
    public var overrides: [Override] { records.flatMap(\.overrides.all) }

    /// The overrides of one service; use it for more than one question about the service.
    public func overrides(of service: ServiceName) -> OverrideList { record(service)?.overrides ?? OverrideList() }

    /// The overrides that have expired at `now`, as changes to propose. Until such a change is applied, the override
    /// remains in force on every node alike.
    public func expirations(at now: UnixTime) -> [CatalogChange] {
        overrides.compactMap { override in
            guard let until = override.until, until <= now else { return nil }
            return .expireOverride(of: override.target, setting: override.setting.kind, until: until)
        }
    }

    /// When the next override expires; nil: none does.
    public var nextExpiry: UnixTime? {
        records.lazy.flatMap(\.overrides.all).compactMap(\.until).min()
    }

    /// The changes after `index`, oldest first, as far as they are remembered (`maximumEvents`).
    public func events(after index: UInt64 = 0) -> [CatalogEvent] { eventRing.after(index) }

    // MARK: Tables

    func record(_ service: ServiceName) -> ServiceRecord? {
        let position = position(of: service)
        return isAt(position, service) ? records[position] : nil
    }

    mutating func store(_ record: ServiceRecord) {
        let position = position(of: record.registration.name)
        if isAt(position, record.registration.name) {
            records[position] = record
        } else {
            records.insert(record, at: position)
        }
    }

    private func isAt(_ position: Int, _ service: ServiceName) -> Bool {
        position < records.count && records[position].registration.name == service
    }

    private func position(of service: ServiceName) -> Int {
        var low = 0
        var high = records.count
        while low < high {
            let middle = low + (high - low) / 2
            if records[middle].registration.name < service { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
