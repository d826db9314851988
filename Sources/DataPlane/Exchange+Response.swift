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
            let sent = worker.withEdits(message.id.span, addsVia: false) { edits in
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
        let client = worker.withEdits(message.id.span, addsVia: false) { edits in
            stream.upgrade(head, bytes, headLength: headLength, edits)
        }
        startTunnel(client, upstream.detach(), service)
    }

    // MARK: The answer

    @inline(__always)
    func receiveHead(
        _ head: ResponseHead, _ bytes: Span<UInt8>, _ headLength: Int, bodyCount: Int, isEnd: Bool
    ) {
        guard let service, let stream else { return }
        let facts = ResponseFacts(status: head.status, isEventStream: !isEnd && head.isEventStream(bytes))
        let step = core.responseHead(facts, now: loop.now, budget: &service.retryBudget)
        guard step.action == .forwardHead else { return perform(step) }
        count(step.verdict)
        if let choice { service.observe(choice, latency: core.attempt.firstByte - core.attempt.began, now: loop.now) }
        forgetKept()
        let wereWaiting = stream.unsent > 0
        let sent = worker.withEdits(message.id.span, addsVia: true) { edits in
            stream.respond(head, bytes, headLength: headLength, edits, bodyCount: bodyCount, isEnd: isEnd)
        }
        core.handedOver(sent, wereWaiting: wereWaiting, now: loop.now)
        if isEnd { return perform(core.responseEnded()) }
        if bodyCount == 0 { receiveResponse() } else { armTimer() }
    }

    @inline(__always)
    func receiveBody(_ piece: consuming LoopBuffer, isEnd: Bool) {
        guard let stream else { return }
        let wereWaiting = stream.unsent > 0
        let sent = stream.send(piece, isEnd: isEnd)
        core.handedOver(sent, wereWaiting: wereWaiting, now: loop.now)
        if isEnd { perform(core.responseEnded()) } else { receiveResponse() }
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
            upstream.receive()
        }
        // What waits for a client that takes nothing is noticed in time only if the timer knows of it.
        armTimer()
    }
}
