// Owns one connection between two members: its socket, its TLS, its frames, and when it is of no more use.
internal import Proactor
internal import Raft
internal import TLS
internal import Topology
internal import Transport

/// What a connection tells the transport. Never from inside a call to the connection, but for its end.
protocol PeerConnectionOwner: AnyObject {
    /// Whether the peer may talk to this node; its certificate was compared with its name already.
    func judge(_ hello: PeerHello, on connection: PeerConnection) -> PeerRefusal?
    /// Whether the configuration that this node knows names another incarnation of the peer.
    func isForeign(_ peer: PeerIdentity) -> Bool
    func opened(_ connection: PeerConnection)
    func connection(_ connection: PeerConnection, received message: RaftMessage)
    func connection(_ connection: PeerConnection, received request: PeerRequest)
    func closed(_ connection: PeerConnection, _ end: PeerConnection.End)
}

/// A connection that this node made or accepted. Belongs to the loop.
///
/// Phases: connecting → securing → greeting → open → refusing → closed; every phase may go to closed, and those from
/// securing to open to refusing. Without TLS there is no securing. The side that connected says hello, the other welcome.
final class PeerConnection: StreamHandler, TimerHandler {
    enum Phase: Hashable { case connecting, securing, greeting, open, refusing, closed }

    enum Role: Hashable {
        /// It was made to reach this member, in this lane.
        case dialer(PeerContact, PeerLaneKind)
        case acceptor
    }

    /// Why it ended.
    enum End: Hashable {
        /// This side wanted it, or was told to.
        case finished
        case failed(String)
        /// The peer refused this side.
        case refused(PeerRefusal)
        /// This side refused the peer.
        case rejected(PeerRefusal)

        /// For log lines.
        var words: String {
            switch self {
            case .finished: "finished"
            case .failed(let text): text
            case .refused(let refusal): "it refuses this node: \(refusal.text)"
            case .rejected(let refusal): refusal.text
            }
        }
    }

    struct OpenCall {
        var deadline: Tick
        var isSent: Bool
        var finish: (PeerCallOutcome) -> Void
    }

    let environment: PeerEnvironment
    let role: Role
    weak var owner: (any PeerConnectionOwner)?
    var phase: Phase
    /// Who the peer is, once it has said so.
    var peer: PeerIdentity?
    var lane: PeerLaneKind
    /// The peer's address, for log lines.
    private(set) var remote: String
    var counters: PeerCounters?
    var stream: ByteStream?
    private var reader: FrameReader
    var queue: PeerQueue
    private var isPumping = false
    private var timer: LoopTimer?
    /// Until when the phase must be over.
    var phaseDeadline: Tick
    private var lastSign: Tick
    private var nextPing = Tick.distantFuture
    var pingSent: UInt64 = 0
    var openCalls: [UInt64: OpenCall] = [:]
    var lastCall: UInt64 = 0
    /// Requests of the peer that are not answered yet.
    var requestsOpen = 0
    var loop: EventLoop { environment.loop }
    var limits: PeerLimits { environment.limits }

    init(_ role: Role, environment: PeerEnvironment, owner: any PeerConnectionOwner, remote: String) {
        self.role = role
        self.environment = environment
        self.owner = owner
        self.remote = remote
        if case .dialer(_, let kind) = role { lane = kind } else { lane = .urgent }
        phase = .connecting
        let limits = environment.limits
        reader = FrameReader(limit: limits.greetingBytes)
        queue = PeerQueue(limit: limits.queueMessages, byteLimit: limits.queueBytes(lane))
        lastSign = environment.loop.now
        phaseDeadline = environment.loop.now + limits.connectTimeout
    }

    /// The name under which log lines speak of the peer.
    var name: String {
        if case .dialer(let contact, _) = role { return "\(contact.id) (\(remote))" }
        return peer.map { "\($0.node) (\(remote))" } ?? remote
    }

    /// Whether something came or went lately: the peer pings each second.
    var isAlive: Bool { phase == .open && loop.now - lastSign < limits.pingInterval * 2 }

    // MARK: Beginning

    /// Begins to connect.
    func connect(to address: SocketAddress) {
        timer = loop.makeTimer(self)
        setTimer()
        do {
            stream = try ByteStream.connect(to: address, on: loop, session: newSession(), handler: self)
        } catch {
            close(.failed("\(error)"))
        }
    }

