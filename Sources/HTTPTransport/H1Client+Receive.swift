// Owns what comes from a backend on an HTTP/1 connection: interim answers, the answer, its body, its end.
internal import HTTPWire
public import Proactor
internal import Transport

extension H1Client {
    /// Bytes of a body that are still to come from which on large buffers are worth it.
    private static let longBody: UInt64 = 48 << 10

    public func streamConnected(_ stream: Stream) {
        phase = .ready
        self.stream?.receiveContinuously()
        handler?.clientStreamConnected(self)
    }

    public func stream(_ stream: Stream, received buffer: consuming LoopBuffer) {
        switch phase {
        case .head, .body:
            if pending == nil { pending = consume buffer } else { append(buffer) }
            advance()
        // Bytes that nobody asked for: whatever they are, they answer no request.
        case .ready, .idle: if !HTTPMutation.seeds(.ignoresUnaskedBytes) { unasked() }
        case .connecting, .closed: break
        }
    }

    private func unasked() {
        if handler == nil { close() } else { fail(.malformed(WireError.unasked)) }
    }

    /// Adds bytes to those that wait, in a buffer that can hold the largest head.
    private func append(_ buffer: consuming LoopBuffer) {
        guard var whole = pending.take() else { return }
        if whole.free < buffer.count || !whole.isSlab {
            var larger = loop.allocate(whole.count + buffer.count)
            larger.append(whole)
            whole = larger
        }
        let isLost = whole.append(buffer) < buffer.count
        pending = consume whole
        if isLost { fail(.malformed(WireError.headTooLarge)) }
    }

    /// Goes on with what has come, as far as it goes and the handler wants it.
    func advance() {
        guard !isDispatching else { return }
        isDispatching = true
        while !isPaused || HTTPMutation.seeds(.readsWhilePaused), pending != nil, step(context) {}
        isDispatching = false
        guard isPaused, let waiting = pending.take() else { return }
        // What nobody wants yet may wait as long as the client likes.
        pending = loop.holdable(waiting)
    }

    /// - Parameter context: its own; passed, because what a constant's constant holds would be counted.
    private func step(_ context: H1ClientContext) -> Bool {
        switch phase {
        case .head: return readHead(context)
        case .body: return readBody()
        case .connecting, .ready, .idle, .closed: return false
        }
    }

    // MARK: Heads

    @inline(__always)
    private func readHead(_ context: H1ClientContext) -> Bool {
        guard let handler, let buffer = pending.take() else { return false }
        handler.clientStreamBegan(self)
        return parse(buffer, handler, context)
    }

    @inline(__always)
    private func parse(
        _ buffer: consuming LoopBuffer, _ handler: any ClientStreamHandler, _ context: H1ClientContext
    ) -> Bool {
        let head = context.head
        // A partial head is rare enough to be searched again from its beginning.
        head.reset()
        let outcome = context.parser.parse(buffer.bytes, method: method, lenient: isLenient, into: head)
        switch outcome {
        case .complete(let length):
            if head.isInformational {
                interim(head, buffer, length, handler)
            } else {
                respond(head, buffer, length, handler)
            }
            return true
        case .needMore: pending = loop.holdable(buffer)
        case .failed(let error): fail(.malformed(error))
        }
        return false
    }

    private func interim(
        _ head: ResponseHead, _ buffer: consuming LoopBuffer, _ length: Int, _ handler: any ClientStreamHandler
    ) {
        let isSwitch = head.status == 101
        // Behind a 101 another protocol begins: the handler gets those bytes with the connection.
        if isSwitch {
            var rest = loop.allocate(buffer.count - length)
            rest.append(buffer.bytes.extracting(droppingFirst: length))
            if !rest.isEmpty { pending = consume rest }
        }
        handler.clientStream(self, interim: head, buffer.bytes, headLength: length)
        guard !isSwitch, self.handler === handler else { return }
        buffer.consume(length)
        if !buffer.isEmpty, !HTTPMutation.seeds(.losesBytesBehindInterim) { pending = consume buffer }
    }

