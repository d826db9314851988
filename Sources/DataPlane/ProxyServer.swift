// Owns the workers: starts them, hands them routing tables, opens and closes their listeners, ends them.
internal import Balancing
internal import Catalog
internal import Glibc
public import Logging
public import Proactor
public import Routing
public import Switching
internal import Synchronization
public import Topology

/// The data plane of a process. Safe from every thread; its calls do not wait for traffic.
public final class ProxyServer: Sendable {
    private struct State {
        var configuration: DataPlaneConfiguration
        var listeners: [ListenerDefinition]
        var sockets: [ListenerName: SocketAddress]
        /// Of the listeners that speak TLS.
        var securities: [ListenerName: ListenerSecurity]
        /// Bound at the start, and not served before there is a table to route by.
        var unopened: [BoundListener]
    }

    private let state: Mutex<State>
    /// The newest table, which is the only one that a worker that fell behind has to take.
    private let newest = Mutex<RoutingTable?>(nil)
    private let hosts: [LoopHost<Worker>]
    private let shared: WorkerShared
    private let resolver: EndpointResolver
    private let tickets: SessionTickets

    /// Starts the workers and binds all listeners. Connections wait in their backlogs until the first `publish`.
    ///
    /// - Throws: a `SystemError` for what could not be had, such as "bind 127.0.0.1:80: Permission denied", or a
    ///   `ListenerSecurityFailure`; nothing is left running then.
    public init(
        _ configuration: DataPlaneConfiguration, listeners: [ListenerDefinition], io: IOKind,
        counters: TrafficCounters, logger: Logger
    ) throws {
        let tickets = SessionTickets(now: MonotonicClock.now)
        self.tickets = tickets
        var securities: [ListenerName: ListenerSecurity] = [:]
        for listener in listeners where listener.tls != nil {
            securities[listener.name] = try ListenerSecurity(listener, tickets)
        }
        counters.backends.limit = configuration.maximumBackendConnections ?? .max
        let log = try AccessLog(configuration.accessLog, counters: counters.process) { Self.tell($0, logger) }
        let shared = WorkerShared(
            counters: counters, accessLog: log, workers: configuration.workers, logger: logger)
        self.shared = shared
        var bound: [BoundListener] = []
        var hosts: [LoopHost<Worker>] = []
        do throws(SystemError) {
            for listener in listeners {
                let sockets = try Self.bind(
                    listener.bind, count: configuration.workers, timeout: ListeningSocket.startTimeout)
                bound.append(
                    BoundListener(definition: listener, sockets: sockets, security: securities[listener.name]))
            }
            var buffers = LoopBuffers()
            buffers.pipeCount = configuration.pipes
            for number in 0..<configuration.workers {
                hosts.append(
                    try LoopHost.start(name: "worker-\(number)", io: io, buffers: buffers) { loop throws(SystemError) in
                        Worker(
                            loop: loop, number: number, shared: shared, configuration: configuration,
                            seed: UInt64.random(in: 0...UInt64.max))
                    })
            }
        } catch {
            for listener in bound { listener.close() }
            for host in hosts { host.stop() }
            log.close()
            throw error
        }
        self.hosts = hosts
        let started = hosts
        resolver = try EndpointResolver(shared.addresses, logger: logger) {
            for host in started { host.post { $0.readdress() } }
        }
        var addresses: [ListenerName: SocketAddress] = [:]
        for listener in bound { addresses[listener.definition.name] = listener.sockets.first?.address }
        state = Mutex(
            State(
                configuration: configuration, listeners: listeners, sockets: addresses, securities: securities,
                unopened: bound))
    }

    private static func tell(_ news: AccessLogOutage.News, _ logger: Logger) {
        switch news {
        case .failing(let error):
            let reason = error?.description ?? "they come faster than they can be written"
            logger.error("access log lines are being lost", metadata: ["reason": "\(reason)"])
        case .resumed(let lost): logger.notice("the access log is written again", metadata: ["lost": "\(lost)"])
        }
    }

