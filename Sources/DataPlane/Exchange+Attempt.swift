// Owns attempts: choosing an endpoint, getting a connection, sending, and trying again where that is safe.
internal import Balancing
internal import Catalog
internal import HTTPWire
internal import Proactor
internal import Routing
internal import Switching
internal import Synchronization
internal import Topology

extension Exchange {
    /// Sends the request somewhere, lets it wait for room, or fails it.
    @inline(__always)
    func attempt() {
        attempts += 1
        if let gate = service?.gate, !passes(gate) { return }
        attempt(lineLimit: nil)
    }

    /// Sends the request somewhere, or lets it wait.
    ///
    /// - Parameter lineLimit: how many may wait for room before it; nil: as many as the settings say.
    @inline(__always)
    func attempt(lineLimit: Int?) {
        switch tryEndpoints() {
        case .begun: break
        case .none: if !waitForEndpoint() { fail(503, "no_endpoint") }
        case .full: joinLine(limit: lineLimit)
        }
    }

    private enum Trial { case begun, full, none }

    /// Begins an attempt at an endpoint that has room.
    @inline(__always)
    private func tryEndpoints() -> Trial {
        guard let service else { return .begun }
        attemptBegan = loop.now
        hasResponse = false
        // Endpoints at their limit are passed over, and are as good as others at the next attempt; a few tries see
        // enough of them.
        var considered = tried
        var isFull = false
        for _ in 0..<8 {
            guard let choice = service.choose(&considered, hash: hash, now: loop.now, random: &worker.random) else {
                break
            }
            guard let address = choice.endpoint.address else { continue }
            guard choice.endpoint.beginRequest() else {
                isFull = true
                continue
            }
            // A request that may not be sent twice takes no connection that the backend may just be closing.
            let freshAfter = method.isIdempotent ? nil : loop.now.adding(nanoseconds: -2_000_000_000)
            let idle = choice.endpoint.takeIdle(freshAfter: freshAfter)
            if idle == nil, !choice.endpoint.beginConnection() {
                choice.endpoint.takeBackRequest()
                isFull = true
                continue
            }
            tried.note(datacenter: choice.datacenter, endpoint: choice.index)
            self.choice = choice
            lastEndpoint = choice.endpoint
            if let idle { send(on: idle) } else { connect(choice, address, service) }
            return .begun
        }
        return isFull ? .full : .none
    }

    @inline(__always)
    private func send(on idle: UpstreamConnection) {
        upstream = idle
        idle.begin(self)
        connected = loop.now
        sendRequest(idle)
    }

    private func connect(_ choice: ServiceRuntime.Choice, _ address: SocketAddress, _ service: ServiceRuntime) {
        phase = .connecting
        let connection = UpstreamConnection(worker, choice.endpoint)
        connection.exchange = self
        upstream = connection
        guard connection.connect(to: address, timeout: service.timeouts.connect) else {
            upstream = nil
            retryOrFail(503, "no_descriptors", isSafe: true, isFree: true)
            return
        }
        if let timeout = pass?.gate.userTimeout { connection.stream?.setUserTimeout(timeout) }
    }

    // MARK: Waiting for room

    private func joinLine(limit: Int?) {
        guard let service else { return }
        phase = .connecting
        let limit = limit ?? service.routing.definition.circuit.queue
        // Those who were held together wait for room together.
        let holdBudget = wasHeld ? service.gate?.order.holdBudget.wholeNanoseconds ?? 0 : 0
        guard service.line.join(self, limit: limit, time: max(service.timeouts.connect, holdBudget)) else {
            fail(503, "circuit_open")
            return
        }
    }

    /// Its turn has come.
    ///
    /// - Returns: false when there is still no room; it stays where it is.
    func tryAgainFromLine() -> Bool {
        let ticket = lineTicket
        if let gate = service?.gate, !passes(gate) {
            // It waits for the gate from now on, or was refused.
            if lineTicket == ticket { lineTicket = 0 }
            return true
        }
        // Whatever comes of it may join the line again, or be another request already.
        lineTicket = 0
        switch tryEndpoints() {
        case .full:
            lineTicket = ticket
            return false
        case .begun: break
        case .none: if !waitForEndpoint() { fail(503, "no_endpoint") }
        }
        return true
    }

    func waitedTooLong() { fail(503, "queue_timeout") }

    func upstreamConnected(_ connection: UpstreamConnection) {
        connected = loop.now
        sendRequest(connection)
    }

    /// Sends the head, and what there is of the body.
    @inline(__always)
    private func sendRequest(_ connection: UpstreamConnection) {
        guard let head, let stream = connection.stream, let service else { return }
        guard mayWrite else { return cut() }
        phase = .sending
        lastProgress = loop.now
        if isRequestComplete, waiting.isEmpty, !mayRetryLater(service) {
            self.head = nil
            stream.send(head, isAwaited: false)
        } else {
            var copy = loop.allocate(head.count)
            copy.append(head)
            stream.send(copy, isAwaited: false)
        }
        for buffer in waiting { stream.send(buffer) }
        if !waiting.isEmpty { waiting.removeAll(keepingCapacity: true) }
        session?.timer?.set(loop.now.adding(nanoseconds: service.timeouts.firstByte))
        if !isRequestComplete { receiveMoreBody() }
    }

