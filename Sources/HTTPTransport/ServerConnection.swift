// Owns what comes in on one connection of the small server: heads, bodies, one request at a time.
internal import HTTPWire
internal import Proactor
internal import Topology

/// A client of an `HTTPServer`. Legal transitions: idle → head → body → answering → idle, answering → streaming → idle,
/// any → lingering (the last answer is on its way) → closed, any → closed.
final class ServerConnection: StreamHandler, TimerHandler {
    enum Phase { case idle, head, body, answering, streaming, lingering, closed }

    /// Bytes behind a request that are taken before its answer; then the client waits.
    private static let readAhead = 64 << 10
    /// Bytes that are read and dropped after the last answer, so that no reset destroys it (RFC 9112 section 9.6).
    private static let lingerLimit = 256 << 10

    private let loop: EventLoop
    let configuration: HTTPServerConfiguration
    // The server holds its connections, and cuts them when it goes.
    private(set) weak var server: HTTPServer?
    var stream: Stream?
    var timer: LoopTimer?
    var phase = Phase.idle
    var output = OutputQueue()
    var request = HTTPRequest(method: "", path: "")
    /// Whether the connection stays after this answer.
    var keepsAlive = false
    var isOldClient = false
    var isHead = false
    /// The client has said FIN.
    private(set) var isEnded = false
    private(set) var input: [UInt8] = []
    private let head = RequestHead()
    private var body = BodyReader(.none, limit: 0)
    private var isPaused = false
    private var isAdvancing = false
    private var lingered = 0
    // Whoever answers holds the connection; it must not hold them.
    weak var responder: HTTPResponder?
    weak var writer: HTTPBodyWriter?

    /// nil when the loop could not take the connection.
    init?(_ accepted: AcceptedConnection, _ server: HTTPServer) {
        self.server = server
        loop = server.loop
        configuration = server.configuration
        guard let stream = try? loop.adopt(accepted, handler: self) else { return nil }
        self.stream = stream
        timer = loop.makeTimer(self)
        setTimer(configuration.idleTimeout)
        stream.receiveContinuously()
    }

    /// Bytes that the client has not been sent.
    var unsent: Int { output.count + (stream?.unsent ?? 0) }

    /// Whether this connection gets no further request.
    var isLastAnswer: Bool { !keepsAlive || server?.isClosing != false || (isEnded && input.isEmpty) }

    /// The responder, for other threads.
    func detached(_ responder: HTTPResponder) -> LoopBound<HTTPResponder> { LoopBound(responder, of: loop) }

    func setTimer(_ duration: Duration) { timer?.set(loop.now + duration) }

    /// Does something once no handler is being called.
    func later(_ work: @escaping () -> Void) { loop.atEndOfTurn(work) }

    // MARK: Receiving

    func stream(_ stream: Stream, received buffer: LoopBuffer) {
        if phase == .lingering {
            lingered += buffer.count
            loop.giveBack(buffer)
            if lingered > Self.lingerLimit { close() }
            return
        }
        input.append(buffer)
        loop.giveBack(buffer)
        advance()
        if input.count > Self.readAhead, phase != .closed, phase != .lingering, !isPaused {
            isPaused = true
            stream.pauseReceiving()
        }
    }

    func streamEnded(_ stream: Stream) {
        isEnded = true
        switch phase {
        case .idle, .head, .body: advance()
        case .streaming: close()
        case .lingering: if unsent == 0 { close() }
        case .answering, .closed: break
        }
    }

    /// Goes on with what has come, as far as it goes.
    func advance() {
        guard !isAdvancing else { return }
        isAdvancing = true
        while step() {}
        isAdvancing = false
        resumeReceiving()
    }

    func resumeReceiving() {
        guard isPaused, input.count <= Self.readAhead else { return }
        isPaused = false
        stream?.receiveContinuously()
    }

    private func step() -> Bool {
        switch phase {
        case .idle, .head: readHead()
        case .body: readBody()
        case .answering, .streaming, .lingering, .closed: false
        }
    }

