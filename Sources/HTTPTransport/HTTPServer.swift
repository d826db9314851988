// Owns a small HTTP/1.1 server on a loop: whole requests in, whole or streamed answers out, everything bounded.
public import Proactor

/// The limits of an `HTTPServer`.
public struct HTTPServerConfiguration: Sendable {
    /// Bytes of a request's body; more is answered 413.
    public var bodyLimit = 1 << 20
    /// Open connections; one more is reset at once.
    public var connectionLimit = 256
    /// From the first byte of a head to its last; then 408.
    public var headTimeout = Duration.seconds(10)
    /// From the end of the head to the end of the body; then 408.
    public var bodyTimeout = Duration.seconds(30)
    /// Without a request; then the connection is closed.
    public var idleTimeout = Duration.seconds(60)
    /// From the request to the handler's answer; then 504.
    public var answerTimeout = Duration.seconds(60)
    /// While the client takes nothing of what is sent; then the connection is cut.
    public var writeTimeout = Duration.seconds(30)

    public init() {}
}

/// Serves one listening socket. Belongs to its loop's thread.
///
/// Its acceptor holds it until `close`; hold it yourself until the connections are closed, too, for letting it go cuts
/// them.
public final class HTTPServer: AcceptHandler {
    /// Answers a request, now or later, on the loop's thread. Letting the closure go without a call answers 500.
    public typealias Handler = (HTTPRequest, @escaping (HTTPResponse) -> Void) -> Void
    /// The same with all that a responder can do.
    public typealias RespondingHandler = (HTTPRequest, HTTPResponder) -> Void

    let loop: EventLoop
    let configuration: HTTPServerConfiguration
    let handler: RespondingHandler
    /// The bound address, with the port that the system chose for port 0.
    public let address: SocketAddress
    /// Whether it accepts no more and closes connections after their answers.
    public private(set) var isClosing = false
    var date = DateMemory()
    private var connections: [ObjectIdentifier: ServerConnection] = [:]
    private var acceptor: Acceptor?
    private var closed: (() -> Void)?

    /// - Parameter responding: called for every request.
    public init(
        loop: EventLoop, socket: ListeningSocket, configuration: HTTPServerConfiguration,
        responding: @escaping RespondingHandler
    ) {
        self.loop = loop
        self.configuration = configuration
        handler = responding
        address = socket.address
        acceptor = loop.accept(on: socket, handler: self)
    }

    /// A server that gives whole answers.
    ///
    /// - Parameters:
    ///   - bodyLimit: bytes of a request's body; more is answered 413.
    ///   - connectionLimit: open connections; one more is reset at once.
    public convenience init(
        loop: EventLoop, socket: ListeningSocket, bodyLimit: Int = 1 << 20, connectionLimit: Int = 256,
        handler: @escaping Handler
    ) {
        var configuration = HTTPServerConfiguration()
        configuration.bodyLimit = bodyLimit
        configuration.connectionLimit = connectionLimit
        self.init(loop: loop, socket: socket, configuration: configuration) { request, responder in
            handler(request) { responder.respond($0) }
        }
    }

    deinit { for connection in connections.values { connection.close() } }

    /// Open connections.
    public var connectionCount: Int { connections.count }

    /// Accepts no more, closes idle connections, and the others after their answers. Streamed answers go on until their
    /// writers end them; `abort()` cuts what is left.
    ///
    /// - Parameter then: called once the socket and all connections are closed. Each call replaces the one before.
    public func close(then: (() -> Void)? = nil) {
        closed = then
        if !isClosing {
            isClosing = true
            acceptor?.cancel()
            for connection in Array(connections.values) { connection.closeIfIdle() }
        }
        loop.atEndOfTurn { [self] in tellIfClosed() }
    }

    /// Accepts no more and cuts all connections.
    public func abort() {
        isClosing = true
        acceptor?.cancel()
        for connection in Array(connections.values) { connection.close() }
    }

    public func acceptor(_ acceptor: Acceptor, accepted connection: AcceptedConnection) {
        guard connections.count < configuration.connectionLimit else {
            connection.refuse()
            return
        }
        guard let fresh = ServerConnection(connection, self) else { return }
        connections[ObjectIdentifier(fresh)] = fresh
    }

    public func acceptor(_ acceptor: Acceptor, failed error: SystemError) {}

    public func acceptorClosed(_ acceptor: Acceptor) {
        self.acceptor = nil
        tellIfClosed()
    }

    func connectionEnded(_ connection: ServerConnection) {
        connections[ObjectIdentifier(connection)] = nil
        tellIfClosed()
    }

    private func tellIfClosed() {
        guard isClosing, acceptor == nil, connections.isEmpty, let closed else { return }
        self.closed = nil
        closed()
    }
}
