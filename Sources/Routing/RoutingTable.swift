// Owns the immutable table that every worker routes by, and how it is derived from settings, catalog and health.
public import Catalog
public import Topology

internal import Balancing
internal import Health

/// Where requests may go at one moment. Control builds and publishes one at each change; nothing in it changes.
public final class RoutingTable: Sendable {
    /// Grows with every table of the process.
    public let version: UInt64
    /// The index of the last command that the table reflects.
    public let catalogIndex: UInt64
    /// In the order of the settings.
    public let listeners: [ListenerRouting]
    /// In the order of the settings; listeners refer to them by position.
    public let services: [ServiceRouting]
    /// When a slow start raises a weight next, and a new table is due; nil: no endpoint is being started slowly.
    public let nextRamp: Tick?
    private let layout: RoutingLayout

    /// What a table depends on besides the settings.
    public struct Inputs: Sendable {
        public var catalog: Catalog
        public var conditions: EndpointConditions
        /// Datacenters by measured distance, for `nearest`; those it lacks follow, the local one first.
        public var nearestFirst: [DatacenterName]
        /// Where this node is.
        public var local: DatacenterName?
        /// The part of its share, in percent, that a datacenter of a service gets while it comes back; others get all.
        public var returning: [OverrideTarget: Int]

        public init(
            catalog: Catalog, conditions: EndpointConditions = EndpointConditions(),
            nearestFirst: [DatacenterName] = [], local: DatacenterName? = nil, returning: [OverrideTarget: Int] = [:]
        ) {
            self.catalog = catalog
            self.conditions = conditions
            self.nearestFirst = nearestFirst
            self.local = local
            self.returning = returning
        }
    }

    /// The table for these inputs: the same inputs give the same table. O(endpoints × log overrides).
    ///
    /// - Parameter now: determines how far endpoints are in their slow start.
    public init(_ layout: RoutingLayout, _ inputs: Inputs, version: UInt64, now: Tick) {
        self.layout = layout
        self.version = version
        catalogIndex = inputs.catalog.appliedIndex
        listeners = layout.listeners
        var builder = ServiceRoutingBuilder(inputs: inputs, now: now)
        var services: [ServiceRouting] = []
        services.reserveCapacity(layout.services.count)
        for service in layout.services { services.append(builder.build(service)) }
        self.services = services
        nextRamp = builder.nextRamp
    }

    /// The position of a service in `services`; nil when there is none. O(1).
    public func position(of service: ServiceName) -> Int? { layout.position(of: service) }

    /// The service of that name. O(1).
    public func service(_ name: ServiceName) -> ServiceRouting? { position(of: name).map { services[$0] } }
}
