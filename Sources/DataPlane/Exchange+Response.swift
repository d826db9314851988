// Owns the response's head: parsed strictly, judged for a retry, rewritten, and queued to the client.
internal import Balancing
internal import Catalog
internal import HTTPWire
internal import Proactor
internal import Routing
internal import Synchronization
internal import Topology

extension Exchange {
    /// Bytes came from the backend.
    @inline(__always)
    func upstreamReceived(_ buffer: LoopBuffer) {
        lastProgress = loop.now
        if phase == .answering {
            relayBody(buffer)
            return
        }
        if !hasResponse {
            hasResponse = true
            firstByte = loop.now
        }
        if let partial = partialResponse {
            partialResponse = nil
            parseResponse(join(partial, buffer))
        } else {
            parseResponse(buffer)
        }
    }

    private func join(_ partial: LoopBuffer, _ buffer: LoopBuffer) -> LoopBuffer {
        var whole = partial
        if !whole.isSlab || whole.free < buffer.count {
            whole = loop.allocate(partial.count + buffer.count)
            whole.append(partial)
            loop.giveBack(partial)
        }
        whole.append(buffer)
        loop.giveBack(buffer)
        return whole
    }

    @inline(__always)
    private func parseResponse(_ buffer: LoopBuffer) {
        let head = worker.responseHead
        // A partial head is rare enough to be searched again from its beginning.
        head.reset()
        let lenient = choice?.endpoint.acceptsBareLineFeeds ?? false
        switch worker.responseParser.parse(buffer.bytes, method: method, lenient: lenient, into: head) {
        case .complete(let length): receiveHead(head, buffer, length)
        case .needMore:
            // The largest buffer there is; one that is merely full may be joined with the next.
            if buffer.count >= 64 << 10 {
                loop.giveBack(buffer)
                countError()
                fail(502, "head_too_large")
            } else {
                partialResponse = loop.holdable(buffer)
            }
        case .failed(let error):
            loop.giveBack(buffer)
            countError()
            fail(502, error.reason.value)
        }
    }

    @inline(__always)
    private func receiveHead(_ head: ResponseHead, _ buffer: LoopBuffer, _ length: Int) {
        if head.isInformational {
            receiveInformational(head, buffer, length)
            return
        }
        if head.status >= 500 {
            if head.status <= 504, head.status >= 502, retriesStatus(buffer, head.status) { return }
            countError()
        } else {
            noteSuccess()
        }
        status = head.status
        responseFraming = head.framing
        upstreamKeepsAlive = head.keepsAlive
        if upstreamKeepsAlive, let seconds = head.keepAliveTimeout(buffer.bytes) {
            upstream?.limitIdle(seconds: seconds)
        }
        if let choice { service?.observe(choice, latency: firstByte - attemptBegan, now: loop.now) }
        if !replay.isEmpty { forgetReplay() }
        sendHead(head, buffer, length)
    }

    /// The backend answered 502, 503 or 504: another may do better.
    private func retriesStatus(_ buffer: LoopBuffer, _ status: Int) -> Bool {
        guard method.isIdempotent, let service, canReplay,
            attempts <= service.routing.definition.retry.attempts, service.mayRetry(now: loop.now)
        else { return false }
        loop.giveBack(buffer)
        countError()
        repeatRequest(service)
        return true
    }

    @inline(__always)
    private func noteSuccess() {
        guard let counters = choice?.endpoint.counters else { return }
        if counters.consecutiveErrors.load(ordering: .relaxed) != 0 {
            counters.consecutiveErrors.store(0, ordering: .relaxed)
        }
    }

    // MARK: 1xx

    private func receiveInformational(_ head: ResponseHead, _ buffer: LoopBuffer, _ length: Int) {
        if head.status == 101 {
            if wantsWebSocket { switchProtocols(head, buffer, length) } else { refuseSwitch(buffer) }
            return
        }
        // 1xx are not for HTTP/1.0 clients, and 100 only for those that wait for it.
        let isWanted = !isOldClient && (head.status != 100 || expectsContinue)
        if isWanted { sendInformational(head, buffer, length) }
        if head.status == 100 { expectsContinue = false }
        var rest = buffer
        rest.consume(length)
        if rest.isEmpty {
            loop.giveBack(rest)
        } else {
            parseResponse(rest)
        }
    }