    /// Takes over a connection that was accepted.
    func adopt(_ connection: AcceptedConnection) {
        timer = loop.makeTimer(self)
        do {
            let stream = try ByteStream.adopt(connection, on: loop, session: newSession(), handler: self)
            self.stream = stream
            let address = stream.peerAddress
            remote = address?.description ?? "somebody who has gone"
            // Without TLS nobody's name is proved, so only this machine is trusted.
            guard environment.tls != nil || address?.isLoopback == true else {
                return close(.failed("it is not on loopback, and cluster.tls is not set"))
            }
            if stream.isConnected { begin(on: stream) } else { secure() }
        } catch {
            close(.failed("\(error)"))
        }
    }

    private func newSession() throws -> TLSSession? {
        guard let tls = environment.tls else { return nil }
        return try TLSSession(role == .acceptor ? tls.server : tls.client)
    }

    /// TCP stands, and TLS does not yet.
    private func secure() {
        phase = .securing
        phaseDeadline = loop.now + limits.greetingTimeout
        setTimer()
    }

    func streamConnected(_: Stream) {
        if let stream { begin(on: stream) }
    }

    private func begin(on stream: ByteStream) {
        stream.setUserTimeout(limits.silenceLimit)
        // The time for the greeting includes that of TLS.
        if phase != .securing { phaseDeadline = loop.now + limits.greetingTimeout }
        lastSign = loop.now
        if let refusal = secured() { refuse(refusal) }
        guard phase != .closed else { return }
        setTimer()
        receive()
    }

    // MARK: Receiving

    private func receive() { stream?.receiveOnce(large: phase == .open && lane == .bulk) }

    func stream(_: Stream, received buffer: consuming LoopBuffer) {
        lastSign = loop.now
        counters?.bytesReceived += UInt64(buffer.count)
        guard phase != .refusing else { return receive() }
        var frames: [[UInt8]] = []
        let problem = cut(buffer.bytes, into: &frames)
        for frame in frames where phase != .closed { received(frame) }
        if let problem, phase != .closed { refuse(problem) }
        if phase != .closed { receive() }
    }

    private func cut(_ bytes: Span<UInt8>, into frames: inout [[UInt8]]) -> PeerRefusal? {
        var place = 0
        do throws(FrameReader.Oversized) {
            while let frame = try reader.next(bytes, from: &place) { frames.append(frame) }
            return nil
        } catch {
            let isTLS = phase == .greeting && stream?.isSecure == false && error.isTLS
            let text =
                isTLS
                ? "it speaks TLS, and cluster.tls of \(environment.identity.node) is not set"
                : "a frame of \(error.announced) bytes was announced, where \(error.limit) are the limit"
            return PeerRefusal(.malformed, text)
        }
    }

    private func received(_ bytes: [UInt8]) {
        do throws(PeerCodecError) {
            let frame = try PeerCodec.decode(bytes)
            switch phase {
            case .greeting: greet(frame)
            case .open: converse(frame)
            // What comes after a refusal is of no interest, and nothing can come before TLS.
            case .refusing, .connecting, .securing, .closed: break
            }
        } catch {
            refuse(PeerRefusal(.malformed, error.description))
        }
    }

    func streamEnded(_: Stream) { close(phase == .refusing ? .finished : .failed("it closed the connection")) }

    func stream(_: Stream, failed failure: StreamFailure) {
        switch failure {
        case .refused: close(.failed("nobody listens there"))
        case .reset: close(.failed("the connection was reset"))
        case .unreachable: close(.failed("it cannot be reached"))
        case .exhausted: close(.failed("this process has no room for a connection"))
        case .truncated: close(.failed("the connection was cut"))
        case .insecure: loseTrust()
        case .notPermitted: close(.failed("nothing may be written"))
        case .other(let code): close(.failed(SystemError(code: code, action: "connection").description))
        }
    }

    /// TLS has failed. The alert that tells the peer why is on its way, and closing at once could destroy it.
    private func loseTrust() {
        let words = stream?.tlsFailure?.description ?? "TLS failed"
        guard let stream, phase != .refusing else { return close(.failed(words)) }
        linger(.failed(words))
        stream.shutdownWrite()
        receive()
    }

    // MARK: Sending

