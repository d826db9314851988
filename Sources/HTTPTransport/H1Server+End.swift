// Owns how an exchange and its HTTP/1 connection end: orderly, late, or cut.
internal import HTTPWire
public import Proactor
internal import Transport
internal import Topology

extension H1Server {
    /// Bytes that are read and dropped after the last answer, and for how long: closing with unread bytes would make the
    /// kernel reset the connection and destroy the answer (RFC 9112 section 9.6).
    private static let lingerLimit = 256 << 10
    private static let lingerTime: Int64 = 2_000_000_000

    // MARK: An answer was given

    public func finish() {
        guard phase == .exchanging else { return }
        handler = nil
        flags.insert(.hasServed)
        flags.remove([.wantsBody])
        let hasMore = pending != nil || flags.contains(.hasMore)
        guard isKept, flags.contains(.isBodyComplete), !flags.contains(.isEnded) || hasMore else {
            if flags.isSuperset(of: [.isLastRequest, .isBodyComplete]), !hasMore { flags.insert(.mayCloseAtOnce) }
            closeGracefully()
            return
        }
        phase = .idle
        since = loop.now
        timer?.set(since.adding(nanoseconds: min(context.limits.idle, context.limits.stall)))
        if pending != nil { advance() } else { receiveContinuously() }
    }

    /// Answers what is no request, and ends the connection.
    func refuse(_ error: WireError) {
        // An answer of our own would be taken for that of the request under way.
        if phase == .exchanging { return fail() }
        pending = nil
        flags.subtract([.keepsAlive, .isHead, .isOldClient])
        listener.server(self, refused: error)
        closeGracefully()
    }

    // MARK: The orderly end

    /// Sends what is queued, says FIN, and reads on a little.
    func closeGracefully() {
        guard phase != .closed, phase != .flushing, phase != .lingering, let stream else { return }
        phase = .flushing
        pending = nil
        if let output = corked.take() { stream.send(output) }
        stream.receiveContinuously()
        if stream.unsent > 0, !HTTPMutation.seeds(.closesBeforeAnswerIsOut) {
            stream.awaitSent()
            since = loop.now
            timer?.set(since.adding(nanoseconds: context.limits.stall))
        } else {
            sayGoodbye()
        }
    }

    /// All is with the kernel.
    private func sayGoodbye() {
        guard !flags.contains(.isEnded), !flags.contains(.mayCloseAtOnce), !HTTPMutation.seeds(.doesNotLinger) else {
            return close()
        }
        phase = .lingering
        stream?.shutdownWrite()
        timer?.set(loop.now.adding(nanoseconds: Self.lingerTime))
    }

    /// While the answer is on its way, any number of bytes: dropping them is what lets it arrive.
    func discard(_ buffer: consuming LoopBuffer) {
        guard phase == .lingering else { return }
        lingered += Int32(truncatingIfNeeded: buffer.count)
        if Int(lingered) > Self.lingerLimit { close() }
    }

    func drain() {
        switch phase {
        // One that just came has its first request on the way, or in the kernel already: it gets a second, and its answer.
        case .idle where pending == nil && !flags.contains(.hasServed): timer?.set(loop.now + .seconds(1))
        case .idle where pending == nil: closeGracefully()
        default: break
        }
    }

    /// Ends the connection after the answer under way, and at once or almost if it waits for a request.
    public func endAfterAnswer() {
        flags.insert(.endsAfterAnswer)
        drain()
    }

    // MARK: The other ends

    /// Ends the connection; the kernel still delivers what it has.
    func close() {
        guard phase != .closed else { return }
        phase = .closed
        stream?.close()
        leave()
    }

    public func reset() {
        guard phase != .closed else { return }
        phase = .closed
        handler = nil
        stream?.abort()
        leave()
    }

    /// The client's connection is of no more use.
    private func fail() {
        let handler = handler
        self.handler = nil
        handler?.serverStreamFailed(self)
        close()
    }

    func abort() {
        let handler = handler
        self.handler = nil
        handler?.serverStreamInterrupted(self)
        reset()
    }

    /// Lets go of everything.
    func leave() {
        pending = nil
        corked = nil
        timer?.invalidate()
        timer = nil
        stream = nil
        context.remove(self)
        listener.serverClosed(self)
    }

    // MARK: Events

    public func streamEnded(_ stream: Stream) {
        flags.insert(.isEnded)
        switch phase {
        case .exchanging: handler?.serverStreamEnded(self)
        case .flushing, .closed: break
        case .lingering: close()
        case .idle where unsent > 0: closeGracefully()
        case .idle, .head: close()
        }
    }

    public func stream(_ stream: Stream, sent count: Int) {
        switch phase {
        case .exchanging: handler?.serverStreamSent(self)
        case .flushing:
            since = loop.now
            if unsent == 0 { sayGoodbye() }
        case .idle, .head:
            // Idleness begins when the last byte is with the kernel.
            if phase == .idle, !HTTPMutation.seeds(.idlesWhileUnsent) { since = loop.now }
            if pending != nil, unsent < context.highWater / 4 { advance() }
        case .lingering, .closed: break
        }
    }

    public func stream(_ stream: Stream, failed failure: StreamFailure) {
        if phase == .exchanging { fail() } else { close() }
    }

    public func timerExpired(_ timer: LoopTimer) {
        switch phase {
        case .idle: checkIdle()
        case .head: if pending == nil { close() } else { refuse(WireError(408, "head_timeout")) }
        case .flushing:
            let due = since.adding(nanoseconds: context.limits.stall)
            if due <= loop.now { cutStalled() } else { timer.set(due) }
        case .lingering: close()
        case .exchanging, .closed: break
        }
    }

    private func checkIdle() {
        let isStalled = unsent > 0 && !HTTPMutation.seeds(.idlesWhileUnsent)
        // A connection on which no request ever begins is given no longer than a head is.
        let limits = context.limits
        let idle = flags.contains(.hasServed) ? limits.idle : min(limits.idle, limits.head)
        let due = since.adding(nanoseconds: isStalled ? context.limits.stall : idle)
        let isEnding = context.isDraining || flags.contains(.endsAfterAnswer)
        if due > loop.now, !isEnding {
            // The bytes may go at any time, and then it is idle, which may be over sooner than the wait for them.
            timer?.set(isStalled ? min(due, loop.now.adding(nanoseconds: idle)) : due)
        } else if isStalled, due <= loop.now {
            cutStalled()
        } else {
            closeGracefully()
        }
    }

    /// The end of an answer that was counted as given did not reach its client: it must see that.
    private func cutStalled() {
        listener.serverCutStalled(self)
        reset()
    }
}
