// Owns what tests of one HTTP/1 connection share: a loop on a clock of its own, scenarios, and what they saw go wrong.
import HTTPWire
import Testing
import Topology

@testable import HTTPTransport
@testable import Proactor

/// A title and what is to be seen; run on both ways of I/O, and with bugs that are seeded.
struct Scenario: Sendable, CustomTestStringConvertible {
    let title: String
    let run: @Sendable (Bench) throws -> Void
    var testDescription: String { title }

    init(_ title: String, _ run: @escaping @Sendable (Bench) throws -> Void) {
        self.title = title
        self.run = run
    }

    /// What went otherwise than it should.
    func violations(_ io: IOKind) -> [String] {
        do {
            let bench = try Bench(io)
            try run(bench)
            bench.end()
            return bench.violations
        } catch {
            return ["\(error)"]
        }
    }
}

/// A loop that the test turns, and the clock that it moves.
final class Bench {
    let loop: EventLoop
    let clock = ManualClock()
    private(set) var violations: [String] = []

    init(_ io: IOKind) throws { loop = try EventLoop(io: io, buffers: .modest, clock: clock.clock) }

    func end() { loop.end() }

    func expect(_ condition: Bool, _ what: @autoclosure () -> String = "", line: Int = #line) {
        if !condition { violations.append("line \(line): \(what())") }
    }

    func expect<Value: Equatable>(_ value: Value, is expected: Value, line: Int = #line) {
        if value != expected { violations.append("line \(line): \(value) instead of \(expected)") }
    }

    /// Takes turns until something holds. What never comes is given up: sooner where a bug may be why.
    func turn(_ line: Int = #line, until condition: () -> Bool) {
        let limit = MonotonicClock.now + .seconds(HTTPMutation.seeded == nil ? 10 : 1)
        while !condition() {
            guard MonotonicClock.now < limit else { return violations.append("line \(line): waited in vain") }
            loop.turn(limit: .milliseconds(5))
        }
    }

    /// Takes turns until nothing more can be under way.
    func settle() { for _ in 0..<8 { loop.turn(limit: .milliseconds(1)) } }

    /// Lets time pass, and what is due happen.
    func pass(_ time: Duration) {
        clock.advance(by: time)
        settle()
    }

    func buffer(_ bytes: [UInt8]) -> LoopBuffer {
        var buffer = loop.allocate(bytes.count)
        buffer.append(bytes.span)
        return buffer
    }

    func buffer(_ text: String) -> LoopBuffer { buffer(Array(text.utf8)) }
}

func text(_ span: Span<UInt8>) -> String { String(decoding: (0..<span.count).map { span[$0] }, as: UTF8.self) }

func text(_ buffer: borrowing LoopBuffer) -> String { text(buffer.bytes) }

/// What had come before a connection was given away.
func takeEarly(_ detached: inout DetachedStream?) -> String {
    guard let early = detached?.takeEarly() else { return "" }
    return text(early)
}

/// The clients' side of a connection: a server's connection, and what its handler heard.
final class ServerBench: HTTPServerDelegate, ServerStreamHandler {
    let bench: Bench
    let context: H1ServerContext
    let client: Peer
    private(set) var server: H1Server?
    private(set) var events: [String] = []
    /// Done when a request's head is there.
    var began: (ServerBench) -> Void = { _ in }
    /// The answer to each request, given at once; nil: none is.
    var answers: String?

    /// - Parameter descriptors: of the client's side and the server's.
    init(_ bench: Bench, _ limits: H1ServerLimits = H1ServerLimits(), _ descriptors: (client: Int32, server: Int32)) {
        self.bench = bench
        context = H1ServerContext(loop: bench.loop, limits: limits)
        client = Peer(descriptors.client)
        server = H1Server.begin(AcceptedConnection(descriptor: descriptors.server), context, self)
    }

    convenience init(_ bench: Bench, _ limits: H1ServerLimits = H1ServerLimits(), buffers: Int32? = nil) throws {
        self.init(bench, limits, try LoopbackListener.pair(buffers: buffers))
    }

