// Owns the commands that change the catalog, as the log carries them.
public import Topology

/// Whether a datacenter or an endpoint takes new requests. A draining one finishes what it has.
public enum OperatingState: String, CaseIterable, Sendable { case active, draining }

/// What an operator can put an override on: a service's datacenter, or one endpoint in it.
public struct OverrideTarget: Hashable, Comparable, Sendable {
    public var service: ServiceName
    public var datacenter: DatacenterName
    /// nil: the datacenter itself.
    public var endpoint: Address?

    public init(service: ServiceName, datacenter: DatacenterName, endpoint: Address? = nil) {
        self.service = service
        self.datacenter = datacenter
        self.endpoint = endpoint
    }

    /// By service, then datacenter, the datacenter itself before its endpoints.
    public static func < (left: OverrideTarget, right: OverrideTarget) -> Bool {
        if left.service != right.service { return left.service < right.service }
        if left.datacenter != right.datacenter { return left.datacenter < right.datacenter }
        switch (left.endpoint, right.endpoint) {
        case (let left?, let right?): return left < right
        case (nil, _?): return true
        case (_, nil): return false
        }
    }
}

/// A service as the settings define it, as far as the safety rules need to know.
public struct ServiceRegistration: Hashable, Sendable {
    /// An endpoint and the weight the settings give it.
    public struct Endpoint: Hashable, Sendable {
        public var address: Address
        public var weight: Int
        public init(address: Address, weight: Int) {
            self.address = address
            self.weight = weight
        }
    }

    /// A datacenter, the weight the settings give it, and its endpoints.
    public struct Datacenter: Hashable, Sendable {
        public var name: DatacenterName
        public var weight: Int
        public var endpoints: [Endpoint]
        public init(name: DatacenterName, weight: Int, endpoints: [Endpoint]) {
            self.name = name
            self.weight = weight
            self.endpoints = endpoints
        }
    }

    public var name: ServiceName
    /// Whether one datacenter takes all traffic (`datacenter_policy: primary`).
    public var hasPrimary: Bool
    /// In order of preference; the first listed is the first primary.
    public var datacenters: [Datacenter]
    public var consistency: Consistency
    public var failover: FailoverSettings

    public init(
        name: ServiceName, hasPrimary: Bool, datacenters: [Datacenter], consistency: Consistency = .strict,
        failover: FailoverSettings = FailoverSettings()
    ) {
        self.name = name
        self.hasPrimary = hasPrimary
        self.datacenters = datacenters
        self.consistency = consistency
        self.failover = failover
    }
}

/// What the author of a registration saw before it: a node that reloads changes what its old file said, and nothing
/// else.
public enum ExpectedRegistration: Hashable, Sendable {
    /// No expectation.
    case any
    /// The service is not registered: the first node to see it defines it.
    case absent
    /// What is registered has this `ServiceRegistration.digest`.
    case digest(UInt64)
}

/// Why a primary changed.
public enum PrimaryCause: String, CaseIterable, Sendable {
    /// The service was seen for the first time.
    case registration
    /// The settings no longer list the datacenter that was primary.
    case removedFromSettings
    /// An operator asked for it.
    case operatorRequest
    /// The group decided; refused while automation is frozen.
    case automatic
    /// The group decided to return to where it had moved away from; refused while automation is frozen.
    case failback

    /// Whether the group decided it by itself.
    public var isAutomatic: Bool { self == .automatic || self == .failback }
}

/// One change of the catalog.
public enum CatalogChange: Hashable, Sendable {
    /// Registers a service, or replaces its registration. Overrides stay, and so does the primary while it is listed.
    /// Nothing happens unless the present registration is as expected.
    case registerService(ServiceRegistration, replacing: ExpectedRegistration = .any)
    /// The settings no longer define the service. Its overrides, primary and epoch are kept in case it returns: an
    /// epoch that started over would fence nothing.
    case retireService(ServiceName)
    /// Sets a weight of 0-256 over the one in the settings.
    case setWeight(Int, of: OverrideTarget, until: UnixTime?)
    /// Returns to the weight of the settings.
    case resetWeight(of: OverrideTarget)
    /// Drains, or makes active again.
    case setState(OperatingState, of: OverrideTarget, until: UnixTime?)
    /// Begins to move a service's primary; nothing happens unless the epoch is the expected one, where one is given.
    ///
    /// An automatic move also does nothing while automation is frozen, or if `term`, in which it was decided, is not
    /// the term of the entry: no decision outlives its leader.
    case setPrimary(
        of: ServiceName, to: DatacenterName, expectedEpoch: Epoch?, cause: PrimaryCause, term: UInt64 = 0)
    /// Ends a switch: every proxy has stopped writing towards the old primary. Nothing happens unless the epoch
    /// matches.
    case completeSwitch(of: ServiceName, epoch: Epoch)
    /// Removes an override whose time is over; nothing happens if it was changed since (`until` differs).
    case expireOverride(of: OverrideTarget, setting: OverrideSetting.Kind, until: UnixTime)
    /// Forbids or allows automatic changes of primaries.
    case setFrozen(Bool)
    /// A member describes itself, for the first time or anew.
    case describeMember(MemberDescription)
    /// A member was removed. Nothing happens if another incarnation has described itself since.
    case forgetMember(NodeID, incarnation: UInt64)
    /// Sets the length of routing leases: 100 ms - 300 s.
    case setLease(Duration)
}

/// A change with its author, reason and time: the unit that is proposed, replicated and applied.
public struct CatalogCommand: Hashable, Sendable {
    public var change: CatalogChange
    /// The author: an operator's identity, or a node. At most 128 bytes.
    public var author: String
    /// Free text for people. At most 1,024 bytes.
    public var reason: String
    /// The proposer's wall clock when it proposed.
    public var proposedAt: UnixTime
    /// Makes a retry safe: for an hour, a second command with the key gets the first one's outcome. At most 128 bytes.
    public var idempotencyKey: String?
    /// The index of the last change, of the service or of the freeze, that the author saw (`If-Match`); nil: any.
    public var expectedIndex: UInt64?
    /// Skips the safety rules, but never the checks that something exists.
    public var force: Bool

    public init(
        _ change: CatalogChange, author: String, reason: String = "", proposedAt: UnixTime,
        idempotencyKey: String? = nil, expectedIndex: UInt64? = nil, force: Bool = false
    ) {
        self.change = change
        self.author = author
        self.reason = reason
        self.proposedAt = proposedAt
        self.idempotencyKey = idempotencyKey
        self.expectedIndex = expectedIndex
        self.force = force
    }
}
