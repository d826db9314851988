// Owns what an exchange does at the gate of a service that follows a primary: passing, waiting, being cut.
internal import Catalog
internal import HTTPWire
internal import Proactor
internal import Switching
internal import Synchronization
internal import Topology

extension Exchange: HoldQueueWaiter, RequestQueueWaiter {
    /// Asks the gate, as every attempt does (design §4: a retry asks again).
    ///
    /// - Returns: false when the exchange waits now, or was refused.
    @inline(__always)
    func passes(_ gate: WorkerGate) -> Bool {
        switch gate.decision(now: loop.now) {
        case .serve:
            takePass(gate)
            return true
        case .hold:
            hold(gate)
            return false
        case .refuse(let reason, _):
            fail(503, reason.logWord, detail: reason.detail)
            return false
        }
    }

    @inline(__always)
    private func takePass(_ gate: WorkerGate) {
        if let pass {
            if pass.isCurrent { return }
            givePassBack()
        }
        pass = AdmissionPermit(gate)
        if fenceGeneration != gate.order.generation { writeFence(gate) }
    }

    func givePassBack() {
        pass?.giveBack()
        pass = nil
    }

    /// Whether a byte may be written to the backend: the lease may be over while the word of it is on its way.
    @inline(__always)
    var mayWrite: Bool { pass?.mayWrite ?? true }

    /// Writes the lines that fence an old primary anew: they are the last of the head.
    private func writeFence(_ gate: WorkerGate) {
        guard var head else { return }
        let lines = gate.fenceLines
        let kept = head.count - fenceLength - 2
        if head.free + fenceLength < lines.count || !head.isSlab {
            var larger = loop.allocate(kept + lines.count + 2)
            larger.append(head.bytes.extracting(first: kept))
            loop.giveBack(head)
            head = larger
        } else {
            head.truncate(kept)
        }
        head.append(lines.span)
        head.append(Self.lineEnd.span)
        self.head = head
        fenceLength = lines.count
        fenceGeneration = gate.order.generation
    }

    private static let lineEnd: [UInt8] = [0x0D, 0x0A]

    // MARK: Waiting

    /// Waits until the gate opens.
    private func hold(_ gate: WorkerGate) {
        if pass != nil { givePassBack() }
        phase = .connecting
        lineTicket = 0
        // What the client sends waits in the kernel.
        if !isRequestComplete { session?.stream?.pauseReceiving() }
        guard gate.held.join(self) else { return fail(503, "too_many_held") }
        if !wasHeld { service?.counters.held.add(1, ordering: .relaxed) }
        wasHeld = true
        service?.counters.holding.add(1, ordering: .relaxed)
        session?.timer?.set(loop.now + .seconds(1))
    }

    /// A primary whose endpoints cannot be reached may just be dying: the request waits until that is known, within the
    /// budget that requests are held for (design §4: detection costs waiting, not failures).
    ///
    /// - Returns: false when the service does not let it wait, or it has waited long enough.
    func waitForEndpoint() -> Bool {
        guard let gate = service?.gate, gate.order.holdBudget > .zero, canReplay, session != nil else { return false }
        if holdDeadline == .distantFuture { holdDeadline = loop.now + gate.order.holdBudget }
        guard loop.now < holdDeadline else { return false }
        releaseUpstream(reusable: false)
        rewind()
        attempts += 1
        hold(gate)
        return true
    }

    var heldBytes: Int { (head?.count ?? 0) + waiting.reduce(0) { $0 + $1.count } + replayBytes }

    func tryAgain() {
        guard let service, phase != .done else { return }
        // The service may have lost its primary while this waited.
        service.counters.holding.subtract(1, ordering: .relaxed)
        if let gate = service.gate, !passes(gate) { return }
        tried = Tried()
        // The time that it waited is nobody's fault.
        lastProgress = loop.now
        bodyBegan = loop.now
        // Those who were held are many, and bounded already.
        attempt(lineLimit: .max)
    }

    // MARK: Being cut

    /// Its service follows a primary from now on, and it may be on its way elsewhere.
    func cutUngated() {
        guard phase != .done, upstream != nil, let gate = service?.gate else { return }
        service?.counters.cut.add(1, ordering: .relaxed)
        let isReplayable = canReplay && !hasResponse && (phase == .connecting || method.isIdempotent)
        upstream?.abort()
        upstream = nil
        releaseUpstream(reusable: false)
        if isReplayable {
            rewind()
            hold(gate)
        } else if let session, hasAnswered {
            abandonClient(session, "cut_by_switch")
        } else {
            fail(502, "cut_by_switch")
        }
    }

    /// The datacenter that it writes to may not be written to any more: the connection is reset. The request waits for
    /// the next primary if it may be sent again and nothing of an answer came.
    func cut() {
        guard phase != .done, let pass else { return }
        let isUnsent = phase == .connecting
        let isReplayable = canReplay && (isUnsent || method.isIdempotent)
        let outcome = pass.gate.order.afterCut(
            isReplayable: isReplayable, sawResponse: hasResponse || hasAnswered, now: loop.now)
        service?.counters.cut.add(1, ordering: .relaxed)
        releaseUpstream(reusable: false)
        givePassBack()
        switch outcome {
        case .holdAgain:
            rewind()
            hold(pass.gate)
        case .badGateway: fail(502, "cut_by_switch")
        case .close:
            // Of a head that is not whole yet the client has seen nothing.
            if let session, hasAnswered { abandonClient(session, "cut_by_switch") } else { fail(502, "cut_by_switch") }
        }
    }
}