    /// Sends what waits at the end of this turn, so that all frames of a turn go in one piece.
    func schedulePump() {
        guard !isPumping, phase == .open else { return }
        isPumping = true
        loop.atEndOfTurn { [weak self] in self?.pump() }
    }

    private func pump() {
        isPumping = false
        guard phase == .open, let stream else { return }
        while stream.unsent < limits.windowBytes {
            var batch: [UInt8] = []
            while batch.count < 64 << 10, let item = queue.next() {
                if let bytes = encode(item) { batch.append(contentsOf: bytes) }
            }
            if batch.isEmpty { break }
            transmit(batch)
        }
        counters?.messagesDropped += queue.takeDropped()
    }

    /// Sends bytes that are whole frames.
    func transmit(_ bytes: [UInt8]) {
        guard let stream, phase != .closed else { return }
        counters?.bytesSent += UInt64(bytes.count)
        var place = 0
        while place < bytes.count {
            var buffer = loop.allocate(min(bytes.count - place, 64 << 10))
            let taken = buffer.append(bytes.span.extracting(place..<min(place + (64 << 10), bytes.count)))
            guard taken > 0 else { return }
            place += taken
            stream.send(buffer)
        }
    }

    func stream(_: Stream, sent count: Int) {
        guard let stream else { return }
        lastSign = loop.now
        if phase == .open, !queue.isEmpty, stream.unsent < limits.windowBytes { schedulePump() }
        if phase == .refusing, stream.unsent == 0 { stream.shutdownWrite() }
    }

    // MARK: Time

    func timerExpired(_ timer: LoopTimer) {
        if phase == .open {
            if loop.now - lastSign >= limits.silenceLimit { return close(.failed("it is silent")) }
            if loop.now >= nextPing, case .dialer = role { ping() }
            expireCalls()
        } else if loop.now >= phaseDeadline {
            // TLS has its own time from where TCP stands.
            if phase == .connecting, stream?.stream.isConnected == true { return secure() }
            return close(phase == .refusing ? .finished : .failed("no answer in time"))
        }
        if phase != .closed { setTimer() }
    }

    func setTimer() {
        guard phase == .open else {
            timer?.set(phaseDeadline)
            return
        }
        var due = lastSign + limits.silenceLimit
        if nextPing < due, case .dialer = role { due = nextPing }
        for call in openCalls.values where call.deadline < due { due = call.deadline }
        timer?.set(due)
    }

    private func ping() {
        nextPing = loop.now + limits.pingInterval
        pingSent = UInt64(bitPattern: loop.clock().nanoseconds)
        enqueue(.ping(pingSent))
    }

    // MARK: Ending

    /// The greeting is over: frames may be as large as they get, and the first ping goes out.
    func enterOpen() {
        phase = .open
        reader.limit = limits.frameBytes
        nextPing = loop.now
        setTimer()
    }

    /// Tells the peer why, and closes when it has heard it.
    func refuse(_ refusal: PeerRefusal) {
        guard phase != .closed, phase != .refusing else { return }
        let wasTold = phase == .greeting || phase == .open
        guard wasTold else { return close(.rejected(refusal)) }
        if let bytes = try? PeerCodec.encode(.refusal(refusal), to: environment.identity.node, limit: 8 << 10) {
            transmit(bytes)
        }
        if let stream, stream.unsent > 0 { linger(.rejected(refusal)) } else { close(.rejected(refusal)) }
    }

    /// Ends it for everybody here, and closes it when the peer has heard what was sent, or after a second.
    private func linger(_ end: End) {
        guard phase != .closed else { return }
        phase = .refusing
        phaseDeadline = loop.now + .seconds(1)
        setTimer()
        abandon(end)
    }

    /// Ends it. The owner hears of it unless it has heard before.
    func close(_ end: End) {
        guard phase != .closed else { return }
        phase = .closed
        timer?.invalidate()
        timer = nil
        stream?.close()
        stream = nil
        abandon(end)
    }

    /// Lets go of all that others wait for, and of the owner.
    private func abandon(_ end: End) {
        queue.removeAll()
        counters?.messagesDropped += queue.takeDropped()
        let calls = openCalls
        openCalls = [:]
        for number in calls.keys.sorted() {
            guard let call = calls[number] else { continue }
            call.finish(call.isSent ? .unknown("the connection ended: \(end.words)") : .notSent(end.words))
        }
        let owner = owner
        self.owner = nil
        owner?.closed(self, end)
    }
}
