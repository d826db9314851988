// Owns one worker: a loop, its listening sockets, its sessions and its copy of the routing table.
internal import Balancing
internal import Catalog
internal import HTTPTransport
internal import HTTPWire
internal import Logging
internal import Proactor
internal import Proxying
internal import Routing
internal import Switching
internal import Synchronization
internal import Topology

/// A thread's share of the data plane. Everything in it belongs to its loop.
final class Worker {
    let loop: EventLoop
    /// Which of the process's workers it is, from 0.
    let number: Int
    let shared: WorkerShared
    /// The process's counters, once more: one look-up less a request.
    let process: ProcessCounters
    private(set) var configuration: DataPlaneConfiguration
    private(set) var listeners: [ListenerRuntime] = []
    private var services: [ServiceName: ServiceRuntime] = [:]
    var random: RandomBits
    /// What connections of clients share, and those to backends.
    let serverContext: H1ServerContext
    let clientContext: H1ClientContext
    /// A limit on clients that are no HTTP yet, in nanoseconds.
    private(set) var headTimeout: Int64
    private var spareExchanges = SpareStack<Exchange>()
    private var sessions: [any Drainable] = []
    /// Bytes of request bodies that are kept for retries, and their limit.
    var replayBytes = 0
    static let replayLimit = 16 << 20
    /// Whether a graceful stop has begun: answers close their connections.
    private(set) var isDraining = false
    let log: AccessLogWriter?
    /// The node's name for `Via`; nil: none is added.
    private(set) var via: Via?
    private var clock = WallClock()
    private var date = DateText()

    init(loop: EventLoop, number: Int, shared: WorkerShared, configuration: DataPlaneConfiguration, seed: UInt64) {
        self.loop = loop
        self.number = number
        self.shared = shared
        process = shared.counters.process
        self.configuration = configuration
        random = RandomBits(seed: seed)
        serverContext = H1ServerContext(loop: loop, limits: Self.limits(configuration))
        clientContext = H1ClientContext(
            loop: loop, maximumHead: Int(configuration.maximumHead.bytes), maximumFields: configuration.maximumFields)
        via = configuration.addsVia ? Via(bytes: Array(configuration.node.text.utf8)) : nil
        headTimeout = configuration.clientHeadTimeout.wholeNanoseconds
        log = shared.accessLog.map { AccessLogWriter($0, loop) }
    }

    private static func limits(_ configuration: DataPlaneConfiguration) -> H1ServerLimits {
        var limits = H1ServerLimits()
        limits.head = configuration.clientHeadTimeout.wholeNanoseconds
        limits.idle = configuration.clientIdleTimeout.wholeNanoseconds
        limits.stall = configuration.clientStallTimeout.wholeNanoseconds
        limits.maximumHead = Int(configuration.maximumHead.bytes)
        limits.maximumFields = configuration.maximumFields
        limits.keepsPaths = configuration.keepsPaths
        return limits
    }

    /// Takes new settings; listeners come and go by `open` and `close(_:)`.
    func configure(_ configuration: DataPlaneConfiguration) {
        self.configuration = configuration
        judged = nil
        serverContext.configure(Self.limits(configuration))
        clientContext.configure(
            maximumHead: Int(configuration.maximumHead.bytes), maximumFields: configuration.maximumFields)
        via = configuration.addsVia ? Via(bytes: Array(configuration.node.text.utf8)) : nil
        headTimeout = configuration.clientHeadTimeout.wholeNanoseconds
        for service in services.values { service.configure(configuration) }
    }

    // MARK: Listeners

    func open(_ definition: ListenerDefinition, _ security: ListenerSecurity? = nil, on socket: ListeningSocket) {
        let listener = ListenerRuntime(definition, security, worker: self)
        listeners.append(listener)
        listener.start(on: socket)
        if let table { bind(listener, table) }
    }

    /// A listener is gone, or goes on elsewhere: what it has accepted ends after the answer that is under way.
    func close(_ name: ListenerName) {
        guard let index = listeners.firstIndex(where: { $0.name == name }) else { return }
        let listener = listeners.remove(at: index)
        listener.stop()
        serverContext.drain { $0 === listener }
    }

    // MARK: Routing

    private var table: RoutingTable?

