// Owns one listener on one worker: its listening socket and how what it accepts is routed.
internal import Balancing
internal import Catalog
internal import Logging
internal import Proactor
internal import Routing
internal import Synchronization
internal import Topology

/// A listener on a worker.
final class ListenerRuntime: AcceptHandler {
    let definition: ListenerDefinition
    let worker: Worker
    private(set) var routes: RouteMatcher?
    private(set) var services: [ServiceRuntime] = []
    private(set) var service: ServiceRuntime?
    private var acceptor: Acceptor?
    private var lastComplaint = Tick.zero

    var name: ListenerName { definition.name }

    init(_ definition: ListenerDefinition, worker: Worker) {
        self.definition = definition
        self.worker = worker
    }

    func start(on socket: ListeningSocket) { acceptor = worker.loop.accept(on: socket, handler: self) }

    /// Accepts no more; what is in the backlog is still served.
    func stop() { acceptor?.cancel() }

    func bind(_ routing: ListenerRouting, services: [ServiceRuntime], service: ServiceRuntime?) {
        routes = routing.matcher
        self.services = services
        self.service = service
    }

    func acceptor(_ acceptor: Acceptor, accepted connection: AcceptedConnection) {
        guard worker.admit() else {
            connection.refuse()
            return
        }
        let accepted =
            definition.protocol == .http
            ? HTTPSession.begin(connection, self, worker) : TCPSession.begin(connection, self, worker)
        if !accepted { worker.process.connections.subtract(1, ordering: .relaxed) }
    }

    func acceptor(_ acceptor: Acceptor, failed error: SystemError) {
        // One line a second at most: without descriptors every attempt fails.
        guard worker.loop.now - lastComplaint > .seconds(1) else { return }
        lastComplaint = worker.loop.now
        worker.shared.logger.error(
            "cannot accept connections; trying again", metadata: ["listener": "\(name)", "error": "\(error)"])
    }

    func acceptorClosed(_ acceptor: Acceptor) { self.acceptor = nil }
}
