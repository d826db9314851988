// Owns the composition of a node: data plane, control plane and admin, their start and their end.
internal import Admin
internal import ControlPlane
internal import DataPlane
internal import Glibc
internal import Logging
internal import Proactor
internal import Routing
internal import Settings
internal import Switching
internal import Synchronization
internal import Topology

/// A running node.
final class Node: Sendable {
    let proxy: ProxyServer
    let control: ControlPlane
    let admin: AdminServer
    let state: NodeState
    let logger: Logger

    private init(proxy: ProxyServer, control: ControlPlane, admin: AdminServer, state: NodeState, logger: Logger) {
        self.proxy = proxy
        self.control = control
        self.admin = admin
        self.state = state
        self.logger = logger
    }

    /// Starts everything. After a failure the process has to end, because what was started is not stopped again.
    ///
    /// - Parameter file: where the settings came from, for the message of a failure.
    static func start(
        _ valid: ValidSettings, from file: String, io choice: IOChoice, logger: Logger
    ) throws(Failure) -> Node {
        var settings = valid.settings
        try settings.nameNode(file: file)
        do {
            let shares = try DescriptorShares.ofProcess(settings)
            let verdict = try SelfTest.choose(choice)
            if let reason = verdict.fallback {
                logger.notice("io_uring does not work here; using epoll", metadata: ["reason": "\(reason)"])
            }
            let counters = TrafficCounters()
            let layout = try RoutingLayout(services: settings.services, listeners: settings.listeners)
            let configuration = try DataPlaneConfiguration(settings, shares)
            let proxy = try ProxyServer(
                configuration, listeners: settings.listeners, io: verdict.io, counters: counters, logger: logger)
            let group = try GroupSetup.open(settings, file: file, logger: logger)
            let control = try ControlPlane(
                ControlSettings(settings), layout: layout, io: verdict.io, group: group,
                sink: WorkerSink(proxy: proxy), traffic: CounterReader(counters: counters))
            let state = NodeState(settings, from: ConfigurationFile(path: file, text: valid.text))
            let sources = AdminSources(control: control, counters: counters, node: state, version: Meridian.version)
            let admin = try AdminServer(
                settings, io: verdict.io, sources: sources, connections: shares.admin)
            let node = Node(proxy: proxy, control: control, admin: admin, state: state, logger: logger)
            if let shortage = settings.shortageOfClients(shares) { logger.warning("\(shortage)") }
            node.announce(verdict.io, configuration.workers)
            return node
        } catch {
            throw SetupFailure.describe(error, settings, file: file)
        }
    }

    private func announce(_ io: IOKind, _ workers: Int) {
        let settings = state.settings
        for listener in settings.listeners {
            let address = proxy.address(of: listener.name)?.description ?? listener.bind.description
            logger.info(
                "listening",
                metadata: [
                    "listener": "\(listener.name)", "protocol": "\(listener.protocol.rawValue)",
                    "address": "\(address)",
                ])
        }
        if let address = admin.statusAddress {
            logger.info("listening", metadata: ["listener": "status", "address": "\(address)"])
        }
        logger.info(
            "ready",
            metadata: [
                "version": "\(Meridian.version)", "node": "\(settings.node.id)", "io": "\(io.rawValue)",
                "workers": "\(workers)", "listeners": "\(settings.listeners.count)",
                "admin": "http://\(admin.address)",
            ])
    }

    func reopenLogs() {
        do {
            try proxy.reopenLogs()
            logger.info("logs reopened")
        } catch {
            logger.error("cannot reopen the access log", metadata: ["error": "\(error)"])
        }
    }

    /// Stops gracefully: first not ready, then no new connections; what is in progress may finish or is cut off in the
    /// end.
    ///
    /// - Parameter impatient: called about ten times a second; true ends everything at once.
    func stop(unless impatient: () -> Bool) {
        let shutdown = state.settings.shutdown
        state.beginStop()
        var isImpatient = wait(for: shutdown.delay, impatient) { false }
        if !isImpatient {
            proxy.drain()
            isImpatient = wait(for: shutdown.deadline, impatient) { [proxy] in proxy.isDrained }
        }
        let left = proxy.openConnections
        if left > 0 {
            let reason = isImpatient ? "a second signal" : "the deadline"
            logger.warning("cutting connections", metadata: ["count": "\(left)", "reason": "\(reason)"])
        }
        admin.stop()
        control.stop()
        proxy.stop()
    }

    /// Waits until `isDone`, or the time is over, or the operator has sent a second signal; returns whether that came.
    private func wait(for time: Duration, _ impatient: () -> Bool, until isDone: () -> Bool) -> Bool {
        let end = MonotonicClock.now + time
        while !isDone(), MonotonicClock.now < end {
            if impatient() { return true }
        }
        return false
    }
}

/// Hands tables and orders to the workers.
private struct WorkerSink: RoutingSink {
    let proxy: ProxyServer
    func publish(_ table: RoutingTable) { proxy.publish(table) }
    func command(_ order: GateOrder, for service: ServiceName) { proxy.command(order, for: service) }
    func cut(olderThan generation: UInt64, of service: ServiceName) { proxy.cut(olderThan: generation, of: service) }
    func confirmedGeneration(of service: ServiceName) -> UInt64 { proxy.confirmedGeneration(of: service) }
    func listenForConfirmations(_ listener: @escaping @Sendable (ServiceName) -> Void) {
        proxy.listenForConfirmations(listener)
    }
    func remind(of service: ServiceName) { proxy.ringGate(of: service) }
    func setLease(_ lease: Duration) { proxy.setLease(lease) }
}

/// Reads the workers' counters for the control plane.
private struct CounterReader: TrafficReader {
    let counters: TrafficCounters

    func endpointTraffic() -> [EndpointTraffic] {
        counters.allEndpoints.map {
            EndpointTraffic(
                id: $0.id, consecutiveErrors: $0.consecutiveErrors.load(ordering: .relaxed),
                connectFailures: $0.connectFailures.load(ordering: .relaxed))
        }
    }

    func resetErrors(of id: EndpointID) { counters.endpoint(id).consecutiveErrors.store(0, ordering: .relaxed) }

    func listenForFailures(_ listener: @escaping @Sendable () -> Void) { counters.failureSignal.listen(listener) }

    func failuresAreBeingRead() { counters.failureSignal.lower() }
}
