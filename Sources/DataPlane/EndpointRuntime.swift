// Owns one worker's connections to one endpoint.
internal import Balancing
internal import Catalog
internal import Proactor
internal import Routing
internal import Synchronization
internal import Topology

/// An endpoint on one worker: where it is, its idle connections, and its counters that all workers share.
final class EndpointRuntime {
    let id: EndpointID
    let counters: EndpointCounters
    /// nil while its name is not resolved.
    private(set) var address: SocketAddress?
    private(set) var circuit: CircuitLimits
    private(set) var pool: PoolPolicy
    private(set) var acceptsBareLineFeeds: Bool
    /// Whether the endpoint is still in the routing table.
    private(set) var isCurrent = true
    /// `host:port`, for logs.
    let name: String
    let datacenterName: String
    private var idle: [UpstreamConnection] = []
    private let failureSignal: FailureSignal
    /// Of the process, over all endpoints.
    private let budget: ConnectionBudget
    /// The requests of the service that wait for room, here or elsewhere.
    private let line: RequestQueue
    private var keptAtLimit = 0

    init(
        _ endpoint: EndpointRouting, _ service: ServiceDefinition, _ counters: TrafficCounters,
        _ addresses: ResolvedAddresses, _ line: RequestQueue
    ) {
        self.line = line
        id = endpoint.id
        name = endpoint.address.description
        datacenterName = endpoint.id.datacenter.text
        self.counters = counters.endpoint(endpoint.id)
        failureSignal = counters.failureSignal
        budget = counters.backends
        address = addresses.lookUp(endpoint.address)
        circuit = service.circuit
        pool = service.pool
        acceptsBareLineFeeds = service.acceptsBareLineFeeds
    }

    func update(_ service: ServiceDefinition, _ addresses: ResolvedAddresses) {
        let fresh = addresses.lookUp(id.address)
        if fresh != address { closeIdle() }
        address = fresh
        circuit = service.circuit
        pool = service.pool
        acceptsBareLineFeeds = service.acceptsBareLineFeeds
    }

    /// Whether one more request is within the circuit's limit; counts it if so. `finishRequest` takes it off.
    @inline(__always)
    func beginRequest() -> Bool {
        let before = counters.inFlight.add(1, ordering: .relaxed).oldValue
        guard before < circuit.requests else {
            counters.inFlight.subtract(1, ordering: .relaxed)
            return false
        }
        counters.requests.add(1, ordering: .relaxed)
        return true
    }

    @inline(__always)
    func finishRequest() {
        counters.inFlight.subtract(1, ordering: .relaxed)
        if !line.isEmpty { line.roomCame() }
    }

    /// Takes back a `beginRequest` of which nothing came.
    func takeBackRequest() {
        counters.inFlight.subtract(1, ordering: .relaxed)
        counters.requests.subtract(1, ordering: .relaxed)
    }

    /// Whether one more connection is within the circuit's limit; counts it if so.
    func beginConnection() -> Bool {
        let before = counters.connections.add(1, ordering: .relaxed).oldValue
        if before < circuit.connections, budget.take() { return true }
        counters.connections.subtract(1, ordering: .relaxed)
        return false
    }

    /// Counts a connect that was refused, reset or not answered in time.
    func countConnectFailure() {
        counters.connectFailures.add(1, ordering: .relaxed)
        failureSignal.raise()
    }

    /// Counts an answer of 500-599, or an attempt without an answer.
    func countError() {
        counters.errors.add(1, ordering: .relaxed)
        counters.consecutiveErrors.add(1, ordering: .relaxed)
        failureSignal.raise()
    }

    func finishConnection() {
        budget.giveBack()
        counters.connections.subtract(1, ordering: .relaxed)
        if !line.isEmpty { line.roomCame() }
    }

    /// The idle connection used last, which is the one most surely alive.
    ///
    /// - Parameter freshAfter: when the request may not be sent twice, only a connection idle since then will do.
    @inline(__always)
    func takeIdle(freshAfter: Tick?) -> UpstreamConnection? {
        guard let last = idle.last else { return nil }
        if let freshAfter, last.idleSince < freshAfter { return nil }
        idle.removeLast()
        return last
    }

    /// How long one waits for the next request when the endpoint takes no more connections: another worker may need it.
    static let idleTimeAtLimit: Int64 = 20_000_000
    /// How long a connection beyond `pool.idle` waits for the next request.
    static let surplusIdleTime: Int64 = 5_000_000_000

    /// Keeps a connection for the next request. Beyond `pool.idle` connections it is kept for a few seconds only:
    /// closing it at once would make a busy endpoint's requests connect anew whenever more than that end together.
    ///
    /// - Parameter limit: how long it may be idle, in nanoseconds.
    /// - Returns: how long it is kept; nil when the endpoint is gone: close it.
    @inline(__always)
    func keep(_ connection: UpstreamConnection, for limit: Int64) -> Int64? {
        guard isCurrent else { return nil }
        let isSurplus = idle.count >= pool.idle
        if isSurplus, pool.idle == 0 { return nil }
        var time = isSurplus ? min(limit, Self.surplusIdleTime) : limit
        if counters.connections.load(ordering: .relaxed) >= circuit.connections || budget.isFull {
            // One of some is closed even under load, so that no worker goes without for ever.
            keptAtLimit &+= 1
            if keptAtLimit & 15 == 0 { return nil }
            time = min(time, Self.idleTimeAtLimit)
        }
        idle.append(connection)
        return time
    }

    /// Takes one connection out of the pool, because it broke or its time is over.
    func discard(_ connection: UpstreamConnection) {
        if let index = idle.firstIndex(where: { $0 === connection }) { idle.remove(at: index) }
    }

    /// Closes all idle connections.
    func closeIdle() {
        let connections = idle
        idle = []
        for connection in connections { connection.closeIdle() }
    }

    /// The endpoint left the table: requests in flight end as they may, nothing new begins.
    func retire() {
        isCurrent = false
        closeIdle()
    }
}
