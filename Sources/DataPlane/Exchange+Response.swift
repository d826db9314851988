// Owns passing an answer on: interim answers, head, body, and an agreed change of protocols.
internal import HTTPTransport
internal import HTTPWire
internal import Proactor
internal import Proxying
internal import Topology

extension Exchange {
    // MARK: Interim answers

    func receiveInterim(_ head: ResponseHead, _ bytes: Span<UInt8>, _ headLength: Int) {
        guard let service, let stream, let upstream else { return }
        let facts = ResponseFacts(status: head.status, acceptsWebSocket: head.acceptsWebSocket)
        let step = core.responseHead(facts, now: loop.now, budget: &service.retryBudget)
        switch step.action {
        case .forwardInterim:
            let wereWaiting = stream.unsent > 0
            let sent = worker.withEdits(id.span) { edits in
                stream.sendInterim(head, bytes, headLength: headLength, edits)
            }
            core.handedOver(sent, wereWaiting: wereWaiting, now: loop.now)
            // A backend that sends more of them than the client takes is held back, as with a body.
            receiveResponse()
            if core.wantsBody { receiveRequest() }
        case .swallow: upstream.receive()
        case .upgrade:
            count(step.verdict)
            upgrade(head, bytes, headLength, stream, upstream, service)
        default: perform(step)
        }
    }

    private func upgrade(
        _ head: ResponseHead, _ bytes: Span<UInt8>, _ headLength: Int, _ stream: any ServerStream,
        _ upstream: any ClientStream, _ service: ServiceRuntime
    ) {
        let client = worker.withEdits(id.span) { edits in
            stream.upgrade(head, bytes, headLength: headLength, edits)
        }
        startTunnel(client, upstream.detach(), service)
    }

    // MARK: The answer

    @inline(__always)
    func receiveHead(
        _ head: ResponseHead, _ bytes: Span<UInt8>, _ headLength: Int, bodyCount: Int, isEnd: Bool
    ) {
        let facts = ResponseFacts(status: head.status, isEventStream: !isEnd && head.isEventStream(bytes))
        guard let (step, observesLatency) = judge(facts) else { return }
        guard case .forwardHead = step.action else { return perform(step) }
        count(step.verdict)
        if observesLatency, let service {
            choice?.observe(service, latency: core.attempt.firstByte - core.attempt.began, now: loop.now)
        }
        forgetKept()
        let (sent, wereWaiting) = pass(head, bytes, headLength, bodyCount: bodyCount, isEnd: isEnd)
        core.handedOver(sent, wereWaiting: wereWaiting, now: loop.now)
        if isEnd { return perform(core.responseEnded()) }
        if bodyCount == 0 { return receiveResponse() }
        // A piece of a body with a length comes at once. That of a chunked one may be a part of a chunk's size, of which
        // nothing is heard here.
        if case .chunked = head.framing { armTimer() }
    }

    @inline(__always)
    private func judge(_ facts: ResponseFacts) -> (step: ExchangeStep, observesLatency: Bool)? {
        switch home {
        case .some(let home):
            let step = core.responseHead(facts, now: loop.now, budget: &home.service.retryBudget)
            return (step, home.service.observesLatency)
        case .none: return nil
        }
    }

    /// Begins the client's answer.
    ///
    /// - Returns: the bytes that were queued, and whether earlier ones waited.
    @inline(__always)
    private func pass(
        _ head: ResponseHead, _ bytes: Span<UInt8>, _ headLength: Int, bodyCount: Int, isEnd: Bool
    ) -> (sent: Int, wereWaiting: Bool) {
        let date = worker.currentDate()
        switch worker.via {
        case .some(let via):
            return pass(
                head, bytes, headLength,
                ResponseEdits(requestID: id.span, date: date.span, via: via.bytes.span),
                bodyCount: bodyCount, isEnd: isEnd)
        case .none:
            return pass(
                head, bytes, headLength, ResponseEdits(requestID: id.span, date: date.span, via: nil),
                bodyCount: bodyCount, isEnd: isEnd)
        }
    }

    @inline(__always)
    private func pass(
        _ head: ResponseHead, _ bytes: Span<UInt8>, _ headLength: Int, _ edits: borrowing ResponseEdits,
        bodyCount: Int, isEnd: Bool
    ) -> (sent: Int, wereWaiting: Bool) {
        switch client {
        case .some(let client):
            let wereWaiting = client.stream.unsent > 0
            let sent = client.stream.respond(
                head, bytes, headLength: headLength, edits, bodyCount: bodyCount, isEnd: isEnd)
            return (sent, wereWaiting)
        case .none: return (0, false)
        }
    }

    @inline(__always)
    func receiveBody(_ piece: consuming LoopBuffer, isEnd: Bool) {
        var (sent, wereWaiting) = (0, false)
        switch client {
        case .some(let client):
            wereWaiting = client.stream.unsent > 0
            sent = client.stream.send(piece, isEnd: isEnd)
        case .none: return
        }
        core.handedOver(sent, wereWaiting: wereWaiting, now: loop.now)
        guard isEnd else { return receiveResponse() }
        let step = core.responseEnded()
        if case .finish = step.action { finishAnswer() } else { perform(step) }
    }

    func endBody() {
        guard let stream else { return }
        let wereWaiting = stream.unsent > 0
        let sent = stream.sendEnd()
        core.handedOver(sent, wereWaiting: wereWaiting, now: loop.now)
        perform(core.responseEnded())
    }

    /// Receives more of the answer, unless the client is behind with what it has.
    func receiveResponse() {
        guard let stream, let upstream else { return }
        isResponsePaused = stream.unsent >= worker.highWater && !ShellMutation.seeds(.pausesNothing)
        core.receivesResponse(!isResponsePaused, now: loop.now)
        if isResponsePaused {
            upstream.pause()
            stream.awaitSent()
        } else {
            upstream.receive(piped: stream.takesPipes)
        }
        // What waits for a client that takes nothing is noticed in time only if the timer knows of it.
        armTimer()
    }
}
