// Owns one listener on one worker: its listening socket and how what it accepts is routed.
internal import Balancing
internal import Catalog
internal import HTTPTransport
internal import HTTPWire
internal import Logging
internal import Proactor
internal import Proxying
internal import Routing
internal import Synchronization
internal import Topology
internal import Transport

/// A listener on a worker.
final class ListenerRuntime: AcceptHandler, HTTPServerDelegate {
    /// Where a route leads on this worker.
    struct Target {
        let service: ServiceRuntime
        let actions: RouteActions
    }

    /// All routes. Looked into where it is: a copy for each request would count references.
    struct Routes: ~Copyable {
        let matcher: RouteMatcher
        /// By route.
        let targets: [Target]

        /// The first route that matches, and the service that it leads to.
        func find(
            _ reader: borrowing RequestReader, _ head: RequestHead, _ path: Span<UInt8>
        ) -> (route: Int, service: ServiceRuntime)? {
            guard let route = reader.findRoute(head, self, path: path) else { return nil }
            return (route, targets[route].service)
        }
    }

    let definition: ListenerDefinition
    /// nil: its clients speak without TLS.
    let security: ListenerSecurity?
    let worker: Worker
    private(set) var routes: Routes?
    private var service: ServiceRuntime?
    private var acceptor: Acceptor?
    /// Connections that still come, from the backlog or with a late header, end after one answer.
    private var isStopped = false
    private var lastComplaint = Tick.zero

    var name: ListenerName { definition.name }

    init(_ definition: ListenerDefinition, _ security: ListenerSecurity?, worker: Worker) {
        self.definition = definition
        self.security = security
        self.worker = worker
    }

    func start(on socket: ListeningSocket) {
        acceptor = worker.loop.accept(on: socket, handler: self)
        worker.process.listening.add(1, ordering: .relaxed)
    }

    /// Accepts no more; what is in the backlog is still served.
    func stop() {
        isStopped = true
        acceptor?.cancel()
    }

    func bind(_ routing: ListenerRouting, targets: [Target], service: ServiceRuntime?) {
        routes = Routes(matcher: routing.matcher, targets: targets)
        self.service = service
    }

    // MARK: Connections

    func acceptor(_ acceptor: Acceptor, accepted connection: consuming AcceptedConnection) {
        guard worker.admit() else { return connection.refuse() }
        if !begin(connection) { worker.process.connections.subtract(1, ordering: .relaxed) }
    }

    private func begin(_ connection: consuming AcceptedConnection) -> Bool {
        if definition.proxyProtocol != nil || security != nil {
            return ClientConnection.begin(connection, self, worker)
        }
        if definition.protocol == .http {
            guard let server = H1Server.begin(connection, worker.serverContext, self) else { return false }
            endIfStopped(server)
            return true
        }
        guard let service else {
            connection.refuse()
            return false
        }
        return TCPSession.begin(connection, service, worker)
    }

    /// A connection's protocol begins.
    func begin(_ stream: ByteStream, peer: IPAddress?, early: consuming LoopBuffer?) {
        if definition.protocol == .http {
            endIfStopped(H1Server.begin(stream, peer: peer, early: early, worker.serverContext, self))
        } else if let service {
            TCPSession.begin(stream, peer: peer, early: early, service, worker)
        } else {
            stream.abort()
            worker.process.connections.subtract(1, ordering: .relaxed)
        }
    }

    private func endIfStopped(_ server: H1Server) {
        if isStopped, !ShellMutation.seeds(.keepsComersOfClosedListeners) { server.endAfterAnswer() }
    }

    func acceptor(_ acceptor: Acceptor, failed error: SystemError) {
        complain("cannot accept connections; trying again", metadata: ["error": "\(error)"])
    }

    func acceptorClosed(_ acceptor: Acceptor) {
        self.acceptor = nil
        worker.process.listening.subtract(1, ordering: .relaxed)
    }

    /// One line a second at most: what is wrong once is so many times.
    private func complain(_ message: Logger.Message, at level: Logger.Level = .error, metadata: Logger.Metadata) {
        guard worker.loop.now - lastComplaint > .seconds(1) else { return }
        lastComplaint = worker.loop.now
        worker.shared.logger.log(level: level, message, metadata: metadata.merging(["listener": "\(name)"]) { $1 })
    }

    /// Logs what a client did, as above.
    func complain(_ message: Logger.Message, at level: Logger.Level = .error, _ peer: IPAddress?) {
        let text = PeerText(peer)
        let client = text.span.reduceToString()
        complain(message, at: level, metadata: ["client": "\(client)"])
    }

    // MARK: Requests

    @inline(__always)
    func server(_ stream: any ServerStream, began head: RequestHead, _ bytes: Span<UInt8>, headLength: Int) {
        worker.takeExchange().begin(stream, self, head, bytes, headLength: headLength)
    }

    func server(_ stream: any ServerStream, refused error: WireError) {
        worker.process.badRequests.add(1, ordering: .relaxed)
        let id = RequestID(high: worker.random.next(), low: worker.random.next())
        worker.log?.refused(stream.peer, name, id, status: error.status, reason: error.reason.value)
        worker.answer(stream, OwnAnswer(error.status, error.reason), id.span(in: Span()))
    }

    func serverCutStalled(_ stream: any ServerStream) {
        let id = RequestID(high: worker.random.next(), low: worker.random.next())
        worker.log?.refused(stream.peer, name, id, status: 0, reason: "client_stalled")
    }

    func serverClosed(_ stream: any ServerStream) { worker.process.connections.subtract(1, ordering: .relaxed) }
}

extension Span<UInt8> {
    /// The bytes as text.
    fileprivate func reduceToString() -> String {
        String(decoding: (0..<count).map { self[$0] }, as: UTF8.self)
    }
}
