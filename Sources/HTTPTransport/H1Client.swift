// Owns one HTTP/1 connection to a backend: one request at a time, idle in between.
public import HTTPWire
public import Proactor
public import Topology
internal import Transport

/// Who keeps the connections to a backend.
public protocol H1ClientOwner: AnyObject {
    /// The connection stands and is idle: it may carry a request.
    ///
    /// - Returns: whether it is kept; else it is closed.
    func clientIdle(_ client: H1Client) -> Bool
    /// It is closed or was given away. Called once, and last.
    func clientClosed(_ client: H1Client)
}

/// A connection of HTTP/1 to a backend, which is also the stream of the one request that is under way on it.
///
/// Legal transitions: connecting → ready → head → body → idle → ready, any → closed.
public final class H1Client: ClientStream, StreamHandler {
    /// Used where it is held, as a `Wire` is.
    private struct Owner: ~Copyable {
        let owner: any H1ClientOwner
    }

    enum Phase: UInt8 { case connecting, ready, head, body, idle, closed }

    let loop: EventLoop
    let context: H1ClientContext
    /// Who hears of the answer.
    public var handler: (any ClientStreamHandler)?
    /// Held until the connection is closed.
    public var owner: (any H1ClientOwner)? {
        get {
            switch held {
            case .some(let held): held.owner
            case .none: nil
            }
        }
        set { if let newValue { held = Owner(owner: newValue) } else { held = nil } }
    }
    private var held: Owner?
    var wire: Wire?
    var phase = Phase.connecting
    /// Whether it has carried a request before; then a reset may mean no more than that the backend had enough.
    public private(set) var isReused = false
    /// Whether a bare LF may end a line of a head.
    public let isLenient: Bool
    var method = RequestMethod.get
    var chunkForm = BodyForm.framed
    /// Whether all of the request was sent.
    var isRequestComplete = false
    /// Whether the backend keeps the connection, and everything on it was in order.
    var keepsAlive = false
    /// Whether the handler wants no more for now.
    var isPaused = false
    /// Received bytes are being handed over: what is asked for meanwhile is done afterwards.
    var isDispatching = false
    /// Whether the answer's body is long enough for large buffers.
    var receivesLarge = false
    /// Bytes of this answer's body.
    var bodyBytes = 0
    /// Bytes received and not used yet.
    var pending: LoopBuffer?
    var body = BodyFollower()
    /// Seconds that the backend says it keeps an idle connection; nil: it says nothing.
    public internal(set) var offeredIdle: Int?

    /// - Parameter isLenient: whether a bare LF may end a line of a head (`responses: lenient`).
    public init(_ context: H1ClientContext, isLenient: Bool = false) {
        loop = context.loop
        self.context = context
        self.isLenient = isLenient
    }

    /// Begins to connect.
    ///
    /// - Throws: when no socket can be had; nothing more will happen then.
    public func connect(to address: SocketAddress) throws(SystemError) {
        stream = ByteStream(try loop.connect(to: address, handler: self))
    }

    /// Asked before anything is written; nil: it may always be.
    public var writePermit: (any WritePermit)? {
        get { stream?.writePermit }
        set { stream?.writePermit = newValue }
    }

    /// How long sent bytes may stay unacknowledged before the kernel gives the connection up.
    public func setUserTimeout(_ timeout: Duration) { stream?.setUserTimeout(timeout) }

    public var unsent: Int {
        switch wire {
        case .some(let wire): wire.stream.unsent
        case .none: 0
        }
    }

    var stream: ByteStream? {
        get {
            switch wire {
            case .some(let wire): wire.stream
            case .none: nil
            }
        }
        set { if let newValue { wire = Wire(stream: newValue) } else { wire = nil } }
    }

    /// Whether it waits for a request.
    public var isIdle: Bool { phase == .idle }

    // MARK: A request

    /// Takes it out of idleness.
    public func lease(_ handler: any ClientStreamHandler) {
        self.handler = handler
        isReused = true
        phase = .ready
    }

    public func send(head: consuming LoopBuffer, method: RequestMethod, isEnd: Bool, chunkForm: BodyForm) {
        guard phase == .ready, wire != nil else { return }
        phase = .head
        self.method = method
        self.chunkForm = chunkForm
        isRequestComplete = isEnd
        keepsAlive = false
        isPaused = false
        receivesLarge = false
        bodyBytes = 0
        switch wire {
        case .some(let wire): wire.stream.send(head, isAwaited: false)
        case .none: break
        }
    }

    public func send(_ piece: consuming LoopBuffer, isEnd: Bool) {
        if isEnd { isRequestComplete = true }
        stream?.send(piece)
    }

    public var takesPipes: Bool { stream?.takesPipes ?? false }

    public func awaitSent() { stream?.awaitSent() }

    // MARK: Endings

    public func release() {
        let isSent = isRequestComplete || HTTPMutation.seeds(.poolsHalfSentRequest)
        guard phase == .body, keepsAlive, isSent, pending == nil, isQuiescent else { return cancel() }
        handler = nil
        phase = .idle
        switch wire {
        case .some(let wire): wire.stream.receiveContinuously()
        case .none: break
        }
        let isKept =
            switch held {
            case .some(let held): held.owner.clientIdle(self)
            case .none: false
            }
        if !isKept { close() }
    }

    /// Whether its stream is open and has sent everything.
    private var isQuiescent: Bool {
        switch wire {
        case .some(let wire): wire.stream.isOpen && (wire.stream.unsent == 0 || HTTPMutation.seeds(.poolsUnsent))
        case .none: false
        }
    }

    public func cancel() {
        handler = nil
        close()
    }

    public func reset() {
        guard phase != .closed else { return }
        handler = nil
        stream?.abort()
        leave()
    }

    /// Closes it, whatever it does.
    public func close() {
        guard phase != .closed else { return }
        stream?.close()
        leave()
    }

    public func detach() -> DetachedStream? {
        guard let stream, phase != .closed else { return nil }
        handler = nil
        let early = pending.take()
        leave()
        return DetachedStream(stream, early: early)
    }

    private func leave() {
        phase = .closed
        stream = nil
        pending = nil
        owner?.clientClosed(self)
        owner = nil
    }
}

extension H1Client {
    /// The time at the beginning of the loop's turn.
    public var now: Tick { loop.now }

    /// Whether the kernel knows of nothing that came from the backend: no byte, no end.
    public var isQuiet: Bool { stream?.isQuiet ?? false }
}
