// Owns what the control plane needs of the others: somebody who routes, somebody who counts.
public import Catalog
public import Routing
public import Topology

/// Takes routing tables; the data plane, wired by the composition root.
public protocol RoutingSink: Sendable {
    /// Makes all workers use the table from their next turn on.
    func publish(_ table: RoutingTable)
}

/// What traffic showed of one endpoint since the process started.
public struct EndpointTraffic: Sendable {
    public var id: EndpointID
    /// Answers of 500-599 in a row.
    public var consecutiveErrors: Int
    /// Connects that were refused or reset, in all.
    public var connectFailures: Int

    public init(id: EndpointID, consecutiveErrors: Int, connectFailures: Int) {
        self.id = id
        self.consecutiveErrors = consecutiveErrors
        self.connectFailures = connectFailures
    }
}

/// Reads the counters that workers keep.
public protocol TrafficReader: Sendable {
    func endpointTraffic() -> [EndpointTraffic]
    /// Begins the count of errors in a row anew: an endpoint comes back from its ejection.
    func resetErrors(of id: EndpointID)
}

/// What the control plane is told by the settings.
public struct ControlSettings: Sendable {
    public var datacenter: DatacenterName
    public var services: [ServiceDefinition]
    public var listeners: [ListenerDefinition]

    public init(datacenter: DatacenterName, services: [ServiceDefinition], listeners: [ListenerDefinition]) {
        self.datacenter = datacenter
        self.services = services
        self.listeners = listeners
    }
}

/// The state of the control plane at one moment, for those who show it.
public struct ControlSnapshot: Sendable {
    public var catalog: Catalog
    public var table: RoutingTable
    /// When it was taken.
    public var takenAt: Tick
}
