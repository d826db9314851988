// Owns one request of ours: its own connection, its answer piece by piece, its time limits.
internal import HTTPWire
public import Proactor
internal import Topology

/// One request to one address, on a connection of its own that is closed afterwards. Belongs to its loop's thread.
///
/// Legal transitions: idle → connecting → head → body → done, any → done. Nothing is called after done.
public final class HTTPClientExchange: StreamHandler, TimerHandler {
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
        /// Whether the connection is ended by a reset: spares the TIME_WAIT of a connection that is opened every second.
        public var endsWithReset = false
        /// Whether a bare LF may end a line of the answer's head, as old servers send it.
        public var isLenient = false

        public init(whole: Duration?, silence: Duration? = nil) {
            self.whole = whole
            self.silence = silence
        }
    }

    private enum Phase { case idle, connecting, head, body, done }

    private let loop: EventLoop
    private let request: HTTPRequest
    private let limits: Limits
    private var events: Events?
    private var phase = Phase.idle
    private var stream: Stream?
    private var timer: LoopTimer?
    private var deadline = Tick.distantFuture
    private var output = OutputQueue()
    private var input: [UInt8] = []
    private let head = ResponseHead()
    private var reader = BodyReader(.none, limit: 0)

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
        let now = EventLoop.clock()
        if let whole = limits.whole { deadline = now + whole }
        setTimer(now)
        do throws(SystemError) {
            stream = try loop.connect(to: address, handler: self)
        } catch {
            loop.atEndOfTurn { [self] in finish(.noSocket(error)) }
        }
    }

    /// Ends the exchange without a word. Does nothing when it is over.
    public func cancel() {
        events = nil
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

    // MARK: The connection

    public func streamConnected(_ stream: Stream) {
        phase = .head
        output.pump(stream)
        stream.receiveContinuously()
        events?.connected()
    }

    public func stream(_ stream: Stream, sent count: Int) { output.pump(stream) }

    public func stream(_ stream: Stream, received buffer: LoopBuffer) {
        input.append(buffer)
        loop.giveBack(buffer)
        setTimer(loop.now)
        if phase == .head { readHead() }
        if phase == .body { readBody() }
    }

    public func streamEnded(_ stream: Stream) {
        finish(phase == .body && head.framing == .untilClose ? nil : .closedEarly)
    }

    public func stream(_ stream: Stream, failed failure: StreamFailure) {
        finish(phase == .connecting ? .connect(failure) : .broken(failure))
    }

    public func timerExpired(_ timer: LoopTimer) { finish(phase == .connecting ? .connectTimedOut : .timedOut) }

    // MARK: The answer

    private func readHead() {
        let method: RequestMethod = request.method == "HEAD" ? .head : .get
        while phase == .head {
            let bytes = input
            switch ResponseHeadParser().parse(bytes.span, method: method, lenient: limits.isLenient, into: head) {
            case .needMore: return
            case .failed(let error): finish(.malformed(error))
            case .complete(let length):
                let response = HTTPResponse(status: head.status, fields: head.fields.texts(input))
                input.removeFirst(length)
                // Interim answers are skipped (RFC 9110 section 15.2); an upgrade was never asked for.
                if head.isInformational, head.status != 101 { continue }
                phase = .body
                reader = BodyReader(head.framing, limit: limits.body)
                events?.head(response)
            }
        }
    }

    private func readBody() {
        var piece: [UInt8] = []
        let outcome = reader.take(input, into: &piece)
        input.removeAll(keepingCapacity: true)
        if !piece.isEmpty { events?.body(piece) }
        // The caller may have cancelled in the meantime; then this does nothing.
        switch outcome {
        case .needMore: break
        case .complete: finish(nil)
        case .tooLarge: finish(.bodyTooLarge)
        case .malformed: finish(.closedEarly)
        }
    }

    private func finish(_ failure: HTTPFailure?) {
        guard let events else { return }
        self.events = nil
        end(resets: limits.endsWithReset)
        events.finished(failure)
    }

    private func end(resets: Bool) {
        phase = .done
        timer?.invalidate()
        timer = nil
        if resets { stream?.abort() } else { stream?.close() }
        stream = nil
        input = []
        output.removeAll()
    }
}
