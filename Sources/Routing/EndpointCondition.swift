// Owns what a routing table is told about the health of endpoints, and the names for them.
internal import Catalog
public import Health
public import Topology

/// One endpoint of one service in one datacenter; the same in all tables, so that a worker can carry over its
/// connections and counters.
public struct EndpointID: Hashable, Sendable {
    public var service: ServiceName
    public var datacenter: DatacenterName
    public var address: Address

    public init(service: ServiceName, datacenter: DatacenterName, address: Address) {
        self.service = service
        self.datacenter = datacenter
        self.address = address
    }

    /// The name under which the catalog has overrides of it.
    var overrideTarget: OverrideTarget {
        OverrideTarget(service: service, datacenter: datacenter, endpoint: address)
    }
}

/// What checks and traffic say about one endpoint.
public struct EndpointCondition: Hashable, Sendable {
    public var health: EndpointHealth
    /// Whether it is ejected for a while because of its answers to traffic.
    public var isEjected: Bool
    /// When it came up after having been down; nil: it was never seen down, so there is no slow start.
    public var upSince: Tick?

    public init(health: EndpointHealth = .unknown, isEjected: Bool = false, upSince: Tick? = nil) {
        self.health = health
        self.isEjected = isEjected
        self.upSince = upSince
    }

    /// Whether it may get requests outside of panic: up, or without a verdict yet, and not ejected.
    public var isUsable: Bool { health.takesTraffic && !isEjected }
}

/// The conditions of all endpoints; one that nobody set is unknown, and takes traffic.
///
/// Only looked up by endpoint, so no order of a hash table reaches a routing table.
public struct EndpointConditions: Sendable {
    private var conditions: [EndpointID: EndpointCondition] = [:]

    public init() {}

    /// The condition of one endpoint. O(1).
    public subscript(id: EndpointID) -> EndpointCondition {
        get { conditions[id] ?? EndpointCondition() }
        set { conditions[id] = newValue }
    }

    /// Forgets every endpoint that `layout` does not have; to be called after a reload.
    public mutating func keep(only layout: RoutingLayout) {
        var kept: [EndpointID: EndpointCondition] = [:]
        for service in layout.services {
            for endpoint in service.datacenters.lazy.flatMap(\.endpoints) {
                kept[endpoint.id] = conditions[endpoint.id]
            }
        }
        conditions = kept
    }
}
