// Owns one client's HTTP/1 connection: heads come in, exchanges go out, one after the other.
internal import Balancing
internal import Catalog
internal import HTTPWire
internal import Logging
internal import Proactor
internal import Routing
internal import Switching
internal import Synchronization
internal import Topology

/// A client's connection. Legal transitions: idle ⇄ head → exchanging → idle, any → lingering → closed, any → closed,
/// exchanging → closed when a tunnel takes the stream over.
final class HTTPSession: StreamHandler, TimerHandler, Drainable {
    enum Phase: UInt8 { case idle, head, exchanging, lingering, closed }

    let worker: Worker
    let listener: ListenerRuntime
    private(set) var stream: Stream?
    private(set) var phase = Phase.idle
    /// Bytes received and not used yet: a part of a head, or what came behind a request.
    private(set) var pending: LoopBuffer?
    private(set) var exchange: Exchange?
    private(set) var timer: LoopTimer?
    var position = 0
    /// When the first byte of the current head came.
    private(set) var headBegan = Tick.zero
    /// Whether the connection still owes its PROXY protocol header.
    private var awaitsProxyHeader = false
    /// Whether a request was answered on it.
    private var hasServed = false
    private var isEnded = false
    private var closesWhenFlushed = false
    /// Nothing more will come, so that no unread byte can make the kernel reset the connection.
    private var mayCloseAtOnce = false
    private var lingered = 0
    private var clientText: [UInt8] = []
    private(set) var trustsClient = false

    private init(_ listener: ListenerRuntime, _ worker: Worker) {
        self.listener = listener
        self.worker = worker
    }

    /// Makes an accepted connection a session.
    ///
    /// - Returns: false when the loop could not take it.
    static func begin(_ connection: AcceptedConnection, _ listener: ListenerRuntime, _ worker: Worker) -> Bool {
        let session = HTTPSession(listener, worker)
        guard let stream = try? worker.loop.adopt(connection, handler: session) else { return false }
        session.stream = stream
        session.awaitsProxyHeader = listener.definition.proxyProtocol != nil
        let timer = worker.loop.makeTimer(session)
        session.timer = timer
        worker.add(session)
        stream.receiveContinuously()
        timer.set(worker.loop.now.adding(nanoseconds: worker.headTimeout))
        return true
    }

    /// The client's address as text, worked out at the first request.
    var client: [UInt8] {
        if clientText.isEmpty { readClientAddress() }
        return clientText
    }

    private func readClientAddress() {
        let address = stream?.peerAddress
        clientText = Array((address?.host ?? "unknown").utf8)
        trustsClient = worker.configuration.trustsPeer(SocketHost(bytes: Array(address?.hostBytes ?? [])))
    }

    // MARK: Receiving

    func stream(_ stream: Stream, received buffer: LoopBuffer) {
        switch phase {
        case .idle, .head: receiveHead(buffer)
        case .exchanging:
            if let exchange, exchange.wantsBody {
                exchange.clientReceived(buffer)
            } else {
                hold(buffer)
            }
        case .lingering: discard(buffer)
        case .closed: worker.loop.giveBack(buffer)
        }
    }

    /// Bytes behind a request wait for its answer; the client's sending is held back by not receiving.
    private func hold(_ buffer: LoopBuffer) {
        stream?.pauseReceiving()
        append(buffer)
    }

    @inline(__always)
    private func receiveHead(_ buffer: LoopBuffer) {
        if awaitsProxyHeader {
            receiveProxyHeader(buffer)
        } else if pending == nil {
            if phase == .idle { beginHead() }
            process(buffer)
        } else {
            append(buffer)
            if let whole = pending {
                pending = nil
                process(whole)
            }
        }
    }

    /// Reads who the client is, as the load balancer before this one tells it.
    private func receiveProxyHeader(_ buffer: LoopBuffer) {
        if phase == .idle { beginHead() }
        append(buffer)
        guard var whole = pending else { return }
        switch ProxyProtocol.parse(whole.bytes) {
        case .needMore: timer?.set(headBegan.adding(nanoseconds: worker.headTimeout))
        case .failed: close()
        case .complete(let length, let source):
            pending = nil
            awaitsProxyHeader = false
            if let source { take(source) }
            whole.consume(length)
            if whole.isEmpty { worker.loop.giveBack(whole) } else { process(whole) }
        }
    }

