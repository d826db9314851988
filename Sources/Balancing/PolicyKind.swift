// Owns the names of the policies and what the settings say about retries and limits.

/// How a datacenter is chosen.
public enum DatacenterPolicyKind: String, CaseIterable, Sendable {
    case primary, weighted, random, nearest
    case roundRobin = "round_robin"
}

/// How an endpoint is chosen in the datacenter.
public enum EndpointPolicyKind: String, CaseIterable, Sendable {
    case random, weighted, maglev
    case roundRobin = "round_robin"
    case leastRequests = "least_requests"
    case peakEWMA = "peak_ewma"
}

/// What `maglev` hashes.
public enum HashKey: Hashable, Sendable {
    case source
    case header(String)
    case cookie(String)
}

/// How failed requests are retried.
public struct RetryPolicy: Hashable, Sendable {
    /// Further attempts after the first; 0 = never.
    public var attempts = 1
    /// Retries may be at most this share of the requests of the last ten seconds…
    public var budget = 0.2
    /// …but this many in ten seconds are always allowed.
    public var minimumBudget = 3
    public init() {}
}

/// The most that one endpoint is given at a time by all workers of the process.
public struct CircuitLimits: Hashable, Sendable {
    public var connections = 1024
    public var requests = 1024
    /// How many requests of a service may wait on one worker for room at an endpoint; one more is answered 503.
    public var queue = 1024
    public init() {}
}

/// The upstream connections that a worker keeps open.
public struct PoolPolicy: Hashable, Sendable {
    /// Idle connections that each worker keeps to an endpoint for `idleTimeout`; more are kept for a few seconds, none
    /// with 0.
    public var idle = 64
    /// Longest time that a connection stays idle in the pool.
    public var idleTimeout = Duration.seconds(60)
    public init() {}
}