    private func refuseSwitch(_ buffer: LoopBuffer) {
        loop.giveBack(buffer)
        countError()
        fail(502, "unasked_upgrade")
    }

    private func sendInformational(_ head: ResponseHead, _ buffer: LoopBuffer, _ length: Int) {
        session?.stream?.send(rewrite(head, buffer, length, keepsAlive: true, via: []))
    }

    /// The head that the client gets, in a buffer with room for `extra` bytes behind it.
    @inline(__always)
    private func rewrite(
        _ head: ResponseHead, _ buffer: LoopBuffer, _ length: Int, keepsAlive: Bool, via: [UInt8],
        isUpgrade: Bool = false, extra: Int = 0
    ) -> LoopBuffer {
        let identity = requestID
        let date = worker.currentDate()
        var edits = ResponseEdits(
            requestID: identity.span, date: date.span, via: via.isEmpty ? nil : via.span, keepsAlive: keepsAlive,
            isOldClient: isOldClient, transfer: transfer)
        edits.isUpgrade = isUpgrade
        var output = loop.allocate(ResponseRewriter.room(for: head, headLength: length, edits) + extra)
        var writer = OutputWriter(output.tail)
        ResponseRewriter.write(head, buffer.bytes, edits, into: &writer)
        let count = writer.count
        output.commit(count)
        return output
    }

    // MARK: The final head

    /// Queues the head to the client, with as much of the body as fits behind it.
    @inline(__always)
    private func sendHead(_ head: ResponseHead, _ buffer: LoopBuffer, _ length: Int) {
        guard let session, let stream = session.stream else { return }
        chooseTransfer(head)
        let bodyCount = buffer.count - length
        // A small body goes out with its head in one send; a large one is passed on where it lies.
        let joined = transfer == .verbatim && bodyCount > 0 && length + bodyCount <= 15 << 10
        var output = rewrite(
            head, buffer, length, keepsAlive: clientKeepsAlive, via: worker.via, extra: joined ? bodyCount : 0)
        hasAnswered = true
        phase = .answering
        var body = buffer
        body.consume(length)
        if joined, responseFraming != .none {
            relayJoined(body, &output, stream)
        } else {
            bytesOut += output.count
            stream.send(output, isAwaited: false, isLast: responseFraming == .none && !clientKeepsAlive)
            startBody(body)
        }
    }

    /// How the body reaches this client.
    @inline(__always)
    private func chooseTransfer(_ head: ResponseHead) {
        transfer = .verbatim
        switch head.framing {
        case .length(let count): responseRemaining = count
        case .chunked:
            responseDecoder = ChunkedDecoder()
            if isOldClient { transfer = .untilClose }
        case .untilClose: transfer = isOldClient ? .untilClose : .chunk
        case .none: break
        }
        // An early answer leaves a request half-read: the connection cannot be used again.
        let mustClose = transfer == .untilClose || !isRequestComplete || worker.isDraining
        if mustClose { clientKeepsAlive = false }
    }

    // MARK: Upgrade

    private func switchProtocols(_ head: ResponseHead, _ buffer: LoopBuffer, _ length: Int) {
        guard let session, let upstream, let service, let clientStream = session.stream else { return }
        let output = rewrite(head, buffer, length, keepsAlive: true, via: [], isUpgrade: true)
        clientStream.send(output)
        status = 101
        noteSuccess()
        var early = buffer
        early.consume(length)
        guard let client = session.detach(), let server = upstream.detach(), let endpoint = choice?.endpoint else {
            loop.giveBack(early)
            return
        }
        // The tunnel counts the endpoint's request until its end.
        choice = nil
        self.upstream = nil
        self.session = nil
        let pass = pass
        self.pass = nil
        let tunnel = Tunnel(worker, client: client.stream, server: server, service: service, pass: pass) {
            endpoint.finishRequest()
            upstream.endTunnel()
        }
        tunnel.start(fromClient: client.early, fromServer: early)
        end(keepsAlive: false)
    }
}
