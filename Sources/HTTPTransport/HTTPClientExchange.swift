// Owns one request of ours: its own connection, its answer piece by piece, its time limits.
public import HTTPWire
public import Proactor
internal import Topology

/// One request to one address, on a connection of its own that is closed afterwards. Belongs to its loop's thread.
///
/// Legal transitions: idle → connecting → answering → done, any → done.
public final class HTTPClientExchange {
    /// What the caller hears. All on the loop's thread, never from inside `start` or `cancel`.
    public struct Events {
        /// The connection stands.
        public var connected: () -> Void = {}
        /// The head of the final answer came; its `body` is empty.
        public var head: (HTTPResponse) -> Void = { _ in }
        /// A piece of the body came.
        public var body: ([UInt8]) -> Void = { _ in }
        /// It is over: nil when the answer is whole. Comes exactly once, unless it is cancelled.
        public var finished: (HTTPFailure?) -> Void

        public init(finished: @escaping (HTTPFailure?) -> Void) { self.finished = finished }
    }

    /// How long things may take.
    public struct Limits: Sendable {
        /// For the whole exchange; nil: without limit, for answers that are followed.
        public var whole: Duration?
        /// Without a byte from the peer, the connect counted in; nil: without limit.
        public var silence: Duration?
        /// Bytes of the answer's body.
        public var body = 64 << 20
        /// How long the peer is given to close the connection once its answer is whole, or of no interest any more; nil:
        /// no time. The side that closes first is left with a TIME_WAIT, which is many for a proxy that asks each of its
        /// endpoints every second; and a peer that is still sending would see a reset.
        public var closing: Duration?
        /// Whether a bare LF may end a line of the answer's head, as old servers send it.
        public var isLenient = false

        public init(whole: Duration?, silence: Duration? = nil) {
            self.whole = whole
            self.silence = silence
        }
    }

    private enum Phase { case idle, connecting, answering, done }

    private let loop: EventLoop
    private let request: HTTPRequest
    private let limits: Limits
    private var events: Events?
    private var phase = Phase.idle
    private var client: H1Client?
    private var timer: LoopTimer?
    private var deadline = Tick.distantFuture
    private var output = OutputQueue()
    private var received = 0

    /// - Parameter request: its `authority` is sent as `Host`; fields that frame the message are the exchange's own.
    public init(_ loop: EventLoop, _ request: HTTPRequest, limits: Limits, events: Events) {
        self.loop = loop
        self.request = request
        self.limits = limits
        self.events = events
    }

    /// Begins. Call it once.
    public func start(_ address: SocketAddress) {
        guard phase == .idle else { return }
        phase = .connecting
        guard prepare() else {
            loop.atEndOfTurn { [self] in finish(.badRequest) }
            return
        }
        let timer = loop.makeTimer(self)
        self.timer = timer
        // Not the turn's time: between turns, it is old.
        let now = loop.clock()
        if let whole = limits.whole { deadline = now + whole }
        setTimer(now)
        do throws(SystemError) {
            let client = H1Client(H1ClientContext(loop: loop), isLenient: limits.isLenient)
            client.handler = self
            self.client = client
            try client.connect(to: address)
        } catch {
            loop.atEndOfTurn { [self] in finish(.noSocket(error)) }
        }
    }

    /// Ends the exchange without a word. Does nothing when it is over.
    public func cancel() {
        events = nil
        leave(saysEnd: true)
        end(resets: true)
    }

    private func prepare() -> Bool {
        let target = request.query.isEmpty ? request.path : "\(request.path)?\(request.query)"
        guard var writer = MessageWriter(method: request.method, target: target) else { return false }
        writer.add("Host", request.authority)
        writer.add(request.fields)
        writer.add("Connection", "close")
        if !request.body.isEmpty || !["GET", "HEAD", "DELETE", "OPTIONS"].contains(request.method) {
            writer.add("Content-Length", "\(request.body.count)")
        }
        writer.end()
        output.append(writer.bytes)
        output.append(request.body)
        return true
    }

