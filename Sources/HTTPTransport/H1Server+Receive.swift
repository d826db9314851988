// Owns what comes in on an HTTP/1 connection: heads, bodies, what lies behind them.
internal import HTTPWire
public import Proactor
internal import Transport
internal import Topology

extension H1Server {
    public func stream(_ stream: Stream, received buffer: consuming LoopBuffer) {
        switch phase {
        case .closed: break
        case .flushing, .lingering: discard(buffer)
        case .idle, .head, .exchanging:
            // The usual case: nothing waits, and the buffer is a whole request.
            if pending == nil { pending = consume buffer } else { append(buffer) }
            advance()
        }
    }

    /// Adds bytes to those that wait, in a buffer that can hold the largest head.
    private func append(_ buffer: consuming LoopBuffer) {
        guard var whole = pending.take() else { return }
        if whole.free < buffer.count || !whole.isSlab {
            var larger = loop.allocate(min(64 << 10, whole.count + buffer.count + (2 << 10)))
            larger.append(whole)
            whole = larger
        }
        let isLost = whole.append(buffer) < buffer.count
        pending = consume whole
        if isLost { refuse(WireError(431, "head_too_large")) }
    }

    /// Goes on with what has come, as far as it goes.
    func advance() {
        guard !flags.contains(.isDispatching) else { return }
        flags.insert(.isDispatching)
        while pending != nil, step() {}
        flags.remove(.isDispatching)
    }

    /// - Returns: whether there may be more to do.
    private func step() -> Bool {
        switch phase {
        case .idle, .head: return readHead(context)
        case .exchanging:
            if readBody() { return true }
            // What nobody wants yet waits in the kernel, but for what is here already.
            if let waiting = pending.take() { pending = loop.holdable(waiting) }
            stream?.pauseReceiving()
            return false
        case .flushing, .lingering, .closed:
            pending = nil
            return false
        }
    }

    /// Parses the head that the waiting bytes begin with, and hands the request over.
    ///
    /// - Parameter context: its own; passed, because what a constant's constant holds would be counted.
    /// - Returns: whether there may be more to do.
    private func readHead(_ context: H1ServerContext) -> Bool {
        // A client that reads no answers gets no more of them.
        guard unsent < context.highWater, let buffer = pending.take() else {
            awaitSent()
            return false
        }
        return parse(buffer, context)
    }

    @inline(__always)
    private func parse(_ buffer: consuming LoopBuffer, _ context: H1ServerContext) -> Bool {
        let head = context.head
        head.searched = Int(searched)
        let outcome = context.parser.parse(buffer.bytes, into: head)
        switch outcome {
        case .complete(let length):
            searched = 0
            begin(head, buffer, length)
            return true
        case .needMore:
            searched = Int32(truncatingIfNeeded: head.searched)
            pending = loop.holdable(buffer)
            if phase == .idle { beginHead() }
            stream?.receiveContinuously()
        case .failed(let error):
            searched = 0
            refuse(error)
        }
        return false
    }

    private func beginHead() {
        phase = .head
        since = loop.now
        timer?.set(since.adding(nanoseconds: context.limits.head))
    }

    @inline(__always)
    private func begin(_ head: RequestHead, _ buffer: consuming LoopBuffer, _ length: Int) {
        phase = .exchanging
        body.restart(head.framing, form: context.limits.bodyForm)
        var fresh = flags.intersection([.isEnded, .hasServed, .endsAfterAnswer, .isDispatching])
        if head.minorVersion == 0 { fresh.insert(.isOldClient) }
        if head.keepsAlive { fresh.insert(.keepsAlive) } else { fresh.insert(.isLastRequest) }
        if head.method == .head { fresh.insert(.isHead) }
        if body.isEmpty { fresh.insert(.isBodyComplete) }
        if buffer.count > length { fresh.insert(.hasMore) }
        if head.wantsWebSocket { fresh.insert(.wantsUpgrade) }
        flags = fresh
        listener.server(self, began: head, buffer.bytes, headLength: length)
        buffer.consume(length)
        if !buffer.isEmpty, phase == .exchanging || phase == .idle, !HTTPMutation.seeds(.forgetsRest) {
            pending = consume buffer
        }
    }

    // MARK: Bodies

    /// Hands the next piece of the body over, if it is wanted.
    ///
    /// - Returns: whether there may be more to do.
    private func readBody() -> Bool {
        guard flags.contains(.wantsBody) || HTTPMutation.seeds(.readsBodyUnasked), !flags.contains(.isBodyComplete),
            let handler, let buffer = pending.take()
        else { return false }
        flags.remove(.wantsBody)
        do throws(WireError) {
            var taken = try body.take(buffer, loop)
            if let rest = taken.rest.take() { pending = consume rest }
            if taken.isEnd {
                flags.insert(.isBodyComplete)
                // The client's FIN is of interest also while nothing else is.
                stream?.receiveContinuously()
            }
            let trailers = taken.trailers.take()
            if let piece = taken.piece.take() {
                handler.serverStream(self, received: piece, isEnd: taken.isEnd && trailers == nil)
            } else if !taken.isEnd {
                // A part of a chunk's size, or of trailers: the handler still waits for what it asked for.
                flags.insert(.wantsBody)
                if pending == nil { stream?.receiveOnce() }
            }
            // The handler may be done with the request meanwhile.
            if let trailers, self.handler === handler {
                handler.serverStream(self, received: trailers, isEnd: true)
            }
        } catch {
            flags.remove(.keepsAlive)
            handler.serverStream(self, malformed: error)
        }
        return true
    }

    public func receiveBody(piped: Bool) {
        guard phase == .exchanging, !flags.contains(.isBodyComplete) else { return }
        flags.insert(.wantsBody)
        if pending != nil {
            advance()
        } else if piped, body.suitsPipe {
            stream?.receivePiped()
        } else {
            stream?.receiveOnce()
        }
    }

    public func pauseBody() {
        flags.remove(.wantsBody)
        if !flags.contains(.isBodyComplete) { stream?.pauseReceiving() }
    }
}
