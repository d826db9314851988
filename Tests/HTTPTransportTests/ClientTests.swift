// Owns requests of ours: what is sent, what comes back, and how each failure is called.
import HTTPTransport
import Proactor
import Testing
import Topology

@Suite struct ClientTests {
    /// Sends one request and turns the loop until it is answered.
    private func ask(
        _ site: Site, _ request: HTTPRequest, timeout: Duration = .seconds(10), bodyLimit: Int = 1 << 20,
        to address: SocketAddress? = nil
    ) throws -> Result<HTTPResponse, HTTPFailure> {
        var results: [Result<HTTPResponse, HTTPFailure>] = []
        let client = HTTPClient(loop: site.loop)
        client.send(request, to: address ?? site.server.address, timeout: timeout, bodyLimit: bodyLimit) {
            results.append($0)
        }
        // Never from inside of the call.
        #expect(results.isEmpty)
        site.turn { !results.isEmpty }
        for _ in 0..<5 { site.loop.turn(limit: .zero) }
        #expect(results.count == 1)
        return try #require(results.first)
    }

    @Test func aRequestAndItsAnswer() throws {
        let site = try Site.echo()
        let request = HTTPRequest(
            method: "PUT", path: "/a/b", query: "c=d",
            fields: [("X-Thing", "v\r\nX-Evil: 1"), ("content-length", "7")],
            body: Array("hello".utf8))
        let response = try ask(site, request).get()
        #expect(response.status == 200)
        #expect(String(decoding: response.body, as: UTF8.self) == "PUT /a/b?c=d hello")
        #expect(response[field: "Content-Type"] == "text/plain; charset=utf-8")
        let seen = try #require(site.seen.first)
        #expect(seen.authority == "\(site.server.address)")
        #expect(seen[field: "x-thing"] == "v  X-Evil: 1")
        #expect(seen[field: "connection"] == "close")
        #expect(seen[field: "x-evil"] == nil)
    }

    @Test(arguments: ["GET", "HEAD", "POST", "DELETE"])
    func methodsAndBodies(_ method: String) throws {
        let site = try Site.echo()
        let response = try ask(site, HTTPRequest(method: method, path: "/")).get()
        #expect(response.status == 200)
        #expect(response.body.isEmpty == (method == "HEAD"))
        #expect(site.seen.first?[field: "content-length"] == (method == "POST" ? "0" : nil))
    }

