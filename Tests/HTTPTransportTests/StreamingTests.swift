// Owns answers that come late, in pieces, from elsewhere, or not at all.
import HTTPTransport
import Proactor
import Testing
import Topology

@Suite struct StreamingTests {
    private static let get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

    @Test func aForgottenAnswerIs500() throws {
        let site = try Site { _, _ in }
        let client = try site.connect()
        client.send(Self.get)
        site.turn { client.text.hasPrefix("HTTP/1.1 500 ") }
        // The connection is none the worse for it.
        client.send(Self.get)
        site.turn { client.text.components("HTTP/1.1 500 ").count == 3 }
    }

    @Test func onlyTheFirstAnswerCounts() throws {
        let site = try Site { _, responder in
            responder.respond(.text(200, "first"))
            #expect(!responder.isOpen)
            responder.respond(.text(200, "second"))
            #expect(responder.stream(HTTPResponse(status: 200)).write([1]) == .closed)
        }
        let text = try site.exchange("GET / HTTP/1.0\r\n\r\n")
        #expect(text.hasSuffix("first"))
    }

    @Test func anotherThreadAnswers() throws {
        var threads: [LoopThread] = []
        let site = try Site { _, responder in
            guard let remote = responder.detached() else { return }
            let thread = try? LoopThread.start(name: "answer") {
                remote.post { $0.respond(.text(200, "from afar")) }
            }
            if let thread { threads.append(thread) }
        }
        let client = try site.connect()
        client.send(Self.get)
        site.turn { client.text.hasSuffix("from afar") }
        for thread in threads { thread.join() }
    }

    @Test func anAnswerForAClientThatHasGoneIsDropped() throws {
        var responder: HTTPResponder?
        let site = try Site { responder = $1 }
        let client = try site.connect()
        client.send(Self.get)
        site.turn { responder != nil }
        client.abort()
        site.turn { site.server.connectionCount == 0 }
        #expect(responder?.isOpen == false)
        responder?.respond(.text(200, "too late"))
        responder = nil
        site.loop.turn(limit: .zero)
    }

    @Test func piecesAreChunks() throws {
        let site = try Site { _, responder in
            let writer = responder.stream(HTTPResponse(status: 200, body: Array("one".utf8)))
            #expect(writer.write([]) == .accepted)
            #expect(writer.write(Array("eleven here".utf8)) == .accepted)
            writer.end()
            #expect(writer.write([1]) == .closed)
        }
        let client = try site.connect()
        client.send(Self.get + Self.get)
        site.turn { client.text.components("0\r\n\r\n").count == 3 }
        let parts = client.text.components("\r\n\r\n")
        #expect(parts[0].contains("Transfer-Encoding: chunked") && !parts[0].contains("Content-Length"))
        #expect(parts[1] == "3\r\none\r\nb\r\neleven here\r\n0")
    }

