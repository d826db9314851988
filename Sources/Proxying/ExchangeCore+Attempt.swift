// Owns the way of a request to an endpoint: the gate, waiting, choosing, connecting, sending.
internal import Balancing
public import Topology

extension ExchangeCore {
    // MARK: The gate

    /// The gate has spoken.
    public mutating func admitted(_ verdict: AdmissionVerdict) -> ExchangeStep {
        guard phase == .admitting else { return ExchangeStep(.wait) }
        switch verdict {
        case .passed(let holdBudget):
            request.holdBudget = holdBudget
            phase = .choosing
            return ExchangeStep(.choose(fresh: request.needsFreshConnection))
        case .hold: return hold()
        case .refused(let answer): return end(answer)
        }
    }

    mutating func hold(_ verdict: EndpointVerdict = []) -> ExchangeStep {
        phase = .held
        return ExchangeStep(.hold, verdict)
    }

    /// Too many wait for the primary already.
    public mutating func holdRefused() -> ExchangeStep {
        phase == .held ? end(OwnAnswer(503, "too_many_held")) : ExchangeStep(.wait)
    }

    /// It was let go on by the hold queue.
    public mutating func released(now: Tick) -> ExchangeStep {
        guard phase == .held else { return ExchangeStep(.wait) }
        request.wasHeld = true
        return askGate()
    }

    /// The attempt was let go of, as `retry` said.
    public mutating func readmit(now: Tick) -> ExchangeStep {
        phase == .admitting ? askGate() : ExchangeStep(.wait)
    }

    /// Every way to a backend leads through the gate, for it may have closed meanwhile.
    private mutating func askGate() -> ExchangeStep {
        if Mutation.seeds(.passesTheGateUnasked) {
            phase = .choosing
            return ExchangeStep(.choose(fresh: request.needsFreshConnection))
        }
        phase = .admitting
        return ExchangeStep(.admit)
    }

    // MARK: Room

    /// Too many wait for room already.
    public mutating func queueRefused() -> ExchangeStep {
        phase == .queued ? end(OwnAnswer(503, "circuit_open")) : ExchangeStep(.wait)
    }

    /// Its time in the queue is over.
    public mutating func queueTimedOut() -> ExchangeStep {
        guard phase == .queued || Mutation.seeds(.believesStaleWords) else { return ExchangeStep(.wait) }
        return end(OwnAnswer(503, "queue_timeout"))
    }

    /// Its turn has come: it asks the gate again, for it may have waited long.
    public mutating func turnCame(now: Tick) -> ExchangeStep {
        phase == .queued ? askGate() : ExchangeStep(.wait)
    }

    // MARK: The attempt

    /// An endpoint was looked for.
    public mutating func chosen(_ outcome: ChoiceOutcome, now: Tick) -> ExchangeStep {
        guard phase == .choosing else { return ExchangeStep(.wait) }
        switch outcome {
        case .pooled:
            beginAttempt(isReused: true, now)
            return send(now)
        case .connecting:
            beginAttempt(isReused: false, now)
            phase = .connecting
            return ExchangeStep(.wait)
        case .full:
            phase = .queued
            return ExchangeStep(.queue)
        case .noEndpoint: return holdForEndpoint(now) ?? end(OwnAnswer(503, "no_endpoint"))
        case .localShortage: return end(Self.shortage, .localShortage)
        }
    }

    static let shortage = OwnAnswer(503, "no_local_resources")

    private mutating func beginAttempt(isReused: Bool, _ now: Tick) {
        attempt = AttemptState(began: now, isReused: isReused)
        request.attempts += 1
        if Mutation.seeds(.forgetsInterimsOfEarlierAttempts) { request.interims = 0 }
    }

    /// The connection stands.
    public mutating func connected(now: Tick) -> ExchangeStep {
        guard phase == .connecting else { return ExchangeStep(.wait) }
        attempt.connected = now
        if request.isSession {
            phase = .over
            return ExchangeStep(.tunnel)
        }
        return send(now)
    }

    private mutating func send(_ now: Tick) -> ExchangeStep {
        phase = .sending
        progress.beginAttempt(now)
        // What must not be sent twice is not kept for it; without a body there is nothing to keep.
        if !request.isIdempotent, request.bytes > 0 || !request.isComplete { request.isReplayable = false }
        let omitsExpect = request.wasToldToContinue && !Mutation.seeds(.asksToContinueAgain)
        return ExchangeStep(.sendRequest(omitsExpect: omitsExpect))
    }

    /// A primary whose endpoints cannot be reached may just be dying: the request waits until that is known, within the
    /// budget that requests are held for, so that finding it out costs waiting and not failures.
    ///
    /// - Returns: nil when the service does not let it wait, or it has waited long enough.
    mutating func holdForEndpoint(_ now: Tick, _ verdict: EndpointVerdict = []) -> ExchangeStep? {
        guard request.holdBudget > 0, mayReplay else { return nil }
        if request.holdDeadline == .distantFuture {
            request.holdDeadline = now.saturating(adding: request.holdBudget)
        }
        guard now < request.holdDeadline || Mutation.seeds(.holdsForEver) else { return nil }
        return hold(verdict)
    }
}
