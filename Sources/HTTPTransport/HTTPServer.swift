// Owns a small HTTP/1.1 server on a loop: whole requests in, whole answers out, everything bounded.
public import Proactor
internal import Topology

/// Serves one listening socket. Belongs to its loop's thread.
public final class HTTPServer: AcceptHandler {
    /// Answers a request, now or later, on the loop's thread.
    public typealias Handler = (HTTPRequest, @escaping (HTTPResponse) -> Void) -> Void

    let loop: EventLoop
    let handler: Handler
    let bodyLimit: Int
    private let connectionLimit: Int
    private var connections = 0
    private var acceptor: Acceptor?

    /// - Parameters:
    ///   - bodyLimit: bytes of a request's body; more is answered 413.
    ///   - connectionLimit: open connections; one more is closed at once.
    public init(
        loop: EventLoop, socket: ListeningSocket, bodyLimit: Int = 1 << 20, connectionLimit: Int = 256,
        handler: @escaping Handler
    ) {
        self.loop = loop
        self.handler = handler
        self.bodyLimit = bodyLimit
        self.connectionLimit = connectionLimit
        acceptor = loop.accept(on: socket, handler: self)
    }

    /// Accepts no more.
    public func close() { acceptor?.cancel() }

    public func acceptor(_ acceptor: Acceptor, accepted connection: AcceptedConnection) {
        guard connections < connectionLimit else {
            connection.refuse()
            return
        }
        if ServerConnection.begin(connection, self) { connections += 1 }
    }

    public func acceptor(_ acceptor: Acceptor, failed error: SystemError) {}
    public func acceptorClosed(_ acceptor: Acceptor) { self.acceptor = nil }

    func connectionEnded() { connections -= 1 }
}
