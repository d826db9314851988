// Owns one connection of the small server: one request at a time, answered in order.
internal import HTTPWire
internal import Proactor
internal import Topology

/// A client of an `HTTPServer`.
final class ServerConnection: StreamHandler, TimerHandler {
    private enum Phase { case head, body, answering, closing, closed }

    private let server: HTTPServer
    private var stream: Stream?
    private var timer: LoopTimer?
    private var phase = Phase.head
    private var input: [UInt8] = []
    private let head = RequestHead()
    private var collector = BodyCollector(.none, limit: 0)
    private var request = HTTPRequest(method: "", path: "")
    private var keepsAlive = false

    private init(_ server: HTTPServer) { self.server = server }

    static func begin(_ accepted: AcceptedConnection, _ server: HTTPServer) -> Bool {
        let connection = ServerConnection(server)
        guard let stream = try? server.loop.adopt(accepted, handler: connection) else { return false }
        connection.stream = stream
        let timer = server.loop.makeTimer(connection)
        connection.timer = timer
        timer.set(server.loop.now + .seconds(60))
        stream.receiveContinuously()
        return true
    }

    func stream(_ stream: Stream, received buffer: LoopBuffer) {
        let bytes = buffer.bytes
        input.reserveCapacity(input.count + bytes.count)
        for index in bytes.indices { input.append(bytes[index]) }
        server.loop.giveBack(buffer)
        switch phase {
        case .head: readHead()
        case .body: readBody()
        case .answering: if input.count > 64 << 10 { stream.pauseReceiving() }
        case .closing: input = []
        case .closed: break
        }
    }

    private func readHead() {
        guard !input.isEmpty else { return }
        let parser = RequestHeadParser()
        let bytes = input
        switch parser.parse(bytes.span, into: head) {
        case .needMore: timer?.set(server.loop.now + .seconds(10))
        case .failed(let error): refuse(error.status, "\(error.reason)")
        case .complete(let length):
            takeHead()
            input.removeFirst(length)
            phase = .body
            readBody()
        }
    }

    private func takeHead() {
        func text(_ range: ByteRange) -> String { String(decoding: input[range.range], as: UTF8.self) }
        request = HTTPRequest(
            method: text(head.methodRange), path: head.path.isEmpty ? "/" : text(head.path),
            query: String(text(head.query).dropFirst()), fields: head.fields.texts(input))
        keepsAlive = head.keepsAlive && head.minorVersion >= 1
        collector = BodyCollector(head.framing, limit: server.bodyLimit)
        if head.expectsContinue { sendText("HTTP/1.1 100 Continue\r\n\r\n") }
    }

    private func readBody() {
        let bytes = input
        switch collector.take(bytes.span) {
        case .needMore: input = []
        case .tooLarge: refuse(413, "the body is too large")
        case .malformed: refuse(400, "the body is malformed")
        case .complete(let taken):
            input.removeFirst(taken)
            request.body = collector.body
            phase = .answering
            timer?.set(server.loop.now + .seconds(60))
            server.handler(request) { [weak self] response in self?.answer(response) }
        }
    }

    private func refuse(_ status: Int, _ reason: String) {
        keepsAlive = false
        phase = .answering
        answer(.text(status, "\(status) \(ErrorResponse.phrase(status)): \(reason)\n"))
    }

    private func answer(_ response: HTTPResponse) {
        guard phase == .answering, let stream else { return }
        var text = "HTTP/1.1 \(response.status) \(ErrorResponse.phrase(response.status))\r\n"
        for field in response.fields { text += "\(field.name): \(field.value)\r\n" }
        if response.status != 204 { text += "Content-Length: \(response.body.count)\r\n" }
        if !keepsAlive { text += "Connection: close\r\n" }
        sendText(text + "\r\n")
        if request.method != "HEAD" { send(response.body) }
        guard keepsAlive else {
            phase = .closing
            if stream.unsent == 0 { finishClosing() }
            return
        }
        phase = .head
        timer?.set(server.loop.now + .seconds(60))
        stream.receiveContinuously()
        if !input.isEmpty { server.loop.atEndOfTurn { [weak self] in if self?.phase == .head { self?.readHead() } } }
    }

    private func sendText(_ text: String) { send(Array(text.utf8)) }

    private func send(_ bytes: [UInt8]) {
        var start = 0
        while start < bytes.count {
            var buffer = server.loop.allocate(bytes.count - start)
            start += buffer.append(bytes.span.extracting(start..<bytes.count))
            stream?.send(buffer)
        }
    }

    func stream(_ stream: Stream, sent count: Int) {
        if phase == .closing, stream.unsent == 0 { finishClosing() }
    }

    private func finishClosing() {
        stream?.shutdownWrite()
        timer?.set(server.loop.now + .seconds(2))
    }

    func streamEnded(_ stream: Stream) { close() }
    func stream(_ stream: Stream, failed failure: StreamFailure) { close() }
    func timerExpired(_ timer: LoopTimer) { close() }

    private func close() {
        guard phase != .closed else { return }
        phase = .closed
        timer?.invalidate()
        timer = nil
        stream?.close()
        stream = nil
        server.connectionEnded()
    }
}