    /// Takes over a routing table, at the beginning of a turn.
    func adopt(_ table: RoutingTable) {
        if let current = self.table, current.version >= table.version { return }
        self.table = table
        var gone = services
        for service in table.services {
            if let runtime = gone.removeValue(forKey: service.name) {
                let change = runtime.adopt(
                    service, configuration, counters: shared.counters, addresses: shared.addresses, random: &random)
                for endpoint in change.retired { endpoint.retire() }
                if change.isNewlyGated { cutUngated(runtime) }
            } else {
                let name = service.name
                services[name] = ServiceRuntime(
                    service, configuration, loop: loop, counters: shared.counters, addresses: shared.addresses,
                    random: &random
                ) { [unowned self] in gate(of: name) }
            }
        }
        for (name, runtime) in gone {
            services[name] = nil
            for endpoint in runtime.endpoints.joined() { endpoint.retire() }
        }
        for listener in listeners { bind(listener, table) }
    }

    private func bind(_ listener: ListenerRuntime, _ table: RoutingTable) {
        guard let routing = table.listeners.first(where: { $0.name == listener.name }) else { return }
        listener.bind(
            routing,
            targets: routing.targets.compactMap { target in
                services[table.services[target.service].name].map {
                    ListenerRuntime.Target(service: $0, actions: target.actions)
                }
            },
            service: routing.service.flatMap { services[table.services[$0].name] })
    }

    /// Forgets what was resolved before, so that changed addresses are used.
    func readdress() {
        guard let table else { return }
        self.table = nil
        adopt(table)
    }

    // MARK: Gates

    /// The gates of all services that control has spoken of, also of those that the settings no longer list: something
    /// may be in flight to them.
    private var gates: [ServiceName: WorkerGate] = [:]

    private func gate(of name: ServiceName) -> WorkerGate {
        if let gate = gates[name] { return gate }
        let gate = WorkerGate(shared.gates.cell(of: name), shared.gates, loop: loop, worker: number)
        gates[name] = gate
        return gate
    }

    /// Control has a new command for the gate of a service.
    func takeGateCommand(of name: ServiceName) {
        let gate = gate(of: name)
        let cutOlderThan = gate.takeCommand()
        guard let cutOlderThan else { return }
        // What is cut leaves the list, or is replaced in it.
        for exchange in exchanges { exchange.cut(gate, olderThan: cutOlderThan) }
        for session in sessions { session.cut(gate, olderThan: cutOlderThan) }
    }

    private func cutUngated(_ service: ServiceRuntime) {
        for exchange in exchanges { exchange.cutUngated(service) }
        for session in sessions { session.cutUngated(service) }
    }

    /// Those that answer a request now.
    private var exchanges: [Exchange] { serverContext.connections.compactMap { $0.handler as? Exchange } }

    // MARK: Exchanges and sessions

    @inline(__always)
    func takeExchange() -> Exchange { spareExchanges.pop() ?? Exchange(self) }

    @inline(__always)
    func giveBack(_ exchange: Exchange) {
        if spareExchanges.count < Self.mostSpareExchanges {
            spareExchanges.push(exchange)
        } else {
            exchange.invalidateTimer()
        }
    }

    private static let mostSpareExchanges = 256

    func add(_ session: any Drainable) {
        session.position = sessions.count
        sessions.append(session)
    }

    /// A connection is over.
    func remove(_ session: any Drainable) {
        if forget(session) { process.connections.subtract(1, ordering: .relaxed) }
    }

    /// A connection goes on as something else, and stays counted.
    ///
    /// - Returns: whether it was in the list.
    @discardableResult
    func forget(_ session: any Drainable) -> Bool {
        let position = session.position
        guard position < sessions.count, sessions[position] === session else { return false }
        let last = sessions.removeLast()
        if last !== session {
            sessions[position] = last
            last.position = position
        }
        return true
    }

    /// Whether one more client is within the limit; counts it if so.
    func admit() -> Bool {
        let before = process.connections.add(1, ordering: .relaxed).oldValue
        process.connectionsAccepted.add(1, ordering: .relaxed)
        if let limit = configuration.maximumConnections, before >= limit {
            process.connections.subtract(1, ordering: .relaxed)
            process.connectionsRefused.add(1, ordering: .relaxed)
            return false
        }
        return true
    }

