// Owns what the settings say about checking the endpoints of a service.

/// What one active check does.
public enum CheckKind: Hashable, Sendable {
    /// Connects, and closes again.
    case tcp
    /// Sends a request and judges the answer.
    case http(HTTPCheck)
    /// Calls `grpc.health.v1.Health/Check` for a service name ("" = the whole server).
    case grpc(service: String)
}

/// The request of an HTTP check and what counts as healthy.
public struct HTTPCheck: Hashable, Sendable {
    public var method = "GET"
    public var path = "/"
    /// The `Host` header; nil: the endpoint's address.
    public var host: String?
    /// Statuses that count as up.
    public var expectedStatuses: [ClosedRange<Int>] = [200...399]
    /// A text that the first 64 KiB of the body must contain.
    public var bodyContains: String?
    public init() {}
}

/// How often an endpoint is checked and how many results change its state.
public struct HealthCheckPolicy: Hashable, Sendable {
    public var kind = CheckKind.tcp
    public var interval = Duration.seconds(2)
    public var timeout = Duration.seconds(1)
    /// Failures in a row that make an endpoint down.
    public var fall = 3
    /// Successes in a row that make it up again.
    public var rise = 2
    /// The share of the interval by which a check is moved at random, so that checks do not run in step.
    public var jitter = 0.1
    /// Checks go to this port instead of the endpoint's.
    public var port: UInt16?
    public init() {}
}

/// When traffic itself ejects an endpoint.
public struct OutlierPolicy: Hashable, Sendable {
    /// How many 5xx answers in a row eject an endpoint.
    public var consecutiveErrors = 5
    /// The first ejection's length; the n-th lasts n times as long.
    public var baseEjection = Duration.seconds(30)
    public var maximumEjection = Duration.seconds(300)
    /// The most of a datacenter's endpoints that may be ejected at once.
    public var maximumEjectedShare = 0.5
    public init() {}
}

/// How an endpoint that comes back is given traffic little by little.
public struct SlowStartPolicy: Hashable, Sendable {
    /// Time from the first to the full weight; zero: at once.
    public var window = Duration.zero
    public init() {}
}
