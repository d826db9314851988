// Owns what lies between a socket and its protocol under TLS: the handshake, both ways of bytes, and both kinds of end.
internal import Proactor
internal import TLS
internal import Topology

/// Hears a socket and speaks to a protocol's handler, with a session between them.
///
/// Life: handshaking → open → broken, or until the stream is closed. What the socket brings is fed to the session at once;
/// it is decrypted only while the protocol wants bytes, so that a pause keeps at most what one receive brought. Broken:
/// what still arrives is dropped. After a second without bytes the session is parked: it holds no memory for records then.
final class TLSLayer: StreamHandler {
    /// What the protocol wants.
    enum Wish: Equatable {
        case none
        case continuous
        case once(large: Bool)
    }

    let session: TLSSession
    var handler: (any StreamHandler)?
    /// Whether the handshake is over.
    private(set) var isConnected = false
    /// Why the session is of no more use.
    private(set) var failure: TLSFailure?
    private var wish = Wish.none
    /// Whether the session may have something to read: bytes, an end or a failure.
    private var hasUnread = false
    /// Whether the protocol's handler is at work in a delivery, which goes on by itself.
    private var isDelivering = false
    private var isScheduled = false
    private var early: LoopBuffer?
    /// Whether the handler waits to be told that all is with the kernel, whosever it is.
    private var isAwaited = false
    private var marks = SendMarks()
    /// Whether the end of this side's bytes was said.
    private var saidEnd = false
    /// Whether FIN follows once all bytes are with the kernel.
    private var sendsFIN = false

    let parking: SessionParking

    init(_ session: TLSSession, handler: any StreamHandler) {
        self.session = session
        self.handler = handler
        parking = SessionParking(session)
    }

    // MARK: The handshake

    func streamConnected(_ stream: Stream) { begin(stream) }

    /// - Parameter early: what was received before, of a stream that had another protocol until now.
    func begin(_ stream: Stream, early: consuming LoopBuffer? = nil) {
        session.attach(to: stream.loop)
        if case .failed(let failure) = session.advance() { return failLater(failure, stream) }
        flush(stream)
        self.early = early
        guard self.early != nil else { return stream.receiveContinuously() }
        // Nothing is told inside a call.
        stream.loop.atEndOfTurn { [self] in takeEarly(stream) }
    }

    private func takeEarly(_ stream: Stream) {
        guard stream.isOpen, let early = early.take() else { return }
        self.stream(stream, received: early)
        if !isConnected, failure == nil { stream.receiveContinuously() }
    }

    /// Goes on with the handshake by what was fed.
    private func shakeHands(_ stream: Stream) {
        switch session.advance() {
        case .handshaking: flush(stream)
        case .failed(let failure): fail(failure, stream)
        case .open, .ended:
            isConnected = true
            // The peer's first bytes may have come together with the end of its handshake.
            hasUnread = true
            flush(stream)
            isDelivering = true
            handler?.streamConnected(stream)
            isDelivering = false
            deliver(stream)
        }
    }

    // MARK: Receiving

    func receive(_ wish: Wish, on stream: Stream) {
        self.wish = wish
        guard stream.isOpen, !isDelivering, isConnected || failure != nil else { return }
        if wish != .none, hasUnread, failure == nil { schedule(stream) } else { arm(stream) }
    }

    /// Delivers what is unread, but not inside the call that asks for it.
    private func schedule(_ stream: Stream) {
        guard !isScheduled else { return }
        isScheduled = true
        stream.loop.atEndOfTurn { [self] in
            isScheduled = false
            deliver(stream)
        }
    }

    /// Has the socket bring what the wish needs.
    private func arm(_ stream: Stream) {
        switch wish {
        case .none: stream.pauseReceiving()
        case .continuous: stream.receiveContinuously()
        case .once(let large): stream.receiveOnce(large: large)
        }
    }

    func stream(_ stream: Stream, received buffer: consuming LoopBuffer) {
        parking.note(stream.loop)
        if failure == nil {
            // What is not read at once may stay for as long as the protocol likes.
            session.feed(wish == .none ? stream.loop.holdable(buffer) : buffer)
            hasUnread = true
        }
        if !isConnected, failure == nil { shakeHands(stream) } else { deliver(stream) }
    }

    /// Reads and hands on for as long as bytes are wanted and there.
    private func deliver(_ stream: Stream) {
        isDelivering = true
        while wish != .none, hasUnread, failure == nil, stream.isOpen { deliverOne(stream) }
        isDelivering = false
        if stream.isOpen, isConnected || failure != nil { arm(stream) }
    }

