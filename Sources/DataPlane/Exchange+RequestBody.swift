// Owns the request's body: validated, passed on as it came, held back when the backend does not take it.
internal import Balancing
internal import Catalog
internal import HTTPWire
internal import Proactor
internal import Routing
internal import Synchronization
internal import Topology

extension Exchange {
    /// The bytes that came with the head.
    @inline(__always)
    func takeFirstBody(_ session: HTTPSession, _ body: LoopBuffer) {
        if isRequestComplete {
            session.keepRest(body)
            return
        }
        if body.isEmpty { loop.giveBack(body) } else { acceptBody(body) }
        // Until the backend is there, nothing more is received.
        if phase != .done, !isRequestComplete, upstream == nil { session.stream?.pauseReceiving() }
    }

    /// More of the body came from the client.
    func clientReceived(_ buffer: LoopBuffer) {
        lastProgress = loop.now
        acceptBody(buffer)
        if phase != .done { receiveMoreBody() }
    }

    /// Validates body bytes, keeps them for a replay, and passes them on.
    private func acceptBody(_ buffer: LoopBuffer) {
        var body = buffer
        let taken: Int
        let passed: Int
        var trailers: LoopBuffer?
        switch requestFraming {
        case .length:
            taken = Int(min(UInt64(body.count), requestRemaining))
            passed = taken
            requestRemaining -= UInt64(taken)
            isRequestComplete = requestRemaining == 0
        case .chunked:
            do throws(WireError) {
                let passage = try requestDecoder.follow(body.bytes)
                taken = passage.taken
                passed = passage.count
                isRequestComplete = passage.isDone
                if passage.addsTrailers { trailers = trailerSection(of: requestDecoder) }
            } catch {
                loop.giveBack(buffer)
                worker.process.badRequests.add(1, ordering: .relaxed)
                fail(error.status, error.reason.value)
                return
            }
        default: (taken, passed) = (0, 0)
        }
        if taken < body.count { splitRest(body, taken) }
        body.truncate(passed)
        if body.isEmpty {
            loop.giveBack(body)
            if let trailers { forward(trailers, nil) }
        } else {
            forward(body, trailers)
        }
    }

    /// What is sent in the place of a trailer section that was held back.
    func trailerSection(of decoder: ChunkedDecoder) -> LoopBuffer {
        let section = decoder.trailerSection
        var buffer = loop.allocate(section.count)
        buffer.append(section.span)
        return buffer
    }

    /// What lies behind the body belongs to the next request.
    private func splitRest(_ body: LoopBuffer, _ taken: Int) {
        var rest = loop.allocate(body.count - taken)
        rest.append(body.bytes.extracting(droppingFirst: taken))
        session?.keepRest(rest)
    }

    /// Passes on a part of the body and what follows it. Afterwards the exchange may be over, and another request's.
    private func forward(_ body: LoopBuffer, _ trailers: LoopBuffer?) {
        note(body)
        if let trailers { note(trailers) }
        if phase == .connecting || upstream == nil {
            waiting.append(loop.holdable(body))
            if let trailers { waiting.append(trailers) }
        } else if mayWrite {
            upstream?.stream?.send(body)
            if let trailers { upstream?.stream?.send(trailers) }
        } else {
            loop.giveBack(body)
            if let trailers { loop.giveBack(trailers) }
            cut()
        }
    }

    private func note(_ part: LoopBuffer) {
        bytesIn += part.count
        keepForReplay(part)
    }

    private func keepForReplay(_ body: LoopBuffer) {
        guard mayReplay else { return }
        guard replayBytes + body.count <= Self.replayLimit, let service,
            service.routing.definition.retry.attempts > 0 || service.gate != nil,
            worker.replayBytes < Worker.replayLimit
        else {
            mayReplay = false
            forgetReplay()
            return
        }
        var copy = loop.allocate(body.count)
        copy.append(body)
        replay.append(copy)
        replayBytes += body.count
        worker.replayBytes += body.count
    }

    func forgetReplay() {
        worker.replayBytes -= replayBytes
        replayBytes = 0
        for buffer in replay { loop.giveBack(buffer) }
        replay.removeAll(keepingCapacity: true)
    }

    /// Receives more of the body unless the backend is behind with what it has.
    func receiveMoreBody() {
        guard !isRequestComplete, let stream = session?.stream, let upstream = upstream?.stream else {
            // What came behind the request waits until it is answered.
            if isRequestComplete, let session, session.pending == nil { session.stream?.receiveContinuously() }
            return
        }
        if upstream.unsent < Self.highWater(loop) {
            stream.receiveOnce()
        } else {
            stream.pauseReceiving()
            upstream.awaitSent()
        }
    }

    /// The backend took a buffer.
    func upstreamSent() {
        lastProgress = loop.now
        guard !isRequestComplete, phase != .done, let sent = upstream?.stream, sent.unsent < Self.highWater(loop) / 2
        else {
            return
        }
        receiveMoreBody()
    }
}
