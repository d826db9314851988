// Owns one client's HTTP/1 connection: heads come in, answers go out, one after the other.
internal import HTTPWire
public import Proactor
public import Topology
public import Transport

/// A connection of HTTP/1, which is also the stream of the one request that is under way on it.
///
/// Legal transitions: idle → head → exchanging → idle, idle → exchanging, any → flushing → lingering → closed, any →
/// closed, exchanging → closed when the connection is given away.
public final class H1Server: ServerStream, StreamHandler, TimerHandler {
    enum Phase: UInt8 { case idle, head, exchanging, flushing, lingering, closed }

    /// What it is to do, or has seen; one byte of a connection that may be idle for long.
    struct Flags: OptionSet {
        let rawValue: UInt16
        /// The client has said FIN.
        static let isEnded = Flags(rawValue: 1)
        /// A request was answered on it.
        static let hasServed = Flags(rawValue: 2)
        /// Received bytes are being handed over: what is asked for meanwhile is done afterwards.
        static let isDispatching = Flags(rawValue: 4)
        /// The handler asked for the request's body.
        static let wantsBody = Flags(rawValue: 8)
        static let isBodyComplete = Flags(rawValue: 16)
        /// The client speaks HTTP/1.0.
        static let isOldClient = Flags(rawValue: 32)
        /// The connection stays for another request.
        static let keepsAlive = Flags(rawValue: 64)
        static let isHead = Flags(rawValue: 128)
        /// The client said that this is its last request.
        static let isLastRequest = Flags(rawValue: 256)
        /// Nothing more will come, so that no unread byte can make the kernel reset the connection.
        static let mayCloseAtOnce = Flags(rawValue: 512)
        /// Bytes lie behind the head that is being handed over.
        static let hasMore = Flags(rawValue: 1024)
        /// Its listener is gone or was moved.
        static let endsAfterAnswer = Flags(rawValue: 2048)
        /// An upgrade was asked for: what the client sends behind it may be of another protocol.
        static let wantsUpgrade = Flags(rawValue: 4096)
    }

    let loop: EventLoop
    let context: H1ServerContext
    /// Who answers the request that is under way.
    public var handler: (any ServerStreamHandler)?
    let listener: any HTTPServerDelegate
    var wire: Wire?
    var timer: LoopTimer?
    /// Its place in the context's list.
    var position = 0
    var phase = Phase.idle
    var flags: Flags = []
    /// How the answer's body goes out.
    var transfer = BodyTransfer.verbatim
    /// Bytes that were read and dropped after the last answer.
    var lingered: Int32 = 0
    /// How far the head that is incomplete was searched for its end.
    var searched: Int32 = 0
    /// Bytes received and not used yet: a part of a head, a body that nobody wants yet, or what came behind a request.
    var pending: LoopBuffer?
    /// The head of an answer that waits for the first piece of its body, to go out with it.
    var corked: LoopBuffer?
    var body = BodyFollower()
    /// When the head's first byte came, or the last byte of an answer was with the kernel.
    var since = Tick.zero
    private var knownPeer: IPAddress?
    private var isPeerKnown = false

    /// Takes over a connection.
    ///
    /// - Parameters:
    ///   - peer: who the client is, when a proxy before this one has said so; nil: whoever is connected.
    ///   - early: bytes that were received already.
    /// - Returns: nil when the loop could not take one more connection.
    @discardableResult
    public static func begin(
        _ connection: consuming AcceptedConnection, _ context: H1ServerContext, _ delegate: any HTTPServerDelegate
    ) -> H1Server? {
        let server = H1Server(context, delegate)
        guard let stream = try? context.loop.adopt(connection, handler: server) else { return nil }
        server.start(ByteStream(stream), early: nil)
        return server
    }

    /// Takes over a connection that has spoken another protocol before.
    @discardableResult
    public static func begin(
        _ stream: ByteStream, peer: IPAddress?, early: consuming LoopBuffer?, _ context: H1ServerContext,
        _ delegate: any HTTPServerDelegate
    ) -> H1Server {
        let server = H1Server(context, delegate)
        server.knownPeer = peer
        server.isPeerKnown = true
        stream.setHandler(server)
        server.start(stream, early: early)
        return server
    }

    private init(_ context: H1ServerContext, _ delegate: any HTTPServerDelegate) {
        loop = context.loop
        self.context = context
        listener = delegate
    }

    private func start(_ stream: ByteStream, early: consuming LoopBuffer?) {
        self.stream = stream
        let timer = loop.makeTimer(self)
        self.timer = timer
        context.add(self)
        since = loop.now
        timer.set(since.adding(nanoseconds: min(context.limits.idle, context.limits.head)))
        stream.receiveContinuously()
        pending = early
        if pending != nil { advance() }
    }

    /// Worked out at the first request.
    public var peer: IPAddress? {
        if !isPeerKnown {
            isPeerKnown = true
            knownPeer = stream?.peerAddress?.ipAddress
        }
        return knownPeer
    }

    public var isSecure: Bool {
        switch wire {
        case .some(let wire): wire.stream.isSecure
        case .none: false
        }
    }

    public var unsent: Int {
        let queued =
            switch wire {
            case .some(let wire): wire.stream.unsent
            case .none: 0
            }
        return queued + (corked?.count ?? 0)
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

    @inline(__always)
    func send(_ buffer: consuming LoopBuffer, isAwaited: Bool, isLast: Bool) {
        switch wire {
        case .some(let wire): wire.stream.send(buffer, isAwaited: isAwaited, isLast: isLast)
        case .none: break
        }
    }

    @inline(__always)
    func receiveContinuously() {
        switch wire {
        case .some(let wire): wire.stream.receiveContinuously()
        case .none: break
        }
    }

    // A chunked answer passes as it came where the client knows chunks.
    public var chunkForm: BodyForm { flags.contains(.isOldClient) ? .payload : .framed }

    var isKept: Bool { flags.contains(.keepsAlive) && !isEnding }

    /// Whether the next answer is the last one, whatever the client wants.
    private var isEnding: Bool {
        !HTTPMutation.seeds(.servesWhileDraining) && (context.isDraining || flags.contains(.endsAfterAnswer))
    }
}
