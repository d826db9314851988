// Owns the composition of a node: settings into data plane, control plane and admin, and their life together.
internal import Admin
internal import ControlPlane
internal import DataPlane
internal import Glibc
internal import Logging
internal import Proactor
internal import Routing
internal import Settings
internal import Synchronization
internal import Topology

/// A running node.
final class Node: Sendable {
    private let proxy: ProxyServer
    private let control: ControlPlane
    private let admin: AdminServer
    private let counters: TrafficCounters
    private let settings: Mutex<Settings>
    private let logger: Logger
    private let lifecycle: NodeLifecycle

    private init(
        proxy: ProxyServer, control: ControlPlane, admin: AdminServer, counters: TrafficCounters, settings: Settings,
        lifecycle: NodeLifecycle, logger: Logger
    ) {
        self.proxy = proxy
        self.control = control
        self.admin = admin
        self.counters = counters
        self.settings = Mutex(settings)
        self.lifecycle = lifecycle
        self.logger = logger
    }

    /// Starts everything, or nothing.
    static func start(_ settings: Settings, io choice: IOChoice, logger: Logger) throws(Failure) -> Node {
        let limit = Descriptors.raiseLimit()
        do {
            let verdict = try SelfTest.choose(choice)
            if let reason = verdict.fallback {
                logger.notice("io_uring does not work here; using epoll", metadata: ["reason": "\(reason)"])
            }
            let counters = TrafficCounters()
            let layout = try RoutingLayout(services: settings.services, listeners: settings.listeners)
            let configuration = try DataPlaneConfiguration(settings, descriptors: limit)
            let proxy = try ProxyServer(
                configuration, listeners: settings.listeners, io: verdict.io, counters: counters, logger: logger)
            let control = try ControlPlane(
                ControlSettings(settings), layout: layout, io: verdict.io, sink: WorkerSink(proxy: proxy),
                traffic: CounterReader(counters: counters))
            let lifecycle = NodeLifecycle()
            let admin = try AdminServer(
                settings, io: verdict.io, control: control, counters: counters, lifecycle: lifecycle,
                version: Meridian.version, logger: logger)
            let node = Node(
                proxy: proxy, control: control, admin: admin, counters: counters, settings: settings,
                lifecycle: lifecycle, logger: logger)
            node.announce(verdict.io, configuration.workers)
            return node
        } catch {
            throw Failure("error: cannot start: \(error)")
        }
    }

    private func announce(_ io: IOKind, _ workers: Int) {
        let settings = settings.withLock { $0 }
        for listener in settings.listeners {
            let address = proxy.address(of: listener.name)?.description ?? listener.bind.description
            logger.info("listening", metadata: ["listener": "\(listener.name)", "address": "\(address)"])
        }
        logger.info(
            "ready",
            metadata: [
                "version": "\(Meridian.version)", "node": "\(settings.node.id)", "io": "\(io.rawValue)",
                "workers": "\(workers)", "admin": "http://\(admin.address)",
            ])
    }

    /// Applies the file again; the old settings stay when anything is wrong with it.
    func reload(from file: String, workers: Int?) {
        switch SettingsReader.read(path: file) {
        case .failure(let invalid):
            standardError(invalid.description)
            logger.error("the configuration was not reloaded; the old one stays in force")
        case .success(let valid):
            for warning in valid.warnings { standardError(warning.description) }
            var fresh = valid.settings
            if let workers { fresh.workers = workers }
            apply(fresh)
        }
    }

    private func apply(_ fresh: Settings) {
        let old = settings.withLock { $0 }
        let restart = ReloadDifference.restartRequired(old, fresh)
        guard restart.isEmpty else {
            logger.error(
                "the configuration was not reloaded: these changes need a restart",
                metadata: ["keys": "\(restart.joined(separator: ", "))"])
            return
        }
        do {
            let layout = try RoutingLayout(services: fresh.services, listeners: fresh.listeners)
            let configuration = try DataPlaneConfiguration(fresh, descriptors: Descriptors.raiseLimit())
            // The table first, so that a new listener finds its routes; then the listeners.
            let applied = Handshake()
            control.reload(ControlSettings(fresh), layout: layout) { applied.signal() }
            applied.wait()
            try proxy.reload(configuration, listeners: fresh.listeners)
            settings.withLock { $0 = fresh }
            logger.info("configuration reloaded")
        } catch {
            revert(to: old)
            logger.error("the configuration was not reloaded", metadata: ["error": "\(error)"])
        }
    }

    private func revert(to old: Settings) {
        guard let layout = try? RoutingLayout(services: old.services, listeners: old.listeners) else { return }
        control.reload(ControlSettings(old), layout: layout)
    }

    func reopenLogs() {
        do {
            try proxy.reopenLogs()
            logger.info("logs reopened")
        } catch {
            logger.error("cannot reopen the access log", metadata: ["error": "\(error)"])
        }
    }

    /// Stops gracefully: not ready, then no new connections, then what is under way ends or is cut off.
    ///
    /// - Parameter impatient: asked about ten times a second; true ends at once.
    func stop(unless impatient: () -> Bool) {
        let shutdown = settings.withLock { $0.shutdown }
        lifecycle.beginStop()
        var isImpatient = wait(for: shutdown.delay, impatient) { false }
        if !isImpatient {
            proxy.drain()
            isImpatient = wait(for: shutdown.deadline, impatient) { [proxy] in proxy.openConnections == 0 }
        }
        admin.stop()
        control.stop()
        proxy.stop()
    }

    /// Waits until `isDone`, the time is over or the operator has lost patience (true).
    private func wait(for time: Duration, _ impatient: () -> Bool, until isDone: () -> Bool) -> Bool {
        let end = EventLoop.clock() + time
        while !isDone(), EventLoop.clock() < end {
            if impatient() { return true }
        }
        return false
    }
}

/// Hands tables to the workers.
private struct WorkerSink: RoutingSink {
    let proxy: ProxyServer
    func publish(_ table: RoutingTable) { proxy.publish(table) }
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
}

/// One thread waits for another, once.
private final class Handshake: Sendable {
    private let isDone = Atomic(false)
    func signal() { isDone.store(true, ordering: .releasing) }
    func wait() {
        // Control answers within a turn; five seconds mean that it is gone.
        for _ in 0..<5000 where !isDone.load(ordering: .acquiring) { usleep(1000) }
    }
}