    // MARK: Stopping

    /// Begins a graceful stop: no new connections, idle ones are closed, others after their answer.
    func drain() {
        isDraining = true
        for listener in listeners { listener.stop() }
        listeners = []
        serverContext.drain()
        for session in sessions { session.drain() }
    }

    /// Cuts off what is left.
    func abortAll() {
        serverContext.abort()
        for session in sessions { session.abort() }
        for service in services.values { for endpoint in service.endpoints.joined() { endpoint.retire() } }
        log?.end()
        // Sessions, endpoints and exchanges point back to the worker: let go of them.
        services = [:]
        for exchange in spareExchanges.removeAll() { exchange.invalidateTimer() }
        listeners = []
    }

    // MARK: Answers

    /// Bytes towards one side above which the other side is not received from: fewer when buffers are short, so that
    /// those who do not read leave some to those who do.
    @inline(__always)
    var highWater: Int { serverContext.highWater }

    /// The value of a `Date` field for now.
    @inline(__always)
    func currentDate() -> DateText {
        let second = clock.seconds(now: loop.now)
        if date.second != second { date = DateText(second) }
        return date
    }

    /// Calls `body` with what is added to an interim answer.
    @inline(__always)
    func withEdits<Result: ~Copyable>(
        _ requestID: Span<UInt8>, _ body: (borrowing ResponseEdits) -> Result
    ) -> Result {
        let date = currentDate()
        return body(ResponseEdits(requestID: requestID, date: date.span, via: nil))
    }

    /// Whether forwarded fields of this peer are believed.
    @inline(__always)
    func trusts(_ peer: IPAddress?) -> Bool {
        // The same client asks again and again, and the answer holds for as long as the settings do.
        if let judged, judged.peer == peer { return judged.isTrusted }
        return judge(peer)
    }

    private var judged: (peer: IPAddress?, isTrusted: Bool)?

    private func judge(_ peer: IPAddress?) -> Bool {
        let isTrusted = configuration.trustsPeer(peer)
        judged = (peer, isTrusted)
        return isTrusted
    }

    /// Gives an answer of our own.
    func answer(_ stream: any ServerStream, _ answer: OwnAnswer, _ requestID: Span<UInt8>) {
        let page = configuration.errorPages[answer.status] ?? []
        let date = currentDate()
        stream.answer(
            PlainAnswer(
                status: answer.status, requestID: requestID, date: date.span, page: page.span,
                detail: answer.detail.value, retryAfter: answer.status == 503 ? 1 : 0))
    }

    // MARK: Local resources

    private var lastShortage = Tick.zero

    /// There was no port, descriptor or memory for a connection to a backend. One line in ten seconds at most: without
    /// them every attempt fails.
    func noteLocalShortage() {
        process.localShortages.add(1, ordering: .relaxed)
        guard lastShortage == .zero || loop.now - lastShortage > .seconds(10) else { return }
        lastShortage = loop.now
        shared.logger.error(
            "no local port, descriptor or memory for connections to backends; requests are answered 503",
            metadata: ["worker": "\(number)"])
    }
}

/// A node's name. Used where it is held, by `switch`, so that a use counts no reference.
struct Via: ~Copyable {
    let bytes: [UInt8]
}

/// A client's connection, as a graceful stop sees it.
protocol Drainable: AnyObject {
    /// Its place in the worker's list.
    var position: Int { get set }
    /// Ends as soon as nothing is under way.
    func drain()
    /// Ends now.
    func abort()
    /// Ends what a gate admitted before a generation.
    func cut(_ gate: WorkerGate, olderThan generation: UInt64)
    /// Ends what it has in flight towards a service that follows a primary from now on, and was admitted by no gate.
    func cutUngated(_ service: ServiceRuntime)
}

/// What all workers share.
final class WorkerShared: Sendable {
    let counters: TrafficCounters
    let addresses = ResolvedAddresses()
    let gates: SharedGates
    let accessLog: AccessLog?
    let logger: Logger

    init(counters: TrafficCounters, accessLog: AccessLog?, workers: Int, logger: Logger) {
        gates = SharedGates(workers: workers)
        self.counters = counters
        self.accessLog = accessLog
        self.logger = logger
    }
}
