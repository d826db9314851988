// Owns what these tests share: a server and its clients on one loop, and turning it until something holds.
import HTTPTransport
import Proactor
import Testing
import Topology

/// A server on loopback, and the loop that the test turns by hand.
final class Site {
    let loop: EventLoop
    let server: HTTPServer

    init(
        _ configuration: HTTPServerConfiguration = HTTPServerConfiguration(),
        responding: @escaping (HTTPRequest, HTTPResponder) -> Void
    ) throws {
        loop = try EventLoop(io: .epoll, buffers: .modest)
        let socket = try ListeningSocket.bind(Site.anywhere())[0]
        let log = Log()
        server = HTTPServer(loop: loop, socket: socket, configuration: configuration) { request, responder in
            log.requests.append(request)
            responding(request, responder)
        }
        self.log = log
    }

    private let log: Log
    private final class Log { var requests: [HTTPRequest] = [] }

    /// The requests that reached the handler.
    var seen: [HTTPRequest] { log.requests }

    /// A server that answers every request with its method, target and body.
    static func echo(_ configuration: HTTPServerConfiguration = HTTPServerConfiguration()) throws -> Site {
        try Site(configuration) { request, responder in
            let text = "\(request.method) \(request.path)?\(request.query) "
            responder.respond(.text(200, text + String(decoding: request.body, as: UTF8.self)))
        }
    }

    static func anywhere() throws -> SocketAddress {
        try #require(SocketAddress(numeric: .host("127.0.0.1", port: 0)))
    }

    /// Where nobody listens, and no port that the system chooses for somebody can be.
    static func nowhere() throws -> SocketAddress {
        try #require(SocketAddress(numeric: .host("127.77.4.1", port: 1)))
    }

    /// Takes turns until the condition holds; a test that waits for what never comes fails after ten seconds.
    func turn(until condition: () -> Bool, sourceLocation: SourceLocation = #_sourceLocation) {
        let limit = MonotonicClock.now + .seconds(10)
        while !condition(), MonotonicClock.now < limit { loop.turn(limit: .milliseconds(20)) }
        #expect(condition(), "waited in vain", sourceLocation: sourceLocation)
    }

    /// A client that speaks bytes.
    func connect() throws -> RawClient {
        let client = RawClient(loop)
        try client.connect(server.address)
        turn { client.isConnected || client.isOver }
        return client
    }

    /// Sends bytes on a connection of their own, says FIN if asked to, and waits until the server has closed.
    func exchange(_ bytes: String, finishes: Bool = false) throws -> String {
        let client = try connect()
        client.send(bytes)
        if finishes { client.finish() }
        turn { client.isOver }
        return client.text
    }
}

/// A connection that sends and receives bytes as they are.
final class RawClient: StreamHandler {
    private let loop: EventLoop
    private(set) var stream: Stream?
    private(set) var isConnected = false
    private(set) var isEnded = false
    private var finishes = false
    private(set) var failure: StreamFailure?
    var received: [UInt8] = []

    init(_ loop: EventLoop) { self.loop = loop }

    var text: String { String(decoding: received, as: UTF8.self) }
    /// The server has closed, one way or the other.
    var isOver: Bool { isEnded || failure != nil }

    func connect(_ address: SocketAddress) throws { stream = try loop.connect(to: address, handler: self) }

    func send(_ text: String) { send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) {
        var start = 0
        while start < bytes.count {
            var buffer = loop.allocate(bytes.count - start)
            start += buffer.append(bytes.span.extracting(start..<bytes.count))
            stream?.send(buffer)
        }
    }

    /// Says FIN once all is sent.
    func finish() {
        finishes = true
        finishIfSent()
    }

    private func finishIfSent() {
        if finishes, stream?.unsent == 0 { stream?.shutdownWrite() }
    }

    func close() { stream?.close() }
    func abort() { stream?.abort() }
    func pause() { stream?.pauseReceiving() }
    func resume() { stream?.receiveContinuously() }

    func streamConnected(_ stream: Stream) {
        isConnected = true
        stream.receiveContinuously()
    }

    func stream(_ stream: Stream, received buffer: consuming LoopBuffer) {
        let bytes = buffer.bytes
        bytes.withUnsafeBufferPointer { received.append(contentsOf: $0) }
    }

    func streamEnded(_ stream: Stream) { isEnded = true }
    func stream(_ stream: Stream, sent count: Int) { finishIfSent() }
    func stream(_ stream: Stream, failed failure: StreamFailure) { self.failure = failure }
}
