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
    public mutating func holdRefused() -> ExchangeStep { end(OwnAnswer(503, "too_many_held")) }

    /// It was let go on by the hold queue. Every way to a backend leads through the gate.
    public mutating func released(now: Tick) -> ExchangeStep {
        guard phase == .held else { return ExchangeStep(.wait) }
        request.wasHeld = true
        return readmit(now: now)
    }

    /// The next attempt may begin.
    public mutating func readmit(now: Tick) -> ExchangeStep {
        guard phase != .over else { return ExchangeStep(.wait) }
        phase = .admitting
        // The time that it waited is nobody's fault.
        progress.restart(now)
        return ExchangeStep(.admit)
    }

    // MARK: Room

    /// Too many wait for room already.
    public mutating func queueRefused() -> ExchangeStep { end(OwnAnswer(503, "circuit_open")) }

    /// Its time in the queue is over.
    public mutating func queueTimedOut() -> ExchangeStep { end(OwnAnswer(503, "queue_timeout")) }

    /// Its turn has come: it asks the gate again, for it may have waited long.
    public mutating func turnCame(now: Tick) -> ExchangeStep {
        guard phase == .queued else { return ExchangeStep(.wait) }
        return readmit(now: now)
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
        request.needsFreshConnection = false
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
        progress.toBackend = now
        progress.fromBackend = now
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
            request.holdDeadline = now.adding(nanoseconds: request.holdBudget)
        }
        guard now < request.holdDeadline || Mutation.seeds(.holdsForEver) else { return nil }
        return hold(verdict)
    }
}
