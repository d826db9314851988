// Owns what is checked, and what checks report.
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

/// Something that checks found out.
public enum ProbeReport: Sendable {
    /// An endpoint's health changed.
    case transition(EndpointID, HealthTransition)
    /// How long a connect took; for `nearest`.
    case connectTime(EndpointID, Duration)
    /// How far the data of this node's datacenter is behind, of a service that is gated by it.
    case lag(ServiceName, Duration)
}