    private static func bind(
        _ address: Address, count: Int, vacated: [SocketAddress] = [], timeout: Duration = .zero
    ) throws(SystemError) -> [ListeningSocket] {
        guard let socket = try EndpointResolver.resolveNow(address) else {
            throw SystemError(code: EADDRNOTAVAIL, action: "resolve \(address)")
        }
        // A listener of ours that goes on as another, by a new name, protocol or address, leaves no gap.
        let beside = vacated.contains { $0.overlaps(socket) }
        return try ListeningSocket.bind(socket, count: count, beside: beside, timeout: timeout)
    }

    /// The address that a listener is bound to, with the port that the system chose for port 0.
    public func address(of listener: ListenerName) -> SocketAddress? { state.withLock { $0.sockets[listener] } }

    /// Hands a table to all workers; they take it, or the newest by then, at their next turn.
    ///
    /// Tables come as fast as the state changes. Workers that took longer for each than that, and took each, would fall
    /// behind more and more, while their users wait and the tables fill the memory.
    public func publish(_ table: RoutingTable) {
        shared.counters.follow(table, now: MonotonicClock.now)
        resolver.watch(table)
        newest.withLock { $0 = table }
        for host in hosts {
            host.post { [self] worker in if let table = newest.withLock({ $0 }) { worker.adopt(table) } }
        }
        let unopened = state.withLock { state in
            defer { state.unopened = [] }
            return state.unopened
        }
        for listener in unopened { listener.open(on: hosts) }
    }

    // MARK: Gates

    /// Puts an order for the gate of a service in force. Its ticks hold at once, the rest at the workers' next turn.
    public func command(_ order: GateOrder, for service: ServiceName) {
        if shared.gates.cell(of: service).put(order) { ringGate(of: service) }
    }

    /// Cuts all that was admitted to a service before a generation of its gate.
    public func cut(olderThan generation: UInt64, of service: ServiceName) {
        shared.gates.cell(of: service).cut(olderThan: generation)
        ringGate(of: service)
    }

    /// The generation of a service's gate that every worker has confirmed: it obeys it, and has nothing older in flight.
    public func confirmedGeneration(of service: ServiceName) -> UInt64 { shared.gates.cell(of: service).confirmed }

    /// `listener` is called, on any thread, when a worker has confirmed something.
    public func listenForConfirmations(_ listener: @escaping @Sendable (ServiceName) -> Void) {
        shared.gates.listen(listener)
    }

    /// Lets workers look at the command for a gate again: a full mailbox may have lost the first word of it.
    public func ringGate(of service: ServiceName) {
        for host in hosts { host.post { $0.takeGateCommand(of: service) } }
    }

    /// Tells how long routing leases live.
    public func setLease(_ lease: Duration) { shared.gates.leaseLength = lease }

    /// Binds and opens what new settings add, so that `apply` cannot fail. One call at a time; a call to `apply` or
    /// `cancel` follows.
    ///
    /// - Throws: the system's error with the address or the path, or a `ListenerSecurityFailure`; nothing was changed.
    public func prepare(
        _ listeners: [ListenerDefinition], _ configuration: DataPlaneConfiguration
    ) throws -> PreparedReload {
        let log = try shared.accessLog?.prepare(configuration.accessLog)
        let (before, addresses, current) = state.withLock { ($0.listeners, $0.sockets, $0.securities) }
        let unchanged = before.filter { old in listeners.contains { old.isServedAlike($0) } }
        let going = before.filter { old in !unchanged.contains { $0.name == old.name } }
        let vacated = going.compactMap { addresses[$0.name] }
        let renewal = try SecurityRenewal(listeners, staying: unchanged.map(\.name), current, tickets)
        var bound: [BoundListener] = []
        do throws(SystemError) {
            for listener in listeners where !unchanged.contains(where: { $0.name == listener.name }) {
                let sockets = try Self.bind(listener.bind, count: hosts.count, vacated: vacated)
                bound.append(
                    BoundListener(
                        definition: listener, sockets: sockets, security: renewal.securities[listener.name]))
            }
        } catch {
            for listener in bound { listener.close() }
            throw error
        }
        return PreparedReload(
            configuration: configuration, listeners: listeners, going: going.map(\.name), bound: bound,
            renewal: renewal, log: log)
    }