    /// The stream of the request that is under way.
    var stream: any ServerStream { server! }

    func send(_ text: String) {
        client.send(text)
        bench.settle()
    }

    /// What came to the client since it was last asked, once that is as much as `end` says or the connection is over.
    func answer(_ line: Int = #line, until end: String) -> String {
        bench.turn(line) {
            client.read()
            return client.text.hasSuffix(end) || client.isOver
        }
        return client.take()
    }

    /// Waits until the connection is over for the client.
    func waitForEnd(_ line: Int = #line) {
        bench.turn(line) {
            client.read()
            return client.isOver
        }
    }

    // MARK: Answers

    private func withHead(_ text: String, _ method: RequestMethod, _ body: (ResponseHead, Span<UInt8>) -> Void) {
        let bytes = Array(text.utf8)
        let head = ResponseHead()
        let outcome = ResponseHeadParser().parse(bytes.span, method: method, lenient: false, into: head)
        guard case .complete = outcome else { return bench.expect(false, "no head: \(text)") }
        body(head, bytes.span)
    }

    private static let id = Array("id-1".utf8)

    /// Passes a head on as a backend's.
    func respond(_ text: String, bodyCount: Int = 0, isEnd: Bool = false, method: RequestMethod = .get) {
        withHead(text, method) { head, bytes in
            let edits = ResponseEdits(requestID: Self.id.span, date: Span(), via: nil)
            _ = stream.respond(head, bytes, headLength: bytes.count, edits, bodyCount: bodyCount, isEnd: isEnd)
        }
    }

    func sendInterim(_ text: String) {
        withHead(text, .get) { head, bytes in
            let edits = ResponseEdits(requestID: Self.id.span, date: Span(), via: nil)
            _ = stream.sendInterim(head, bytes, headLength: bytes.count, edits)
        }
    }

    func upgrade(_ text: String) -> DetachedStream? {
        var detached: DetachedStream?
        withHead(text, .get) { head, bytes in
            let edits = ResponseEdits(requestID: Self.id.span, date: Span(), via: nil)
            detached = stream.upgrade(head, bytes, headLength: bytes.count, edits)
        }
        return detached
    }

    /// Answers 200 with a body of a length, and is done with the request.
    func answer(_ body: [UInt8]) {
        respond("HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n", isEnd: body.isEmpty)
        var start = 0
        while start < body.count {
            let end = min(start + (64 << 10), body.count)
            _ = stream.send(bench.buffer(Array(body[start..<end])), isEnd: end == body.count)
            start = end
        }
        stream.finish()
    }

    func answer(_ body: String) { answer(Array(body.utf8)) }

    // MARK: What is heard

    func server(_ stream: any ServerStream, began head: RequestHead, _ bytes: Span<UInt8>, headLength: Int) {
        stream.handler = self
        events.append("\(text(bytes.extracting(head.methodRange.range))) \(text(bytes.extracting(head.target.range)))")
        began(self)
    }

    func server(_ stream: any ServerStream, refused error: WireError) {
        events.append("refused \(error.status)")
        stream.answer(PlainAnswer(status: error.status, requestID: Self.id.span, date: Span(), page: Span()))
    }

    func serverCutStalled(_ stream: any ServerStream) { events.append("stalled") }
    func serverClosed(_ stream: any ServerStream) { events.append("closed") }

    func serverStream(_ stream: any ServerStream, received piece: consuming LoopBuffer, isEnd: Bool) {
        events.append("\(text(piece))\(isEnd ? "|" : "")")
    }

    func serverStream(_ stream: any ServerStream, malformed error: WireError) { events.append("malformed") }
    func serverStreamSent(_ stream: any ServerStream) {}
    func serverStreamEnded(_ stream: any ServerStream) { events.append("ended") }
    func serverStreamFailed(_ stream: any ServerStream) { events.append("failed") }
    func serverStreamInterrupted(_ stream: any ServerStream) { events.append("interrupted") }
}
