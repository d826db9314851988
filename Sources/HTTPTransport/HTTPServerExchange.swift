// Owns one request to the small server: collected whole, answered whole or piece by piece.
internal import HTTPWire
internal import Proactor
internal import Topology

/// Legal transitions: reading → answering → streaming → over, any → over.
final class HTTPServerExchange: ServerStreamHandler, TimerHandler {
    enum Phase { case reading, answering, streaming, over }

    private let loop: EventLoop
    private let configuration: HTTPServerConfiguration
    private unowned let server: HTTPServer
    private let stream: H1Server
    private var timer: LoopTimer?
    private var phase = Phase.reading
    private var request: HTTPRequest
    private let method: RequestMethod
    private let isOldClient: Bool
    /// Whether the connection stays after this answer.
    private var keepsAlive: Bool
    private var output = OutputQueue()
    /// The client has said FIN.
    private var isEnded = false
    /// The answer is queued whole.
    private var isAnswered = false
    // Whoever answers holds the exchange; it must not hold them.
    private weak var responder: HTTPResponder?
    private weak var writer: HTTPBodyWriter?

    init(_ server: HTTPServer, _ stream: H1Server, _ head: RequestHead, _ request: HTTPRequest) {
        self.server = server
        self.stream = stream
        self.request = request
        loop = server.loop
        configuration = server.configuration
        method = head.method
        isOldClient = head.minorVersion == 0
        keepsAlive = head.keepsAlive
        timer = loop.makeTimer(self)
    }

    /// Begins to read the body, or hands the request over if there is none.
    func begin(_ framing: BodyFraming, expectsContinue: Bool, hasMore: Bool) {
        let limit = max(configuration.bodyLimit, 0)
        if case .length(let length) = framing, length > UInt64(limit) { return refuseLarge() }
        if framing == .none { return handOver() }
        if expectsContinue, !hasMore { stream.sendWritten(buffer("HTTP/1.1 100 Continue\r\n\r\n"), keepsAlive: true) }
        setTimer(configuration.bodyTimeout)
        stream.receiveBody()
    }

    private func buffer(_ text: StaticString) -> LoopBuffer {
        var buffer = loop.allocate(text.utf8CodeUnitCount)
        var writer = OutputWriter(buffer.tail)
        writer.append(text)
        let count = writer.count
        buffer.commit(count)
        return buffer
    }

    private func setTimer(_ duration: Duration) { timer?.set(loop.now + duration) }

    // MARK: The request

    func serverStream(_ stream: any ServerStream, received piece: consuming LoopBuffer, isEnd: Bool) {
        guard phase == .reading else { return }
        guard request.body.count + piece.count <= configuration.bodyLimit else { return refuseLarge() }
        request.body.append(piece)
        if isEnd { handOver() } else { stream.receiveBody() }
    }

    private func refuseLarge() { refuse(413, "the body is larger than \(configuration.bodyLimit) bytes") }

    func serverStream(_ stream: any ServerStream, malformed error: WireError) {
        refuse(400, "the body's chunks are malformed")
    }

    private func handOver() {
        phase = .answering
        setTimer(configuration.answerTimeout)
        let whole = request
        request.body = []
        let responder = HTTPResponder(self)
        self.responder = responder
        server.handler(whole, responder)
    }

    /// Answers a request that no handler sees, and ends the connection.
    private func refuse(_ status: Int, _ reason: String) {
        guard phase != .over, !isAnswered else { return }
        keepsAlive = false
        phase = .answering
        respond(server.refusal(status, reason))
    }

    // MARK: The answer

    /// The responder, for other threads.
    func detached(_ responder: HTTPResponder) -> LoopBound<HTTPResponder> { LoopBound(responder, of: loop) }

    /// Bytes that the client has not been sent.
    var unsent: Int { output.count + stream.unsent }

    /// The handler has let the request go.
    func respondToSilence() { respond(server.refusal(500, "there is no answer")) }

