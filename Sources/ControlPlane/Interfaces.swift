// Owns what the control plane needs from other parts: a router, traffic counters, settings.
public import Routing
public import Switching
public import Topology

/// Takes routing tables and the orders of gates: the data plane, connected by the composition root. It is called on the
/// control thread and must not block.
public protocol RoutingSink: Sendable {
    /// Makes all workers use the table from their next turn on.
    func publish(_ table: RoutingTable)
    /// Puts an order for a service's gate into force: its ticks at once, the rest at the workers' next turn.
    func command(_ order: GateOrder, for service: ServiceName)
    /// Cuts everything that was admitted to a service before a generation of its gate.
    func cut(olderThan generation: UInt64, of service: ServiceName)
    /// The generation of a service's gate that every worker obeys, with nothing older in flight.
    func confirmedGeneration(of service: ServiceName) -> UInt64
    /// `listener` is called, on any thread, when `confirmedGeneration` may have grown; a call may get lost.
    func listenForConfirmations(_ listener: @escaping @Sendable (ServiceName) -> Void)
    /// Makes the workers look at their orders again: the notice may have been lost.
    func remind(of service: ServiceName)
    /// Sets the length of routing leases.
    func setLease(_ lease: Duration)
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
    /// The endpoints of the table and those that left it lately, in any order. Called ten times a second on the control thread.
    func endpointTraffic() -> [EndpointTraffic]
    /// Resets the count of errors in a row when an endpoint comes back from its ejection.
    func resetErrors(of id: EndpointID)
    /// Calls `listener`, on any thread, at the first failure after each `failuresAreBeingRead`.
    func listenForFailures(_ listener: @escaping @Sendable () -> Void)
    /// Says that the next failure has to be reported again.
    func failuresAreBeingRead()
}

/// What the control plane needs of the settings.
public struct ControlSettings: Sendable {
    public var node: NodeID
    /// Where this node is.
    public var datacenter: DatacenterName
    public var services: [ServiceDefinition]
    /// The URL of this node's admin API for programs elsewhere; nil: not published.
    public var advertisedAdmin: String?
    /// What this node runs, for people.
    public var version: String

    public init(
        node: NodeID, datacenter: DatacenterName, services: [ServiceDefinition], advertisedAdmin: String? = nil,
        version: String = ""
    ) {
        self.advertisedAdmin = advertisedAdmin
        self.version = version
        self.node = node
        self.datacenter = datacenter
        self.services = services
    }
}
