// Owns what a routing table says about a service, its datacenters and its endpoints.
public import Balancing
public import Catalog
public import Topology

/// One service as workers see it.
public struct ServiceRouting: Sendable {
    public let definition: ServiceDefinition
    /// The primary that the group agreed on; nil when the policy follows none.
    public let primary: Primary?
    /// The primary's position in `datacenters`; nil also when this node's settings do not list it.
    public let primaryIndex: Int?
    /// Whether this node's settings differ from what the group has registered of the service.
    public let hasConfigurationDrift: Bool
    /// In the order of the settings.
    public let datacenters: [DatacenterRouting]

    public var name: ServiceName { definition.name }

    /// Whether one datacenter takes all traffic: as the group agreed, or as the settings say and the group has yet to
    /// agree.
    public var followsPrimary: Bool { primary != nil || definition.datacenterPolicy == .primary }

    /// The arguments of a `DatacenterPicker`: shares and identities, in the order of `datacenters`.
    public let shares: [DatacenterShare]
    public let identities: [UInt64]
}

/// One datacenter of a service.
public struct DatacenterRouting: Sendable {
    public let name: DatacenterName
    /// The stable hash of the name.
    public let identity: UInt64
    /// 0-256: the settings' weight, or an operator's over it.
    public let weight: Int
    public let state: OperatingState
    /// Its part of new requests, and whether all of its endpoints are used because too few are healthy.
    public let share: DatacenterShare
    /// Summed weights of the endpoints that are neither draining nor at 0.
    public let endpointWeight: Int
    /// The part of `endpointWeight` that is usable; slow start does not lower it.
    public let healthyWeight: Int
    /// In the order of the settings.
    public let endpoints: [EndpointRouting]
    /// The arguments of an `EndpointPicker`: effective weights and identities, in the order of `endpoints`.
    public let weights: [Int]
    public let identities: [UInt64]

    /// Whether operators let it take new requests, regardless of health.
    public var isOpen: Bool { state == .active && weight > 0 }

    /// The healthy part of the endpoints' weight, 0-1; 0 when there is none.
    public var healthyShare: Double {
        endpointWeight == 0 ? 0 : Double(healthyWeight) / Double(endpointWeight)
    }
}

/// One endpoint of a service in a datacenter.
public struct EndpointRouting: Sendable {
    public let id: EndpointID
    /// The stable hash of the address.
    public let identity: UInt64
    /// 0-256: the settings' weight, or an operator's over it.
    public let weight: Int
    /// The endpoint's own state; its datacenter has a state too.
    public let state: OperatingState
    public let condition: EndpointCondition
    /// What policies pick by, in units of `EffectiveWeight`: 0 when it takes no requests, lowered during slow start.
    public let effectiveWeight: Int

    public var address: Address { id.address }
}