    /// Answers the request with a whole response.
    func respond(_ response: HTTPResponse) {
        guard phase == .answering else { return }
        // These have no body by definition (RFC 9110 section 6.4.1), and 204 no length either.
        let hasBody = response.status != 204 && response.status != 304
        var writer = beginHead(response)
        if hasBody { writer.add("Content-Length", "\(response.body.count)") }
        writer.end()
        output.append(writer.bytes)
        if hasBody, method != .head { output.append(response.body) }
        finishAnswer()
    }

    private func beginHead(_ response: HTTPResponse) -> MessageWriter {
        if server.isClosing { keepsAlive = false }
        var writer = MessageWriter(status: response.status)
        writer.add("Date", server.currentDate())
        writer.add(response.fields)
        writer.add("Connection", keepsAlive ? "keep-alive" : "close")
        return writer
    }

    /// Begins an answer whose end the writer tells: chunked, or for HTTP/1.0 up to the end of the connection.
    func beginStreaming(_ response: HTTPResponse, _ bodyWriter: HTTPBodyWriter) {
        guard phase == .answering else {
            bodyWriter.discard()
            return
        }
        if isOldClient { keepsAlive = false }
        var head = beginHead(response)
        if !isOldClient { head.add("Transfer-Encoding", "chunked") }
        head.end()
        output.append(head.bytes)
        guard method != .head else {
            bodyWriter.discard()
            finishAnswer()
            return
        }
        phase = .streaming
        writer = bodyWriter
        timer?.cancel()
        sendPiece(response.body)
        flush()
        // The client has gone away already; the writer must hear of it outside of the call that makes it.
        if isEnded { loop.atEndOfTurn { [self] in if phase == .streaming { cut() } } }
    }

    /// Sends a piece of a streamed body.
    func sendPiece(_ bytes: [UInt8]) {
        guard phase == .streaming, !bytes.isEmpty else { return }
        if isOldClient {
            output.append(bytes)
        } else {
            output.append(Array("\(String(bytes.count, radix: 16))\r\n".utf8) + bytes + [0x0D, 0x0A])
        }
        flush()
    }

    /// Ends a streamed body.
    func endStreaming() {
        guard phase == .streaming else { return }
        writer = nil
        if !isOldClient { output.append(Array("0\r\n\r\n".utf8)) }
        finishAnswer()
    }

    // MARK: Sending

    private func flush() {
        while output.count > 0, stream.unsent < OutputQueue.highWater {
            stream.sendWritten(output.next(loop), keepsAlive: keepsAlive)
        }
        if unsent > 0 { stream.awaitSent() }
        if phase == .streaming, timer?.deadline == .distantFuture { setTimer(configuration.writeTimeout) }
    }

    private func finishAnswer() {
        isAnswered = true
        phase = .streaming
        setTimer(configuration.writeTimeout)
        flush()
        finishIfFlushed()
    }

    private func finishIfFlushed() {
        // What is left fits into the stream: it ends the connection, or goes on with it, by itself.
        guard isAnswered, phase != .over, output.count == 0 else { return }
        end()
        stream.finish()
    }

    func serverStreamSent(_ stream: any ServerStream) {
        guard phase == .streaming else { return }
        flush()
        finishIfFlushed()
        guard phase == .streaming else { return }
        if unsent == 0 { timer?.cancel() } else { setTimer(configuration.writeTimeout) }
    }

    // MARK: The end

    func timerExpired(_ timer: LoopTimer) {
        switch phase {
        case .reading: refuse(408, "the request took too long")
        case .answering:
            responder?.disconnect()
            refuse(504, "no answer in time")
        case .streaming: cut()
        case .over: break
        }
    }

    func serverStreamEnded(_ stream: any ServerStream) {
        isEnded = true
        switch phase {
        case .reading, .streaming: if !isAnswered { cut() }
        case .answering, .over: break
        }
    }

    func serverStreamFailed(_ stream: any ServerStream) { end() }
    func serverStreamInterrupted(_ stream: any ServerStream) { end() }

    /// Cuts the connection: the client sees that something is missing.
    func cut() {
        end()
        stream.reset()
    }

    private func end() {
        guard phase != .over else { return }
        phase = .over
        timer?.invalidate()
        timer = nil
        output.removeAll()
        responder?.disconnect()
        writer?.disconnect()
    }
}
