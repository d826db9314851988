// Owns what is checked, and what a check reports.
public import Health
public import Proactor
public import Routing
internal import Topology

/// One endpoint to be checked.
public struct ProbeTarget: Hashable, Sendable {
    public var id: EndpointID
    /// nil while its name is not resolved: then it is not checked, and keeps its last verdict.
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
}