    private func setTimer(_ now: Tick) {
        let silence = limits.silence.map { now + $0 } ?? .distantFuture
        let due = min(deadline, silence)
        if due < .distantFuture { timer?.set(due) }
    }

    /// - Parameter isEnded: whether nothing more is to be read from the peer.
    private func finish(_ failure: HTTPFailure?, isEnded: Bool = false) {
        guard let events else { return }
        self.events = nil
        if !isEnded { leave(saysEnd: failure != nil) }
        end(resets: false)
        events.finished(failure)
    }

    /// Gives the peer its time to close the connection, if it has any.
    private func leave(saysEnd: Bool) {
        guard let closing = limits.closing, phase == .answering, let client, client.unsent == 0,
            let detached = client.detach()
        else { return }
        Farewell.begin(detached, loop, saysEnd: saysEnd, time: closing)
    }

    private func end(resets: Bool) {
        phase = .done
        timer?.invalidate()
        timer = nil
        if resets { client?.reset() } else { client?.cancel() }
        client = nil
        output.removeAll()
    }

    /// Sends what the connection may have.
    private func pump() {
        guard let client else { return }
        while output.count > 0, client.unsent < OutputQueue.highWater {
            let piece = output.next(loop)
            client.send(piece, isEnd: output.count == 0)
        }
        if output.count > 0 { client.awaitSent() }
    }

    private func sendHead() {
        guard let client else { return }
        let first = output.next(loop)
        client.send(
            head: first, method: request.method == "HEAD" ? .head : .get, isEnd: output.count == 0, chunkForm: .payload)
        pump()
    }
}

extension HTTPClientExchange: TimerHandler {
    public func timerExpired(_ timer: LoopTimer) {
        finish(phase == .connecting ? .connectTimedOut : .timedOut)
    }
}

extension HTTPClientExchange: ClientStreamHandler {
    public func clientStreamConnected(_ stream: any ClientStream) {
        phase = .answering
        sendHead()
        events?.connected()
    }

    public func clientStreamBegan(_ stream: any ClientStream) { setTimer(loop.now) }

    // Interim answers are skipped (RFC 9110 section 15.2); an upgrade was never asked for.
    public func clientStream(
        _ stream: any ClientStream, interim head: ResponseHead, _ bytes: Span<UInt8>, headLength: Int
    ) {
        if head.status == 101 { finish(.malformed(WireError(502, "unasked_upgrade"))) }
    }

    public func clientStream(
        _ stream: any ClientStream, responded head: ResponseHead, _ bytes: Span<UInt8>, headLength: Int,
        bodyCount: Int, isEnd: Bool
    ) {
        events?.head(HTTPResponse(status: head.status, fields: head.fields.texts(bytes)))
        // The caller may have cancelled in the meantime; then this does nothing.
        if isEnd { finish(nil) } else { client?.receive() }
    }

    public func clientStream(_ stream: any ClientStream, received piece: consuming LoopBuffer, isEnd: Bool) {
        guard phase == .answering else { return }
        setTimer(loop.now)
        received += piece.count
        // As much as is asked for, whatever comes behind it in the same piece.
        let excess = max(0, received - limits.body)
        piece.truncate(max(0, piece.count - excess))
        if !piece.isEmpty {
            var bytes: [UInt8] = []
            bytes.append(piece)
            events?.body(bytes)
        }
        if excess > 0 { return finish(.bodyTooLarge) }
        if isEnd { finish(nil) } else { client?.receive() }
    }

    public func clientStreamEnded(_ stream: any ClientStream) { finish(nil, isEnded: true) }

    public func clientStreamSent(_ stream: any ClientStream) { pump() }

    public func clientStream(_ stream: any ClientStream, failed failure: ClientStreamFailure) {
        switch failure {
        case .connect(let failure): finish(.connect(failure), isEnded: true)
        case .broken(let failure): finish(.broken(failure), isEnded: true)
        case .closed: finish(.closedEarly, isEnded: true)
        // Broken chunks look like an answer that ends too early to whoever collects it.
        case .malformed(let error): finish(received > 0 ? .closedEarly : .malformed(error))
        }
    }
}
