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
        switch requestFraming {
        case .length:
            taken = Int(min(UInt64(body.count), requestRemaining))
            requestRemaining -= UInt64(taken)
            isRequestComplete = requestRemaining == 0
        case .chunked:
            var position = 0
            switch requestDecoder.skip(body.bytes, &position) {
            case .done(_, let rest):
                taken = rest
                isRequestComplete = true
            case .failed(let error):
                loop.giveBack(buffer)
                worker.process.badRequests.add(1, ordering: .relaxed)
                fail(error.status, error.reason.value)
                return
            default: taken = body.count
            }
            if requestDecoder.isInTrailers, !passTrailers(&body, taken) { return }
        default: taken = 0
        }
        if taken < body.count { splitRest(body, taken) }
        body.truncate(taken)
        forward(body)
    }

    /// What lies behind the body belongs to the next request.
    private func splitRest(_ body: LoopBuffer, _ taken: Int) {
        var rest = loop.allocate(body.count - taken)
        rest.append(body.bytes.extracting(droppingFirst: taken))
        session?.keepRest(rest)
    }

    /// Trailers are passed as they came only when none of them had to go; else the request is refused, since its chunks
    /// may be on their way already.
    private func passTrailers(_ body: inout LoopBuffer, _ taken: Int) -> Bool {
        guard requestDecoder.dropsTrailers else { return true }
        loop.giveBack(body)
        fail(400, "forbidden_trailer")
        return false
    }

    private func forward(_ body: LoopBuffer) {
        bytesIn += body.count
        keepForReplay(body)
        if phase == .connecting || upstream == nil {
            waiting.append(loop.holdable(body))
        } else {
            upstream?.stream?.send(body)
        }
    }

    private func keepForReplay(_ body: LoopBuffer) {
        guard mayReplay else { return }
        guard replayBytes + body.count <= Self.replayLimit, let service,
            service.routing.definition.retry.attempts > 0, worker.replayBytes < Worker.replayLimit
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
            if isRequestComplete { session?.stream?.receiveContinuously() }
            return
        }
        if upstream.unsent < Self.highWater(loop) { stream.receiveOnce() } else { stream.pauseReceiving() }
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