    @inline(__always)
    private func respond(
        _ head: ResponseHead, _ buffer: consuming LoopBuffer, _ length: Int, _ handler: any ClientStreamHandler
    ) {
        body.restart(head.framing, form: chunkForm)
        keepsAlive = head.keepsAlive
        offeredIdle = keepsAlive ? head.keepAliveTimeout(buffer.bytes) : nil
        let isEnd = body.isEmpty
        let bodyCount = buffer.count - length
        if isEnd, bodyCount > 0, !HTTPMutation.seeds(.poolsWithBytesBehind) { keepsAlive = false }
        phase = .body
        handler.clientStream(
            self, responded: head, buffer.bytes, headLength: length, bodyCount: isEnd ? 0 : bodyCount, isEnd: isEnd)
        guard self.handler === handler, !isEnd, bodyCount > 0 else { return }
        buffer.consume(length)
        if isPaused { pending = consume buffer } else { take(buffer, handler) }
    }

    // MARK: Bodies

    @inline(__always)
    private func readBody() -> Bool {
        guard let handler, let buffer = pending.take() else { return false }
        take(buffer, handler)
        return true
    }

    @inline(__always)
    private func take(_ buffer: consuming LoopBuffer, _ handler: any ClientStreamHandler) {
        do throws(WireError) {
            var taken = try body.take(buffer, loop)
            // More than was announced: nothing of it is passed on, and the connection is of no more use.
            if taken.rest != nil, !HTTPMutation.seeds(.poolsWithBytesBehind) { keepsAlive = false }
            let isEnd = taken.isEnd
            let trailers = taken.trailers.take()
            if let piece = taken.piece.take() {
                bodyBytes += piece.count
                handler.clientStream(self, received: piece, isEnd: isEnd && trailers == nil)
            } else if !isEnd {
                // A part of a chunk's size, or of trailers: the handler still waits for what it asked for.
                receive()
            }
            if let trailers, self.handler === handler { handler.clientStream(self, received: trailers, isEnd: true) }
        } catch {
            fail(.malformed(error))
        }
    }

    public func receive(piped: Bool) {
        isPaused = false
        if pending != nil, !isDispatching, !HTTPMutation.seeds(.resumesNothingAfterPause) { advance() }
        // What is left is a part of a head, if anything.
        guard !isPaused, phase == .head || phase == .body, let stream else { return }
        if piped, body.suitsPipe {
            stream.receivePiped()
        } else if receivesLarge || isLong {
            receivesLarge = true
            stream.receiveOnce()
        } else {
            stream.receiveContinuously()
        }
    }

    private var isLong: Bool {
        if case .length = body.framing { return body.remaining > Self.longBody }
        return bodyBytes > 64 << 10
    }

    public func pause() {
        isPaused = true
        stream?.pauseReceiving()
    }

    // MARK: Endings

    public func streamEnded(_ stream: Stream) {
        keepsAlive = false
        if phase == .body, case .untilClose = body.framing, let handler {
            handler.clientStreamEnded(self)
        } else {
            fail(.closed)
        }
    }

    public func stream(_ stream: Stream, sent count: Int) { handler?.clientStreamSent(self) }

    public func stream(_ stream: Stream, failed failure: StreamFailure) {
        fail(phase == .connecting ? .connect(failure) : .broken(failure))
    }

    /// Tells the handler, who lets go of the connection; without one it is closed.
    func fail(_ failure: ClientStreamFailure) {
        keepsAlive = false
        if let handler { handler.clientStream(self, failed: failure) } else { close() }
    }
}

extension WireError {
    /// Bytes on a connection that owes no answer.
    static let unasked = WireError(502, "unasked_bytes")
    static let headTooLarge = WireError(502, "head_too_large")
}