    /// Takes new settings: what is gone is closed, what is new is served, an unchanged listener is not touched. Publish
    /// the new table before, so that new listeners find their routes.
    public func apply(_ prepared: PreparedReload) {
        let configuration = prepared.configuration
        prepared.renewal.apply()
        for complaint in prepared.renewal.complaints {
            shared.counters.process.keptCertificates.add(1, ordering: .relaxed)
            shared.logger.error(
                "a certificate cannot be read; the one from before stays in use", metadata: ["reason": "\(complaint)"])
        }
        for name in prepared.going { close(name) }
        shared.counters.backends.limit = configuration.maximumBackendConnections ?? .max
        shared.accessLog?.use(prepared.log)
        for host in hosts {
            host.post { worker in
                worker.configure(configuration)
                worker.log?.use(prepared.log)
            }
        }
        for listener in prepared.bound {
            takePlace(listener.sockets)
            listener.open(on: hosts)
        }
        state.withLock { state in
            state.configuration = configuration
            state.listeners = prepared.listeners
            for name in prepared.going { state.sockets[name] = nil }
            for listener in prepared.bound {
                state.sockets[listener.definition.name] = listener.sockets.first?.address
            }
            state.securities = prepared.renewal.securities
        }
    }

    private func takePlace(_ sockets: [ListeningSocket]) {
        do throws(SystemError) {
            try sockets.first?.takePlace()
        } catch {
            shared.logger.error("a listener cannot be reached", metadata: ["error": "\(error)"])
        }
    }

    private func close(_ name: ListenerName) { for host in hosts { host.post { $0.close(name) } } }

    /// Opens the access log's file again.
    public func reopenLogs() throws(SystemError) { try shared.accessLog?.reopen() }

    /// Begins a graceful stop: no new connections; open ones end after the answer that is under way.
    public func drain() { for host in hosts { host.post { $0.drain() } } }

    /// Connections and tunnels that are still open.
    public var openConnections: Int { shared.counters.process.connections.load(ordering: .relaxed) }

    /// Whether a graceful stop is complete: nobody listens, and all connections have ended.
    public var isDrained: Bool {
        shared.counters.process.listening.load(ordering: .relaxed) == 0 && openConnections == 0
    }

    /// Cuts off what is left, and ends the workers.
    public func stop() {
        for host in hosts { host.post { $0.abortAll() } }
        for host in hosts { host.stop() }
        resolver.stop()
        shared.accessLog?.close()
    }
}

/// New settings, with the sockets that they add bound and not yet served, and the log that they name open.
public struct PreparedReload: Sendable {
    fileprivate let configuration: DataPlaneConfiguration
    fileprivate let listeners: [ListenerDefinition]
    fileprivate let going: [ListenerName]
    fileprivate let bound: [BoundListener]
    fileprivate let renewal: SecurityRenewal
    fileprivate let log: AccessLogTarget?

    /// Lets the sockets go: the settings are not taken after all.
    public func cancel() { for listener in bound { listener.close() } }
}

extension ListenerDefinition {
    /// Whether a socket of one serves for the other: routes are looked up in the table, certificates are replaced where
    /// they are, all else is the listener's own.
    fileprivate func isServedAlike(_ other: ListenerDefinition) -> Bool {
        name == other.name && bind == other.bind && `protocol` == other.protocol && proxyProtocol == other.proxyProtocol
            && (tls == nil) == (other.tls == nil)
    }
}