    @Test func largeBodiesBothWays() throws {
        var configuration = HTTPServerConfiguration()
        configuration.bodyLimit = 8 << 20
        let site = try Site(configuration) { request, responder in
            responder.respond(HTTPResponse(status: 200, body: request.body))
        }
        let body = (0..<(3 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        let response = try ask(site, HTTPRequest(method: "POST", path: "/", body: body), bodyLimit: 8 << 20).get()
        #expect(response.body == body)
    }

    @Test func chunkedAnswersAreJoined() throws {
        let site = try Site { _, responder in
            let writer = responder.stream(HTTPResponse(status: 200))
            for text in ["a", "bc", "def"] { writer.write(Array(text.utf8)) }
            writer.end()
        }
        #expect(try ask(site, HTTPRequest(method: "GET", path: "/")).get().body == Array("abcdef".utf8))
    }

    @Test func failuresHaveNames() throws {
        var silent: [HTTPResponder] = []
        let site = try Site { request, responder in
            switch request.path {
            case "/large": responder.respond(.text(200, String(repeating: "x", count: 2_000)))
            case "/cut": responder.stream(HTTPResponse(status: 200, body: [1])).abort()
            default: silent.append(responder)
            }
        }
        func failure(_ path: String, method: String = "GET", to address: SocketAddress? = nil) throws -> HTTPFailure? {
            let request = HTTPRequest(method: method, path: path)
            guard
                case .failure(let failure) = try ask(
                    site, request, timeout: .milliseconds(path == "/silent" ? 20 : 10_000), bodyLimit: 1_000,
                    to: address)
            else { return nil }
            return failure
        }
        #expect(try failure("/large") == .bodyTooLarge)
        #expect(try failure("/cut").map { [.closedEarly, .broken(.reset)].contains($0) } == true)
        #expect(try failure("/silent") == .timedOut)
        #expect(try failure("/with space") == .badRequest)
        #expect(try failure("/", method: "GE T") == .badRequest)
        #expect(try failure("/", to: Site.nowhere()) == .connect(.refused))
        #expect(HTTPFailure.timedOut.mayHaveBeenProcessed && !HTTPFailure.connect(.refused).mayHaveBeenProcessed)
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "SSH-2.0-OpenSSH_9.2\r\n\r\n",
    ])
    func malformedAnswers(_ bytes: String) throws {
        let site = try Site.echo()
        let server = RawServer(site.loop, bytes)
        let address = try server.start()
        guard case .failure(.malformed) = try ask(site, HTTPRequest(method: "GET", path: "/"), to: address) else {
            Issue.record("a malformed answer was taken")
            return
        }
    }

    @Test func tooManyAtOnceAreRefused() throws {
        var waiting: [HTTPResponder] = []
        let site = try Site { waiting.append($1) }
        let client = HTTPClient(loop: site.loop, concurrency: 2)
        var failures: [HTTPFailure] = []
        var answers = 0
        func send() {
            client.send(HTTPRequest(method: "GET", path: "/"), to: site.server.address) {
                switch $0 {
                case .success: answers += 1
                case .failure(let failure): failures.append(failure)
                }
            }
        }
        for _ in 0..<3 { send() }
        site.turn { waiting.count == 2 && failures == [.tooMany] }
        for responder in waiting { responder.respond(.text(200, "")) }
        site.turn { answers == 2 }
        send()
        site.turn { waiting.count == 3 }
    }

    @Test func aCancelledExchangeIsSilent() throws {
        var waiting: [HTTPResponder] = []
        let site = try Site { waiting.append($1) }
        var finished = 0
        let request = HTTPRequest(method: "GET", path: "/", authority: "h")
        let exchange = HTTPClientExchange(
            site.loop, request, limits: .init(whole: .seconds(10)), events: .init { _ in finished += 1 })
        exchange.start(site.server.address)
        site.turn { waiting.count == 1 }
        exchange.cancel()
        site.turn { site.server.connectionCount == 0 }
        #expect(finished == 0)
        #expect(waiting.allSatisfy { !$0.isOpen })
    }
}

/// Sends fixed bytes to whoever connects.
private final class RawServer: AcceptHandler, StreamHandler {
    private let loop: EventLoop
    private let bytes: String
    private var streams: [Stream] = []

    init(_ loop: EventLoop, _ bytes: String) {
        self.loop = loop
        self.bytes = bytes
    }

    func start() throws -> SocketAddress {
        let socket = try ListeningSocket.bind(Site.anywhere())[0]
        _ = loop.accept(on: socket, handler: self)
        return socket.address
    }

    func acceptor(_ acceptor: Acceptor, accepted connection: consuming AcceptedConnection) {
        guard let stream = try? loop.adopt(connection, handler: self) else { return }
        streams.append(stream)
        var buffer = loop.allocate(bytes.utf8.count)
        buffer.append(Array(bytes.utf8).span)
        stream.send(buffer)
        stream.receiveContinuously()
    }

    func acceptor(_ acceptor: Acceptor, failed error: SystemError) {}
    func acceptorClosed(_ acceptor: Acceptor) {}
    func stream(_ stream: Stream, received buffer: consuming LoopBuffer) {}
    func streamEnded(_ stream: Stream) { stream.close() }
    func stream(_ stream: Stream, sent count: Int) {}
    func stream(_ stream: Stream, failed failure: StreamFailure) { stream.close() }
}