    private func take(_ source: ProxySource) {
        clientText = source.text
        let bytes = (0..<(source.isIPv6 ? 16 : 4)).map { source.address[$0] }
        trustsClient = worker.configuration.trustsPeer(SocketHost(bytes: bytes))
    }

    private func beginHead() {
        phase = .head
        headBegan = worker.loop.now
    }

    /// Adds bytes to those that wait, in a buffer that can hold the largest head.
    private func append(_ buffer: LoopBuffer) {
        guard var whole = pending else {
            pending = worker.loop.holdable(buffer)
            return
        }
        if whole.free < buffer.count || !whole.isSlab {
            var larger = worker.loop.allocate(min(64 << 10, whole.count + buffer.count + (2 << 10)))
            larger.append(whole)
            worker.loop.giveBack(whole)
            whole = larger
        }
        let taken = whole.append(buffer)
        let isLost = taken < buffer.count
        worker.loop.giveBack(buffer)
        pending = whole
        if isLost { refuse(431, "head_too_large") }
    }

    /// Parses a head at the beginning of a buffer, and begins its exchange.
    @inline(__always)
    private func process(_ buffer: LoopBuffer) {
        let head = worker.requestHead
        // The parser keeps its place in a head only for the session that it saw last.
        if worker.partialHeadOf != ObjectIdentifier(self) { head.reset() }
        worker.partialHeadOf = nil
        switch worker.requestParser.parse(buffer.bytes, into: head) {
        case .complete(let length): begin(buffer, length)
        case .needMore:
            pending = worker.loop.holdable(buffer)
            worker.partialHeadOf = ObjectIdentifier(self)
            if phase == .idle { beginHead() }
            timer?.set(headBegan.adding(nanoseconds: worker.headTimeout))
            stream?.receiveContinuously()
        case .failed(let error):
            worker.loop.giveBack(buffer)
            worker.process.badRequests.add(1, ordering: .relaxed)
            refuse(error.status, error.reason.value)
        }
    }

    @inline(__always)
    private func begin(_ buffer: LoopBuffer, _ length: Int) {
        phase = .exchanging
        let exchange = worker.takeExchange()
        self.exchange = exchange
        exchange.begin(self, buffer, headLength: length)
    }

    /// Keeps what came behind the request's head or body for later.
    @inline(__always)
    func keepRest(_ buffer: LoopBuffer) {
        if buffer.isEmpty {
            worker.loop.giveBack(buffer)
        } else {
            hold(buffer)
        }
    }

    // MARK: Ending an exchange

    /// The answer is wholly queued.
    ///
    /// - Parameters:
    ///   - keepsAlive: whether the connection stays for another request.
    ///   - isLast: whether the client said that it sends nothing after this request.
    @inline(__always)
    func exchangeEnded(keepsAlive: Bool, isLast: Bool) {
        exchange = nil
        hasServed = true
        guard phase == .exchanging, let stream else { return }
        guard keepsAlive, !worker.isDraining, !(isEnded && pending == nil) else {
            mayCloseAtOnce = isLast && pending == nil
            closeGracefully()
            return
        }
        phase = .idle
        if pending != nil {
            resumePending(stream)
        } else {
            stream.receiveContinuously()
            timer?.set(worker.loop.now.adding(nanoseconds: worker.idleTimeout))
        }
    }

    /// Goes on with a pipelined request, unless the client does not read its answers.
    private func resumePending(_ stream: Stream) {
        guard stream.unsent < Exchange.highWater(worker.loop) else {
            stream.awaitSent()
            timer?.set(worker.loop.now.adding(nanoseconds: worker.idleTimeout))
            return
        }
        guard let buffer = pending else { return }
        pending = nil
        beginHead()
        process(buffer)
    }

    /// Answers with an error of our own and ends the connection.
    func refuse(_ status: Int, _ reason: StaticString) {
        // An answer of our own would be taken for that of the request under way.
        if phase == .exchanging { return abandonExchange(reason) }
        if let buffer = pending {
            pending = nil
            worker.loop.giveBack(buffer)
        }
        // 408 only once a byte of a head came: an idle connection is closed without a word (RFC 9112 section 9.5).
        worker.log?.refused(self, status: status, reason: reason)
        sendError(status, requestID: [], keepsAlive: false, headOnly: false)
        closeGracefully()
    }

