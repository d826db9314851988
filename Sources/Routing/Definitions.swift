// Owns services, listeners and routes as the settings define them: the layer below what the catalog overrides.
public import Balancing
public import Catalog
public import Health
public import Topology

/// What a listener or a service speaks.
public enum ProtocolKind: String, CaseIterable, Sendable { case http, tcp }

/// One backend address.
public struct EndpointDefinition: Hashable, Sendable {
    public var address: Address
    /// 0-256; 0 takes no new requests.
    public var weight: Int
    public init(address: Address, weight: Int = 1) {
        self.address = address
        self.weight = weight
    }
}

/// A service's endpoints in one datacenter.
public struct DatacenterDefinition: Hashable, Sendable {
    public var name: DatacenterName
    /// 0-256.
    public var weight: Int
    public var endpoints: [EndpointDefinition]
    public init(name: DatacenterName, weight: Int = 1, endpoints: [EndpointDefinition] = []) {
        self.name = name
        self.weight = weight
        self.endpoints = endpoints
    }
}

/// How the primary of a service moves. The group agrees on it; a node alone has no use for it.
public struct FailoverPolicy: Hashable, Sendable {
    public var confirm = Duration.seconds(5)
    public var drain = Duration.seconds(2)
    public var hold = Duration.seconds(15)
    public var cooldown = Duration.seconds(3600)
    /// nil: an operator moves it back; otherwise it returns after this time.
    public var failbackAfter: Duration?
    public var consistency = Consistency.strict
    /// nil: lag is not sampled.
    public var lagGate: LagGate?
    public init() {}

    /// Asks the target datacenter how far behind its data is, before an automatic promotion.
    public struct LagGate: Hashable, Sendable {
        /// The path of its endpoints that answers with the lag in seconds.
        public var path: String
        /// The most lag that a promotion accepts.
        public var limit: Duration

        public init(path: String = "/", limit: Duration = .seconds(10)) {
            self.path = path
            self.limit = limit
        }
    }
}

/// Time limits. The article Life of a request says what starts and ends each.
public struct TimeoutPolicy: Hashable, Sendable {
    public var clientHead = Duration.seconds(10)
    public var clientIdle = Duration.seconds(60)
    /// While bytes wait for a client that takes none; then it is cut off.
    public var clientStall = Duration.seconds(30)
    /// Grace before the least rate of a request's body is asked for, and that rate in bytes a second. Time in which the
    /// proxy itself was not receiving does not count.
    public var bodyGrace = Duration.seconds(30)
    public var bodyRate = 500
    public var tunnelIdle = Duration.seconds(3600)
    public var connect = Duration.seconds(2)
    /// From the end of a request to the head of its answer.
    public var firstByte = Duration.seconds(30)
    /// Between two pieces of an answer that has begun; nil: as `responseIdle(ofEventStream:)` says.
    public var responseIdle: Duration?
    /// The whole request; nil: no limit.
    public var request: Duration?
    public init() {}

    /// The longest pause within an answer: what the settings say, else 60 s, and 1 h for an event stream
    /// (`text/event-stream`), which is silent while nothing happens.
    public func responseIdle(ofEventStream isEventStream: Bool) -> Duration {
        responseIdle ?? (isEventStream ? .seconds(3600) : .seconds(60))
    }
}

/// What users reach: endpoints per datacenter, and the policies between them.
public struct ServiceDefinition: Hashable, Sendable {
    public var name: ServiceName
    public var `protocol` = ProtocolKind.http
    public var datacenterPolicy = DatacenterPolicyKind.weighted
    public var endpointPolicy = EndpointPolicyKind.roundRobin
    /// What `maglev` hashes.
    public var hashKey = HashKey.source
    /// nil: endpoints are not checked, traffic alone judges them.
    public var healthCheck: HealthCheckPolicy? = HealthCheckPolicy()
    public var outlier = OutlierPolicy()
    public var slowStart = SlowStartPolicy()
    public var failover = FailoverPolicy()
    public var retry = RetryPolicy()
    public var circuit = CircuitLimits()
    public var pool = PoolPolicy()
    public var timeouts = TimeoutPolicy()
    /// `responses: lenient` accepts a bare LF from old backends.
    public var acceptsBareLineFeeds = false
    /// Whether a client that closes before its answer cancels a request of an idempotent method (RFC 9110 §9.2.2).
    public var abortsOnClose = true
    /// In order of preference.
    public var datacenters: [DatacenterDefinition] = []
    public init(name: ServiceName) { self.name = name }
}

/// How a route's path is compared.
public enum PathPattern: Hashable, Sendable {
    case any
    /// Matches itself and everything below it, on segment boundaries.
    case prefix(String)
    case exact(String)
    /// Matches the whole path.
    case regex(String)
}

/// A header that a route asks for; nil value: any.
public struct HeaderPattern: Hashable, Sendable {
    public var name: String
    public var value: String?
    public init(name: String, value: String?) {
        self.name = name
        self.value = value
    }
}

/// One route of a listener; the first that matches wins.
public struct RouteDefinition: Hashable, Sendable {
    /// Lower case; `*.example.com` is one label or more; nil: every host.
    public var host: String?
    public var path = PathPattern.any
    /// Upper case; empty: every method.
    public var methods: [String] = []
    public var headers: [HeaderPattern] = []
    public var service: ServiceName
    public init(service: ServiceName) { self.service = service }
}

/// Whose PROXY protocol headers are believed. A connection from elsewhere is refused.
public struct ProxyProtocolPolicy: Hashable, Sendable {
    /// Networks of the peers that are believed; nil: those on this machine.
    public var sources: [AddressPrefix]?

    public init(sources: [AddressPrefix]? = nil) { self.sources = sources }

    /// Whether a peer is believed.
    ///
    /// - Parameter peer: nil for the peer of a Unix socket, which is always believed: the file's mode says who connects.
    public func trusts(_ peer: IPAddress?) -> Bool {
        guard let peer else { return true }
        return sources.map { $0.contains { $0.contains(peer) } } ?? peer.isLoopback
    }
}

/// A bound address with routes to services.
public struct ListenerDefinition: Hashable, Sendable {
    public var name: ListenerName
    public var bind: Address
    public var `protocol` = ProtocolKind.http
    /// For `http`.
    public var routes: [RouteDefinition] = []
    /// For `tcp`.
    public var service: ServiceName?
    /// Every connection begins with a PROXY protocol header (version 1 or 2), from a peer that is believed; nil: none does.
    public var proxyProtocol: ProxyProtocolPolicy?
    /// nil: clients speak without TLS.
    public var tls: ListenerTLS?
    public init(name: ListenerName, bind: Address) {
        self.name = name
        self.bind = bind
    }
}