    @inline(__always)
    func mayRetryLater(_ service: ServiceRuntime) -> Bool {
        attempts <= service.routing.definition.retry.attempts || pass != nil
    }

    /// The connection failed before its response was complete.
    func upstreamFailed(_ failure: StreamFailure, whileConnecting: Bool) {
        if whileConnecting {
            retryOrFail(failure == .unreachable ? 504 : 502, "connect_failed", isSafe: true, isFree: true)
        } else if !hasResponse {
            retryOrFail(502, "upstream_reset", isSafe: method.isIdempotent, isFree: upstream?.isReused ?? false)
        } else {
            countError()
            fail(502, "upstream_reset")
        }
    }

    /// The backend said FIN.
    func upstreamEnded() {
        if !hasResponse {
            retryOrFail(502, "upstream_closed", isSafe: method.isIdempotent, isFree: upstream?.isReused ?? false)
        } else if phase == .answering, responseFraming == .untilClose {
            finishResponse()
        } else {
            countError()
            fail(502, "upstream_cut_short")
        }
    }

    /// Tries again elsewhere if the request may be repeated, the policy allows it and the budget has room.
    ///
    /// - Parameters:
    ///   - isSafe: whether the backend cannot have acted on the request, or may do so twice.
    ///   - isFree: whether the attempt says nothing of the request: no byte of it was sent, or it met a pooled connection
    ///     that the backend had given up.
    func retryOrFail(_ status: Int, _ reason: StaticString, isSafe: Bool, isFree: Bool = false) {
        countError()
        guard let service, isSafe, canReplay else { return fail(status, reason) }
        let limit = service.routing.definition.retry.attempts
        if !isFree { paidAttempts += 1 }
        if attempts <= limit, service.mayRetry(now: loop.now) {
            repeatRequest(service)
        } else if !(isFree || paidAttempts <= limit) || !waitForEndpoint() {
            // What reached a backend is not sent again more often than the policy says: it may be what kills them.
            fail(status, reason)
        }
    }

    /// Begins the next attempt, which policy and budget have allowed.
    func repeatRequest(_ service: ServiceRuntime) {
        service.counters.retries.add(1, ordering: .relaxed)
        releaseUpstream(reusable: false)
        rewind()
        attempt()
    }

    /// Makes the request ready to be sent once more from its beginning.
    func rewind() {
        dropPartialResponse()
        phase = .connecting
        hasResponse = false
        for buffer in waiting { loop.giveBack(buffer) }
        waiting.removeAll(keepingCapacity: true)
        for buffer in replay {
            var copy = loop.allocate(buffer.count)
            copy.append(buffer)
            waiting.append(copy)
        }
    }

    var canReplay: Bool { head != nil && (mayReplay || bytesIn == 0) && !hasAnswered }

    private func dropPartialResponse() {
        if let buffer = partialResponse {
            partialResponse = nil
            loop.giveBack(buffer)
        }
    }

    func countError() { choice?.endpoint.countError() }

    /// The session's timer: is anything overdue?
    func checkTime() {
        guard let service, phase != .done, let session else { return }
        let now = loop.now
        let timeouts = service.timeouts
        if let limit = timeouts.request, now - started >= .nanoseconds(limit) {
            fail(504, "request_timeout")
            return
        }
        if heldTicket != 0 || lineTicket != 0 {
            // Those who let it wait know for how long.
            session.timer?.set(now + .seconds(1))
            return
        }
        let silence = now.nanoseconds(since: lastProgress)
        if silence >= timeouts.firstByte {
            timeOut(session)
            return
        }
        if isTooSlow(timeouts, now) {
            fail(408, "body_too_slow")
            return
        }
        let next = min(timeouts.firstByte - silence, 5_000_000_000)
        session.timer?.set(now.adding(nanoseconds: max(next, 10_000_000)))
    }

    private func timeOut(_ session: HTTPSession) {
        if !isRequestComplete, phase != .answering {
            fail(408, "body_timeout")
        } else if !hasResponse {
            retryOrFail(504, "first_byte_timeout", isSafe: method.isIdempotent)
        } else {
            fail(504, "response_stalled")
        }
    }

    /// A body in either direction has to move at the least rate once its grace is over.
    private func isTooSlow(_ timeouts: ServiceRuntime.Timeouts, _ now: Tick) -> Bool {
        let age = now.nanoseconds(since: bodyBegan)
        guard age > timeouts.bodyGrace, !isRequestComplete else { return false }
        return bytesIn / Int(max(1, age / 1_000_000_000)) < timeouts.bodyRate
    }
}
