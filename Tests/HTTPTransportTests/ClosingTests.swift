// Owns how a request of ours leaves its connection: to the peer, who closes first, and never with a reset.
import HTTPTransport
import Proactor
import Testing
import Topology

@Suite struct ClosingTests {
    /// One request with time for the peer to close, to a peer that speaks bytes.
    private final class Meeting {
        let site: Site
        let peer: RawPeer
        private(set) var results: [HTTPFailure?] = []
        private(set) var exchange: HTTPClientExchange?

        init(closing: Duration?, whole: Duration = .seconds(10), bodyLimit: Int = 1 << 20, answer: String) throws {
            site = try Site.echo()
            peer = RawPeer(site.loop)
            let address = try peer.start()
            var limits = HTTPClientExchange.Limits(whole: whole)
            limits.closing = closing
            limits.body = bodyLimit
            let request = HTTPRequest(method: "GET", path: "/", authority: "h")
            let exchange = HTTPClientExchange(
                site.loop, request, limits: limits, events: .init { [unowned self] in results.append($0) })
            self.exchange = exchange
            exchange.start(address)
            site.turn { peer.received.hasSuffix("\r\n\r\n") }
            peer.send(answer)
        }

        /// What the peer has seen of the end after a few turns.
        func settle() -> RawPeer.End? {
            for _ in 0..<20 { site.loop.turn(limit: .zero) }
            return peer.end
        }

        func cancel() { exchange?.cancel() }
    }

    private static let answers = [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + String(repeating: "x", count: 100_000),
    ]

    @Test(arguments: answers) func thePeerClosesFirst(_ answer: String) throws {
        let meeting = try Meeting(closing: .seconds(10), answer: answer)
        meeting.site.turn { meeting.results.count == 1 }
        #expect(meeting.results == [nil])
        #expect(meeting.settle() == nil)
        meeting.peer.finish()
        meeting.site.turn { meeting.peer.end != nil }
        #expect(meeting.peer.end == .orderly)
    }

    @Test(arguments: answers) func withoutTimeForThePeerItClosesAtOnce(_ answer: String) throws {
        let meeting = try Meeting(closing: nil, answer: answer)
        meeting.site.turn { meeting.peer.end != nil }
        #expect(meeting.peer.end == .orderly && meeting.results == [nil])
    }

    @Test func aPeerThatDoesNotCloseIsLeft() throws {
        let meeting = try Meeting(closing: .milliseconds(20), answer: Self.answers[0])
        meeting.site.turn { meeting.peer.end != nil }
        #expect(meeting.peer.end == .orderly && meeting.results == [nil])
    }

    /// The end of the connection is that of the body: there is nothing left to wait for.
    @Test func anAnswerUpToTheEndNeedsNoTime() throws {
        let meeting = try Meeting(closing: .seconds(3_600), answer: "HTTP/1.1 200 OK\r\n\r\nall")
        meeting.peer.finish()
        meeting.site.turn { meeting.peer.end != nil }
        #expect(meeting.peer.end == .orderly && meeting.results == [nil])
    }

    @Test func whatIsTooLargeIsReadAndDropped() throws {
        let meeting = try Meeting(
            closing: .seconds(10), bodyLimit: 10,
            answer: "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n01234567890")
        meeting.site.turn { meeting.results.count == 1 }
        #expect(meeting.results == [.bodyTooLarge])
        meeting.peer.expectsAll(meeting.site)
    }

    @Test func whatComesTooLateIsReadAndDropped() throws {
        let meeting = try Meeting(
            closing: .seconds(10), whole: .milliseconds(100), answer: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
        meeting.site.turn { meeting.results.count == 1 }
        #expect(meeting.results == [.timedOut])
        meeting.peer.expectsAll(meeting.site)
    }

    /// What never ends is not followed for ever.
    @Test func endlessBodiesAreCutOff() throws {
        let meeting = try Meeting(closing: .seconds(3_600), bodyLimit: 10, answer: "HTTP/1.1 200 OK\r\n\r\n")
        let piece = String(repeating: "x", count: 64 << 10)
        var sent = 0
        meeting.site.turn {
            if meeting.peer.unsent == 0 {
                meeting.peer.send(piece)
                sent += 1
            }
            return meeting.peer.end == .reset
        }
        #expect(meeting.results == [.bodyTooLarge])
        #expect(sent > 64)
    }

    @Test(arguments: ["", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwo"])
    func whoCancelsSaysSoAndReadsOn(_ answer: String) throws {
        let meeting = try Meeting(closing: .seconds(10), answer: answer)
        #expect(meeting.settle() == nil)
        meeting.cancel()
        meeting.peer.expectsAll(meeting.site)
        #expect(meeting.results.isEmpty)
    }
}

/// Accepts one connection, sends what it is told to, and tells how the connection ends.
private final class RawPeer: AcceptHandler, StreamHandler {
    enum End { case orderly, reset }

    private let loop: EventLoop
    private var stream: Stream?
    private var finishes = false
    private(set) var received = ""
    private(set) var end: End?

    init(_ loop: EventLoop) { self.loop = loop }

    var unsent: Int { stream?.unsent ?? 0 }

    func start() throws -> SocketAddress {
        let socket = try ListeningSocket.bind(Site.anywhere())[0]
        _ = loop.accept(on: socket, handler: self)
        return socket.address
    }

    func send(_ text: String) {
        let bytes = Array(text.utf8)
        var start = 0
        while start < bytes.count {
            var buffer = loop.allocate(bytes.count - start)
            start += buffer.append(bytes.span.extracting(start..<bytes.count))
            stream?.send(buffer)
        }
    }

    /// Hears that nothing more will come, says all the same what it has to say, and is not reset for it.
    func expectsAll(_ site: Site) {
        site.turn { end == .orderly }
        for _ in 0..<20 {
            send(String(repeating: "x", count: 50_000))
            site.turn { unsent == 0 }
        }
        finish()
        for _ in 0..<20 { site.loop.turn(limit: .zero) }
        #expect(end == .orderly)
    }

    /// Says FIN once all is sent.
    func finish() {
        finishes = true
        finishIfSent()
    }

    private func finishIfSent() {
        if finishes, unsent == 0 { stream?.shutdownWrite() }
    }

    func acceptor(_ acceptor: Acceptor, accepted connection: consuming AcceptedConnection) {
        stream = try? loop.adopt(connection, handler: self)
        stream?.receiveContinuously()
    }

    func acceptor(_ acceptor: Acceptor, failed error: SystemError) {}
    func acceptorClosed(_ acceptor: Acceptor) {}

    func stream(_ stream: Stream, received buffer: consuming LoopBuffer) {
        let bytes = buffer.bytes
        for index in bytes.indices { received.unicodeScalars.append(Unicode.Scalar(bytes[index])) }
    }

    func streamEnded(_ stream: Stream) { end = .orderly }

    func stream(_ stream: Stream, sent count: Int) { finishIfSent() }

    func stream(_ stream: Stream, failed failure: StreamFailure) {
        end = .reset
        stream.close()
    }
}
