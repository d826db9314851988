// Owns the commands that change the catalog: what the log carries.
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

/// A service as the settings define it, with what the safety rules need to know.
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

    public init(name: ServiceName, hasPrimary: Bool, datacenters: [Datacenter]) {
        self.name = name
        self.hasPrimary = hasPrimary
        self.datacenters = datacenters
    }
}

/// Why a primary changed.
public enum PrimaryCause: String, Sendable {
    /// The service was seen for the first time.
    case registration
    /// The settings no longer list the datacenter that was primary.
    case removedFromSettings
    /// An operator asked for it.
    case operatorRequest
    /// The group decided; refused while automation is frozen.
    case automatic
}

/// One change of the catalog.
public enum CatalogChange: Hashable, Sendable {
    /// Makes a service known, or replaces what was known of it. Overrides stay; so does the primary while it is listed.
    case registerService(ServiceRegistration)
    /// The settings no longer define the service. Its overrides, primary and epoch are kept for its return: an epoch
    /// that began anew would fence nothing.
    case retireService(ServiceName)
    /// Sets a weight of 0-256 over the one in the settings.
    case setWeight(Int, of: OverrideTarget, until: UnixTime?)
    /// Returns to the weight of the settings.
    case resetWeight(of: OverrideTarget)
    /// Drains, or makes active again.
    case setState(OperatingState, of: OverrideTarget, until: UnixTime?)
    /// Moves a service's primary; nothing happens unless the epoch is the expected one, where one is given.
    case setPrimary(of: ServiceName, to: DatacenterName, expectedEpoch: Epoch?, cause: PrimaryCause)
    /// Removes an override whose time is over; nothing happens if it was changed since (`until` differs).
    case expireOverride(of: OverrideTarget, setting: OverrideSetting.Kind, until: UnixTime)
    /// Forbids or allows automatic changes of primaries.
    case setFrozen(Bool)
}

/// A change with who asks for it, why and when: the unit that is proposed, replicated and applied.
public struct CatalogCommand: Hashable, Sendable {
    public var change: CatalogChange
    /// Who asks: an operator's identity, or a node. At most 128 bytes.
    public var author: String
    /// Free text for people. At most 1,024 bytes.
    public var reason: String
    /// The proposer's wall clock when it proposed.
    public var proposedAt: UnixTime
    /// Makes a retry safe: a second command with the key gets the first one's outcome for an hour. At most 128 bytes.
    public var idempotencyKey: String?
    /// The index of the service's last change that the author saw (`If-Match`); nil: whatever it is.
    public var expectedIndex: UInt64?
    /// Skips the safety rules; never the checks that a thing exists.
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