    /// Queues an answer of our own.
    func sendError(_ status: Int, requestID: [UInt8], keepsAlive: Bool, headOnly: Bool, detail: StaticString = "") {
        guard let stream else { return }
        let page = worker.configuration.errorPages[status] ?? []
        let date = worker.currentDate()
        var buffer = worker.loop.allocate(1024 + page.count)
        var writer = OutputWriter(buffer.tail)
        ErrorResponse.write(
            status: status, date: date.span, requestID: requestID.span, page: page.span, keepsAlive: keepsAlive,
            headOnly: headOnly, retryAfter: status == 503 ? 1 : 0, detail: detail, into: &writer)
        let count = writer.count
        buffer.commit(count)
        stream.send(buffer)
    }

    // MARK: Closing

    /// Says FIN when all is sent, and reads on a little: closing with unread bytes would destroy the answer.
    func closeGracefully() {
        guard phase != .closed, phase != .lingering, let stream else { return }
        phase = .lingering
        closesWhenFlushed = stream.unsent > 0
        if closesWhenFlushed { stream.awaitSent() } else { shutdown(stream) }
        timer?.set(worker.loop.now + .seconds(stream.unsent == 0 ? 2 : 30))
        stream.receiveContinuously()
    }

    private func shutdown(_ stream: Stream) {
        closesWhenFlushed = false
        if isEnded || mayCloseAtOnce {
            close()
            return
        }
        stream.shutdownWrite()
        timer?.set(worker.loop.now + .seconds(2))
    }

    private func discard(_ buffer: LoopBuffer) {
        lingered += buffer.count
        worker.loop.giveBack(buffer)
        if lingered > 256 << 10 { close() }
    }

    /// Ends the session and its stream at once.
    func close() {
        guard phase != .closed else { return }
        phase = .closed
        let exchange = exchange
        self.exchange = nil
        exchange?.abandon("client_closed")
        stream?.close()
        finish()
    }

    /// Cuts the connection in the middle of an answer: the client must not take it for whole.
    func cut() {
        guard phase != .closed else { return }
        phase = .closed
        exchange = nil
        stream?.abort()
        finish()
    }

    func abort() {
        guard phase != .closed else { return }
        phase = .closed
        let exchange = exchange
        self.exchange = nil
        exchange?.abandon("shutdown")
        stream?.abort()
        finish()
    }

    /// Hands the stream to a tunnel: with what the client sent behind its request.
    func detach() -> (stream: Stream, early: LoopBuffer?)? {
        guard let stream, phase == .exchanging else { return nil }
        phase = .closed
        exchange = nil
        let early = pending
        pending = nil
        // The tunnel counts the connection on.
        worker.process.connections.add(1, ordering: .relaxed)
        finish()
        return (stream, early)
    }

    private func finish() {
        if let buffer = pending {
            pending = nil
            worker.loop.giveBack(buffer)
        }
        if worker.partialHeadOf == ObjectIdentifier(self) { worker.partialHeadOf = nil }
        timer?.invalidate()
        timer = nil
        stream = nil
        worker.remove(self)
    }

    func drain() {
        guard phase == .idle else { return }
        // A connection between two requests is closed. One that just came has its first request on the way, or in the
        // kernel already: it gets a second, and its answer.
        if hasServed { closeGracefully() } else { timer?.set(worker.loop.now + .seconds(1)) }
    }

    // MARK: Other events

    func streamEnded(_ stream: Stream) {
        isEnded = true
        switch phase {
        case .exchanging:
            // A half-closed client may still read its answer, unless its request is cut short.
            if let exchange, exchange.wantsBody { abandonExchange("client_closed") }
        case .lingering: if stream.unsent == 0 { close() }
        default: close()
        }
    }

    func stream(_ stream: Stream, sent count: Int) {
        switch phase {
        case .exchanging: exchange?.clientSent()
        case .lingering: if closesWhenFlushed, stream.unsent == 0 { shutdown(stream) }
        case .idle: if pending != nil, stream.unsent < Exchange.highWater(worker.loop) / 4 { resumePending(stream) }
        default: break
        }
    }

    func stream(_ stream: Stream, failed failure: StreamFailure) {
        if phase == .exchanging { abandonExchange("client_reset") } else { close() }
    }

    private func abandonExchange(_ reason: StaticString) {
        let exchange = exchange
        self.exchange = nil
        exchange?.abandon(reason)
        close()
    }

    func timerExpired(_ timer: LoopTimer) {
        switch phase {
        case .idle, .lingering: close()
        case .head: if pending == nil { close() } else { refuse(408, "head_timeout") }
        case .exchanging: exchange?.checkTime()
        case .closed: break
        }
    }
}
