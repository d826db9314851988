// Owns a small HTTP/1.1 server on a loop: whole requests in, whole or streamed answers out, everything bounded.
internal import HTTPWire
public import Proactor
internal import Topology

/// The limits of an `HTTPServer`.
public struct HTTPServerConfiguration: Sendable {
    /// Bytes of a request's body; more is answered 413.
    public var bodyLimit = 1 << 20
    /// Open connections. For one more, that gives way which has waited longest for a request or for the rest of a head;
    /// if none does, the new one is reset at once.
    public var connectionLimit = 256
    /// Open connections of one client address, with the same rule among them; nil: no limit of their own. Clients at a
    /// Unix socket have no address.
    public var addressLimit: Int?
    /// What is answered without a handler's word, by status and reason: to requests that are malformed, too large or too
    /// slow, and where a handler is silent.
    public var refusal: @Sendable (Int, String) -> HTTPResponse = { status, reason in
        .text(status, "\(status) \(ReasonPhrase.of(status)): \(reason)\n")
    }
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
    private var date = DateMemory()
    private let context: H1ServerContext
    private let reception = Reception()
    private var byAddress: [IPAddress: Int] = [:]
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
        context = H1ServerContext(loop: loop, limits: Self.limits(configuration))
        reception.server = self
        acceptor = loop.accept(on: socket, handler: self)
    }

    /// A server that gives whole answers.
    ///
    /// - Parameters:
    ///   - bodyLimit: bytes of a request's body; more is answered 413.
    ///   - connectionLimit: open connections, as in `HTTPServerConfiguration`.
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

    deinit { context.abort() }

    private static func limits(_ configuration: HTTPServerConfiguration) -> H1ServerLimits {
        var limits = H1ServerLimits()
        limits.head = configuration.headTimeout.wholeNanoseconds
        limits.idle = configuration.idleTimeout.wholeNanoseconds
        limits.stall = configuration.writeTimeout.wholeNanoseconds
        limits.bodyForm = .payload
        return limits
    }

    /// Open connections.
    public var connectionCount: Int { context.connections.count }

    /// Accepts no more, closes idle connections, and the others after their answers. Streamed answers go on until their
    /// writers end them; `abort()` cuts what is left.
    ///
    /// - Parameter then: called once the socket and all connections are closed. Each call replaces the one before.
    public func close(then: (() -> Void)? = nil) {
        closed = then
        if !isClosing {
            isClosing = true
            acceptor?.cancel()
            context.drain()
        }
        loop.atEndOfTurn { [self] in tellIfClosed() }
    }

    /// Accepts no more and cuts all connections.
    public func abort() {
        isClosing = true
        acceptor?.cancel()
        context.abort()
    }

    /// The value of a `Date` field for now.
    func currentDate() -> String { date.text() }

    func refusal(_ status: Int, _ reason: String) -> HTTPResponse { configuration.refusal(status, reason) }

    // MARK: Accepting

    public func acceptor(_ acceptor: Acceptor, accepted connection: consuming AcceptedConnection) {
        if let limit = configuration.addressLimit, let address = connection.peerAddress?.ipAddress,
            byAddress[address, default: 0] >= limit, !closeLongestWaiting(of: address)
        {
            return connection.refuse()
        }
        if connectionCount >= configuration.connectionLimit, !closeLongestWaiting(of: nil) {
            return connection.refuse()
        }
        // Its address is worked out now, for a connection that is closed has none any more.
        guard let address = H1Server.begin(connection, context, reception)?.peer else { return }
        byAddress[address, default: 0] += 1
    }

    /// Closes the connection that has waited longest for its client.
    ///
    /// - Parameter address: whose; nil: anyone's.
    /// - Returns: false when none waits.
    private func closeLongestWaiting(of address: IPAddress?) -> Bool {
        let waiting = context.connections.filter {
            $0.isAwaitingRequest && (address == nil || $0.peer == address)
        }
        guard let longest = waiting.min(by: { $0.since < $1.since }) else { return false }
        longest.close()
        return true
    }

    public func acceptor(_ acceptor: Acceptor, failed error: SystemError) {}

    public func acceptorClosed(_ acceptor: Acceptor) {
        self.acceptor = nil
        tellIfClosed()
    }

    // MARK: Requests

    fileprivate func begin(_ stream: H1Server, _ head: RequestHead, _ bytes: Span<UInt8>, headLength: Int) {
        let request: HTTPRequest
        do throws(WireError) { request = try HTTPRequest(head, bytes, peer: stream.peerSocketAddress) } catch {
            refuse(stream, error)
            return stream.finish()
        }
        let exchange = HTTPServerExchange(self, stream, head, request)
        stream.handler = exchange
        exchange.begin(head.framing, expectsContinue: head.expectsContinue, hasMore: bytes.count > headLength)
    }

    fileprivate func refuse(_ stream: H1Server, _ error: WireError) {
        let words = error.reason.description == "head_timeout" ? "the request took too long" : "\(error.reason)"
        stream.sendWhole(refusal(error.status, words), date: currentDate())
    }

    fileprivate func forget(_ stream: H1Server) {
        if let address = stream.peer, let count = byAddress[address] {
            byAddress[address] = count > 1 ? count - 1 : nil
        }
        tellIfClosed()
    }

    private func tellIfClosed() {
        guard isClosing, acceptor == nil, connectionCount == 0, let closed else { return }
        self.closed = nil
        closed()
    }
}

/// Stands between a server and its connections, which hold it: they must not hold the server.
private final class Reception: HTTPServerDelegate {
    weak var server: HTTPServer?

    func server(_ stream: any ServerStream, began head: RequestHead, _ bytes: Span<UInt8>, headLength: Int) {
        // There is no other kind of stream on such a server's sockets.
        guard let stream = stream as? H1Server else { return }
        server?.begin(stream, head, bytes, headLength: headLength)
    }

    func server(_ stream: any ServerStream, refused error: WireError) {
        if let stream = stream as? H1Server { server?.refuse(stream, error) }
    }

    func serverCutStalled(_ stream: any ServerStream) {}

    func serverClosed(_ stream: any ServerStream) { if let stream = stream as? H1Server { server?.forget(stream) } }
}