    private func readHead() -> Bool {
        guard !input.isEmpty else {
            if isEnded { linger() }
            return false
        }
        // Who does not read answers gets no more of them.
        guard unsent < OutputQueue.highWater else { return false }
        if phase == .idle {
            phase = .head
            setTimer(configuration.headTimeout)
        }
        let bytes = input
        switch RequestHeadParser().parse(bytes.span, into: head) {
        case .needMore:
            if isEnded { linger() }
            return false
        case .failed(let error):
            refuse(error.status, "\(error.reason)")
            return false
        case .complete(let length):
            do throws(WireError) {
                try takeHead()
            } catch {
                refuse(error.status, "\(error.reason)")
                return false
            }
            input.removeFirst(length)
            return beginBody()
        }
    }

    private func takeHead() throws(WireError) {
        func text(_ range: ByteRange) -> String { String(decoding: input[range.range], as: UTF8.self) }
        request = HTTPRequest(
            method: text(head.methodRange), path: head.isAsterisk ? "*" : try normalPath(),
            query: String(text(head.query).dropFirst()), fields: head.fields.texts(input),
            authority: text(head.authority), peer: stream?.peerAddress)
        keepsAlive = head.keepsAlive
        isOldClient = head.minorVersion == 0
        isHead = head.method == .head
    }

    private func normalPath() throws(WireError) -> String {
        guard head.mayNeedNormalizing else { return String(decoding: input[head.path.range], as: UTF8.self) }
        let bytes = input
        var path = [UInt8](repeating: 0, count: PathNormalizer.room(for: head.path))
        var writer = OutputWriter(path.mutableSpan)
        let forms = try PathNormalizer.normalize(bytes.span, head.path, into: &writer)
        return String(decoding: path[forms.forwarded], as: UTF8.self)
    }

    private func beginBody() -> Bool {
        let limit = configuration.bodyLimit
        if case .length(let length) = head.framing, length > UInt64(max(limit, 0)) {
            refuse(413, "the body is larger than \(limit) bytes")
            return false
        }
        body = BodyReader(head.framing, limit: limit)
        if head.expectsContinue, input.isEmpty, head.framing != .none {
            send(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8))
        }
        phase = .body
        setTimer(configuration.bodyTimeout)
        return true
    }

    private func readBody() -> Bool {
        switch body.take(input, into: &request.body) {
        case .needMore:
            input.removeAll(keepingCapacity: true)
            if isEnded { linger() }
            return false
        case .tooLarge:
            refuse(413, "the body is larger than \(configuration.bodyLimit) bytes")
            return false
        case .malformed:
            refuse(400, "the body's chunks are malformed")
            return false
        case .complete(let taken):
            input.removeFirst(taken)
            handOver()
            return true
        }
    }

    private func handOver() {
        phase = .answering
        setTimer(configuration.answerTimeout)
        let whole = request
        request.body = []
        let responder = HTTPResponder(self)
        self.responder = responder
        server?.handler(whole, responder)
    }

    /// Answers a request that no handler sees, and ends the connection.
    private func refuse(_ status: Int, _ reason: String) {
        keepsAlive = false
        isHead = false
        phase = .answering
        respond(.text(status, "\(status) \(ReasonPhrase.of(status)): \(reason)\n"))
    }

    // MARK: The end

    func timerExpired(_ timer: LoopTimer) {
        switch phase {
        case .idle: linger()
        case .head, .body: refuse(408, "the request took too long")
        case .answering:
            responder?.disconnect()
            refuse(504, "no answer in time")
        case .streaming, .lingering, .closed: close()
        }
    }

    func stream(_ stream: Stream, failed failure: StreamFailure) { close() }

    /// For the end of the server.
    func closeIfIdle() {
        if phase == .idle, input.isEmpty { linger() }
    }

    /// Drops what comes from now on.
    func dropInput() {
        input = []
        resumeReceiving()
    }

    func close() {
        guard phase != .closed else { return }
        phase = .closed
        timer?.invalidate()
        timer = nil
        stream?.close()
        stream = nil
        input = []
        output.removeAll()
        responder?.disconnect()
        writer?.disconnect()
        server?.connectionEnded(self)
    }
}
