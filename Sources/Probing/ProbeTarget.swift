// Owns the targets of checks, and what checks report.
public import Health
public import Proactor
public import Routing
public import Topology

/// One endpoint to be checked.
public struct ProbeTarget: Hashable, Sendable {
    public var id: EndpointID
    /// nil: the address of `id` is a name; the scheduler looks it up, again every 30 s.
    public var address: SocketAddress?
    public var policy: HealthCheckPolicy

    public init(id: EndpointID, address: SocketAddress?, policy: HealthCheckPolicy) {
        self.id = id
        self.address = address
        self.policy = policy
    }
}

/// Something that a check found out.
public enum ProbeReport: Sendable {
    /// An endpoint's health changed.
    case transition(EndpointID, HealthTransition)
    /// How long a connect took; for `nearest`.
    case connectTime(EndpointID, Duration)
    /// How far behind the data of this node's datacenter is, for a service with a lag gate.
    case lag(ServiceName, Duration)
}