    /// Hands on one buffer, or what came in place of bytes.
    private func deliverOne(_ stream: Stream) {
        var buffer = stream.loop.allocate(wish == .once(large: true) ? 64 << 10 : 16 << 10)
        let reading = fill(&buffer)
        hasUnread = reading != .nothing
        // An answer that the protocol below has to give, to an update of keys for example. An alert goes with its failure.
        if session.isIntact { flush(stream) }
        if !buffer.isEmpty {
            if wish != .continuous { wish = .none }
            handler?.stream(stream, received: buffer)
        }
        // Whoever wants nothing more for now is told later: the session says it again.
        guard wish != .none, stream.isOpen else { return }
        switch reading {
        case .bytes, .nothing: break
        case .ended:
            wish = .none
            handler?.streamEnded(stream)
        case .failed(let failure): fail(failure, stream)
        }
    }

    /// Reads plaintext until the buffer is full or there is none.
    private func fill(_ buffer: inout LoopBuffer) -> TLSSession.Reading {
        var reading = TLSSession.Reading.bytes(0)
        while buffer.free > 0, case .bytes = reading {
            var room = buffer.tail
            reading = session.read(into: &room)
            guard case .bytes(let count) = reading else { break }
            buffer.commit(count)
            // To ask OpenSSL would cost as much as a small record.
            if session.isDrained { return .nothing }
        }
        return reading
    }

    // MARK: Sending

    func send(_ buffer: consuming LoopBuffer, on stream: Stream, isAwaited: Bool, isLast: Bool) {
        guard isConnected, failure == nil, !saidEnd, stream.isOpen, !buffer.isEmpty else { return }
        parking.note(stream.loop)
        let count = buffer.count
        let taken = session.write(buffer.bytes)
        if isLast { sayEnd() }
        flush(stream, plaintext: count, isAwaited: isAwaited, isLast: isLast)
        if taken < count { failLater(TLSFailure(.internalError, "TLS: it takes no more"), stream) }
    }

    /// Sends all ciphertext that waits.
    ///
    /// - Parameter plaintext: what the handler is told once all of it is with the kernel; 0: nothing.
    private func flush(_ stream: Stream, plaintext: Int = 0, isAwaited: Bool = true, isLast: Bool = false) {
        var buffers = 0
        while let buffer = session.takeOutput() {
            buffers += 1
            let isLastPart = isLast && session.outputCount == 0
            stream.sendBelow(buffer, isAwaited: isAwaited, isLast: isLastPart)
        }
        if buffers > 0 { marks.append(plaintext: plaintext, buffers: buffers) }
    }

    func stream(_ stream: Stream, sent count: Int) {
        if let plaintext = marks.noteSent() {
            handler?.stream(stream, sent: plaintext)
        } else if isAwaited, stream.unsent == 0 {
            // The session's own words, a ticket say, were the last that the handler saw unsent.
            isAwaited = false
            handler?.stream(stream, sent: 0)
        }
        if sendsFIN, stream.unsent == 0 { finish(stream) }
    }

    func awaitSent(_ stream: Stream) {
        isAwaited = true
        stream.awaitSent()
    }

    // MARK: Ending

    private func sayEnd() {
        guard isConnected, !saidEnd else { return }
        saidEnd = true
        session.shutdown()
    }

    func shutdownWrite(_ stream: Stream) {
        guard stream.isOpen else { return }
        if failure == nil { sayEnd() }
        flush(stream, isLast: true)
        sendsFIN = true
        if stream.unsent == 0 { finish(stream) }
    }

    private func finish(_ stream: Stream) {
        sendsFIN = false
        stream.shutdownWrite()
    }

    func close(_ stream: Stream) {
        handler = nil
        wish = .none
        defer {
            parking.end()
            session.discard()
        }
        // An end that is said behind a gap would call what the peer has whole.
        guard stream.isOpen, stream.unsent == 0, failure == nil else { return stream.close() }
        sayEnd()
        guard let words = session.takeOutput() else { return stream.close() }
        stream.close(saying: words)
    }

    func abort(_ stream: Stream) {
        handler = nil
        parking.end()
        session.discard()
        stream.abort()
    }

    func streamEnded(_ stream: Stream) {
        wish = .none
        if failure != nil || session.state == .ended {
            handler?.streamEnded(stream)
        } else {
            handler?.stream(stream, failed: .truncated)
        }
    }

    func stream(_ stream: Stream, failed failure: StreamFailure) {
        wish = .none
        handler?.stream(stream, failed: failure)
    }

    /// Nothing is told inside a call.
    private func failLater(_ failure: TLSFailure, _ stream: Stream) {
        stream.loop.atEndOfTurn { [self] in fail(failure, stream) }
    }

    /// The session is broken: the peer is told why, if at all, by an alert; then the handler.
    private func fail(_ failure: TLSFailure, _ stream: Stream) {
        guard self.failure == nil, stream.isOpen else { return }
        self.failure = failure
        wish = .none
        stream.pauseReceiving()
        // At once: most handlers close, and would drop what waits.
        if stream.unsent == 0, var alert = session.takeOutput() {
            alert.consume(stream.sendAtOnce(alert))
            stream.sendBelow(alert)
            if stream.unsent > 0 { marks.append(plaintext: 0, buffers: 1) }
        }
        flush(stream)
        handler?.stream(stream, failed: .insecure)
    }
}
