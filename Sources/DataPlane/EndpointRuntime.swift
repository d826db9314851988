// Owns one worker's view of one endpoint: where it is, what it is given, and its connections.
internal import Balancing
internal import Catalog
internal import HTTPTransport
internal import Proactor
internal import Routing
internal import Synchronization
internal import Topology

/// An endpoint on one worker. Its counters are shared by all workers, so that limits hold for the process.
final class EndpointRuntime {
    let id: EndpointID
    let counters: EndpointCounters
    /// nil while its name is not resolved.
    private(set) var address: SocketAddress?
    /// Whether its name is resolved.
    var hasAddress: Bool { address != nil }
    private(set) var circuit: CircuitLimits
    private var poolPolicy: PoolPolicy
    /// How long a connection is kept idle, in nanoseconds.
    private var idleTime: Int64
    private(set) var acceptsBareLineFeeds: Bool
    /// Whether the endpoint is still in the routing table.
    private var isCurrent = true
    /// `host:port`, for logs.
    let name: String
    let datacenterName: String
    private var pool = BackendPool()
    private let failureSignal: FailureSignal
    /// Of connections to backends that the process may have, over all endpoints.
    private let budget: ConnectionBudget
    /// The requests of the service that wait for room, here or elsewhere.
    private let queue: RequestQueue

    init(
        _ endpoint: EndpointRouting, _ service: ServiceDefinition, _ counters: TrafficCounters,
        _ addresses: ResolvedAddresses, _ queue: RequestQueue
    ) {
        self.queue = queue
        id = endpoint.id
        name = endpoint.address.description
        datacenterName = endpoint.id.datacenter.text
        self.counters = counters.endpoint(endpoint.id)
        failureSignal = counters.failureSignal
        budget = counters.backends
        address = addresses.lookUp(endpoint.address)
        circuit = service.circuit
        poolPolicy = service.pool
        idleTime = service.pool.idleTimeout.wholeNanoseconds
        acceptsBareLineFeeds = service.acceptsBareLineFeeds
    }

    func update(_ service: ServiceDefinition, _ addresses: ResolvedAddresses) {
        let fresh = addresses.lookUp(id.address)
        if fresh != address || service.acceptsBareLineFeeds != acceptsBareLineFeeds { closeIdle() }
        address = fresh
        circuit = service.circuit
        poolPolicy = service.pool
        idleTime = service.pool.idleTimeout.wholeNanoseconds
        acceptsBareLineFeeds = service.acceptsBareLineFeeds
    }

    // MARK: Requests

    /// Whether one more request is within the circuit's limit; counts it if so. `finishRequest` takes it off.
    @inline(__always)
    func beginRequest() -> Bool {
        let before = counters.inFlight.wrappingAdd(1, ordering: .relaxed).oldValue
        guard before < circuit.requests || ShellMutation.seeds(.overfillsEndpoint) else {
            counters.inFlight.wrappingSubtract(1, ordering: .relaxed)
            return false
        }
        counters.requests.wrappingAdd(1, ordering: .relaxed)
        return true
    }

    @inline(__always)
    func finishRequest() {
        counters.inFlight.wrappingSubtract(1, ordering: .relaxed)
        if !queue.isEmpty { queue.roomCame() }
    }

    /// Takes back a `beginRequest` of which nothing came.
    func takeBackRequest() {
        counters.inFlight.subtract(1, ordering: .relaxed)
        counters.requests.subtract(1, ordering: .relaxed)
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

    @inline(__always)
    func countSuccess() {
        guard counters.consecutiveErrors.load(ordering: .relaxed) != 0 else { return }
        counters.consecutiveErrors.store(0, ordering: .relaxed)
    }

    // MARK: Connections

    /// An idle connection for a request; nil: there is none that will do.
    @inline(__always)
    func takeIdle(isRepeatable: Bool, now: Tick) -> BackendConnection? {
        pool.take(isRepeatable: isRepeatable, now: now)
    }

    /// A connection to be made; nil when the circuit's limit or the process's is reached.
    func makeConnection(_ context: H1ClientContext) -> BackendConnection? {
        let before = counters.connections.add(1, ordering: .relaxed).oldValue
        if before < circuit.connections, budget.take() { return BackendConnection(self, context) }
        counters.connections.subtract(1, ordering: .relaxed)
        return nil
    }

    /// Keeps a connection for the next request.
    ///
    /// - Parameter offered: seconds that the backend keeps it; one second less is safe.
    /// - Returns: how long it is kept, in nanoseconds; nil: close it.
    @inline(__always)
    func keep(_ connection: BackendConnection, offered: Int?) -> Int64? {
        guard isCurrent else { return nil }
        var time = idleTime
        if let offered { time = min(time, Int64(max(0, offered - 1)) * 1_000_000_000) }
        let isAtLimit =
            counters.connections.load(ordering: .relaxed) >= circuit.connections || budget.isFull
        return pool.keep(connection, for: time, limit: poolPolicy.idle, isAtLimit: isAtLimit)
    }

    /// A connection is no more, or is a tunnel now that is counted by itself.
    func connectionClosed(_ connection: BackendConnection, wasPooled: Bool) {
        if wasPooled { pool.remove(connection) }
        releaseConnection()
    }

    /// A tunnel goes on over a connection that its protocol has given away, and counts as one.
    func beginTunnel() {
        counters.connections.add(1, ordering: .relaxed)
        budget.takeOver()
    }

    func endTunnel() {
        if !ShellMutation.seeds(.leaksTunnel) { releaseConnection() }
        finishRequest()
    }

    private func releaseConnection() {
        budget.giveBack()
        counters.connections.subtract(1, ordering: .relaxed)
        if !queue.isEmpty { queue.roomCame() }
    }

    /// Closes all idle connections.
    func closeIdle() { for connection in pool.removeAll() { connection.client.close() } }

    /// The endpoint left the table: requests in flight end as they may, nothing new begins.
    func retire() {
        isCurrent = false
        closeIdle()
    }
}
