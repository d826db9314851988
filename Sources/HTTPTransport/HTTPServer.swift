// Owns a small HTTP/1.1 server on a loop: whole requests in, whole or streamed answers out, everything bounded.
public import HTTPWire
public import Proactor
internal import Topology

/// The limits of an `HTTPServer`.
public struct HTTPServerConfiguration: Sendable {
    /// Bytes of a request's body; more is answered 413.
    public var bodyLimit = 1 << 20
    /// Open connections; for one more the longest idle gives way, and without an idle one it is reset at once.
    public var connectionLimit = 256
    /// Open connections of one client address; nil: as many as there are.
    public var addressLimit: Int?
    /// How a request is answered that no handler sees, since it is malformed, too large or too slow: by status and reason.
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
public final class HTTPServer: AcceptHandler, HTTPServerDelegate {
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
        let address = connection.peerAddress?.ipAddress
        if let address, let limit = configuration.addressLimit, byAddress[address, default: 0] >= limit {
            return connection.refuse()
        }
        if connectionCount >= configuration.connectionLimit, !context.closeLongestIdle() { return connection.refuse() }
        guard H1Server.begin(connection, context, self) != nil else { return }
        if let address { byAddress[address, default: 0] += 1 }
    }

    public func acceptor(_ acceptor: Acceptor, failed error: SystemError) {}

    public func acceptorClosed(_ acceptor: Acceptor) {
        self.acceptor = nil
        tellIfClosed()
    }

    // MARK: Requests

    public func server(
        _ stream: any ServerStream, began head: RequestHead, _ bytes: Span<UInt8>, headLength: Int
    ) {
        // There is no other kind of stream on this server's sockets.
        guard let stream = stream as? H1Server else { return }
        let request: HTTPRequest
        do throws(WireError) { request = try HTTPRequest(head, bytes, peer: stream.peerSocketAddress) } catch {
            server(stream, refused: error)
            return stream.finish()
        }
        let exchange = HTTPServerExchange(self, stream, head, request)
        stream.handler = exchange
        exchange.begin(head.framing, expectsContinue: head.expectsContinue, hasMore: bytes.count > headLength)
    }

    public func server(_ stream: any ServerStream, refused error: WireError) {
        guard let stream = stream as? H1Server else { return }
        let words = error.reason.description == "head_timeout" ? "the request took too long" : "\(error.reason)"
        stream.sendWhole(refusal(error.status, words), date: currentDate())
    }

    public func serverCutStalled(_ stream: any ServerStream) {}

    public func serverClosed(_ stream: any ServerStream) {
        if let address = stream.peer, let count = byAddress[address] { byAddress[address] = count > 1 ? count - 1 : nil }
        tellIfClosed()
    }

    private func tellIfClosed() {
        guard isClosing, acceptor == nil, connectionCount == 0, let closed else { return }
        self.closed = nil
        closed()
    }
}