    @Test(arguments: [
        ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "body"),
        ("HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", ""),
    ])
    func streamsForOldClientsAndHead(_ request: String, _ body: String) throws {
        let site = try Site { _, responder in
            let writer = responder.stream(HTTPResponse(status: 200))
            writer.write(Array("body".utf8))
            writer.end()
        }
        let text = try site.exchange(request)
        #expect(text.hasSuffix("\r\n\r\n\(body)"))
        #expect(text.contains("Connection: close"))
    }

    @Test func aSlowClientFillsTheQueueAndNoMore() throws {
        var writer: HTTPBodyWriter?
        let site = try Site { writer = $1.stream(HTTPResponse(status: 200), queueLimit: 256 << 10) }
        let client = try site.connect()
        client.send(Self.get)
        site.turn { writer != nil && client.text.contains("\r\n\r\n") }
        client.pause()
        let stream = try #require(writer)
        let piece = [UInt8](repeating: 0x61, count: 64 << 10)
        var accepted = 0
        // The kernel's buffers take some megabytes; then the queue fills, and stays full.
        var fullTurns = 0
        site.turn {
            let before = accepted
            while stream.write(piece) == .accepted { accepted += 1 }
            fullTurns = before == accepted ? fullTurns + 1 : 0
            return fullTurns > 10
        }
        #expect(stream.queuedBytes <= 256 << 10)
        #expect(stream.isOpen)
        client.resume()
        site.turn { stream.queuedBytes == 0 }
        stream.end()
        site.turn { client.received.suffix(7).elementsEqual(Array("\r\n0\r\n\r\n".utf8)) }
        // Every piece travels as a chunk of 10000 (hexadecimal) bytes.
        #expect(client.received.count > accepted * (piece.count + 9))
        #expect(client.received.count < accepted * (piece.count + 9) + 512)
    }

    @Test(arguments: [true, false])
    func aWriterHearsThatTheClientHasGone(_ resets: Bool) throws {
        var writer: HTTPBodyWriter?
        var closed = 0
        let site = try Site { _, responder in
            writer = responder.stream(HTTPResponse(status: 200))
            writer?.onClose = { closed += 1 }
        }
        let client = try site.connect()
        client.send(Self.get)
        site.turn { writer != nil }
        if resets { client.abort() } else { client.close() }
        site.turn { closed == 1 }
        #expect(writer?.isOpen == false)
        #expect(writer?.write([1]) == .closed)
        #expect(site.server.connectionCount == 0)
    }

    @Test func lettingAWriterGoCutsTheConnection() throws {
        let site = try Site { _, responder in _ = responder.stream(HTTPResponse(status: 200, body: [0x61])) }
        let client = try site.connect()
        client.send(Self.get)
        site.turn { client.isOver }
        #expect(!client.text.hasSuffix("0\r\n\r\n"))
        #expect(site.server.connectionCount == 0)
    }

    @Test func eventsArriveWithHeartbeatsBetweenThem() throws {
        var events: ServerSentEventWriter?
        var closed = 0
        var site: Site?
        site = try Site { _, responder in
            guard let loop = site?.loop else { return }
            events = ServerSentEventWriter(responder, loop: loop, heartbeat: .milliseconds(5)) { closed += 1 }
            events?.send(ServerSentEvent(data: "a\nb", event: "change\ndata: x", id: "7"))
        }
        let here = try #require(site)
        let client = try here.connect()
        client.send(Self.get)
        here.turn { client.text.contains(":\n\n") }
        #expect(client.text.contains("Content-Type: text/event-stream\r\n"))
        #expect(client.text.contains("event: change data: x\nid: 7\ndata: a\ndata: b\n\n"))
        client.close()
        here.turn { closed == 1 }
        #expect(events?.isOpen == false)
        #expect(events?.send(ServerSentEvent(data: "x")) == false)
        site = nil
    }

    @Test func aServerClosesInOrder() throws {
        var waiting: HTTPResponder?
        let site = try Site { waiting = $1 }
        let idle = try site.connect()
        let busy = try site.connect()
        busy.send(Self.get)
        site.turn { waiting != nil && site.server.connectionCount == 2 }
        var isClosed = false
        site.server.close { isClosed = true }
        site.turn { idle.isEnded }
        #expect(!isClosed)
        waiting?.respond(.text(200, "last words"))
        site.turn { busy.isEnded }
        #expect(busy.text.hasSuffix("last words") && busy.text.contains("Connection: close"))
        idle.close()
        busy.close()
        site.turn { isClosed }
        // Not at the first try where a process that another test is starting holds a copy of the listening socket for a moment.
        var late: RawClient?
        site.turn {
            if late?.failure == .refused { return true }
            if late?.isOver != false {
                late = RawClient(site.loop)
                do { try late?.connect(site.server.address) } catch { return false }
            }
            return false
        }
    }

    @Test func lettingAServerGoCutsItsConnections() throws {
        let loop = try EventLoop(io: .epoll, buffers: .modest)
        let socket = try ListeningSocket.bind(Site.anywhere())[0]
        var responder: HTTPResponder?
        var server: HTTPServer? = HTTPServer(loop: loop, socket: socket, configuration: HTTPServerConfiguration()) {
            responder = $1
        }
        let client = RawClient(loop)
        try client.connect(socket.address)
        for _ in 0..<500 where !client.isConnected { loop.turn(limit: .milliseconds(10)) }
        client.send(Self.get)
        for _ in 0..<500 where responder == nil { loop.turn(limit: .milliseconds(10)) }
        server?.close()
        for _ in 0..<5 { loop.turn(limit: .zero) }
        server = nil
        for _ in 0..<500 where !client.isOver { loop.turn(limit: .milliseconds(10)) }
        #expect(client.isOver)
        #expect(responder?.isOpen == false)
    }

    enum Phase { case idle, head, body, answer }

    /// Only the limit of the phase is short: a busy machine may take as long for the phases before it.
    @Test(
        arguments: [
            (.idle, "", ""), (.head, "GET / HT", "408"),
            (.body, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nx", "408"),
            (.answer, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "504"),
        ] as [(Phase, String, String)])
    func everyPhaseHasALimit(_ phase: Phase, _ bytes: String, _ status: String) throws {
        func limit(_ own: Phase) -> Duration { own == phase ? .milliseconds(20) : .seconds(60) }
        var configuration = HTTPServerConfiguration()
        configuration.idleTimeout = limit(.idle)
        configuration.headTimeout = limit(.head)
        configuration.bodyTimeout = limit(.body)
        configuration.answerTimeout = limit(.answer)
        var waiting: [HTTPResponder] = []
        let site = try Site(configuration) { waiting.append($1) }
        let text = try site.exchange(bytes)
        #expect(status.isEmpty ? text.isEmpty : text.hasPrefix("HTTP/1.1 \(status) "))
        #expect(waiting.allSatisfy { !$0.isOpen })
    }
}
