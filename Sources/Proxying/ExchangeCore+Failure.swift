// Owns what becomes of a request when an attempt fails or is cut: sent again where that is safe, else ended.
public import Balancing
internal import HTTPWire
public import Switching
public import Topology

extension ExchangeCore {
    /// The attempt came to nothing, or to half of an answer.
    ///
    /// - Parameter budget: of the service's retries; charged for one that is granted.
    public mutating func failed(_ failure: AttemptFailure, now: Tick, budget: inout RetryBudget) -> ExchangeStep {
        guard phase == .connecting || isWithBackend else { return ExchangeStep(.wait) }
        // Nothing is known of the endpoint, and the next one would need a port, too.
        if failure == .localShortage, !Mutation.seeds(.blamesEndpointForShortage) {
            return end(Self.shortage, .localShortage)
        }
        switch phase {
        case .connecting: return connectFailed(failure, now, &budget)
        case .sending: return sendingFailed(failure, now, &budget)
        default: return end(OwnAnswer(502, Self.reason(failure, whileAnswering: true)), .error)
        }
    }

    /// No byte of the request was sent, so every method may be tried again.
    private mutating func connectFailed(
        _ failure: AttemptFailure, _ now: Tick, _ budget: inout RetryBudget
    ) -> ExchangeStep {
        let answer = OwnAnswer(failure == .connectTimeout ? 504 : 502, "connect_failed")
        return retry(or: answer, isSafe: true, isFree: true, [.error, .connectFailure], now, &budget)
    }

    private mutating func sendingFailed(
        _ failure: AttemptFailure, _ now: Tick, _ budget: inout RetryBudget
    ) -> ExchangeStep {
        let answer = OwnAnswer(502, Self.reason(failure, whileAnswering: false))
        // Who has begun to answer has acted on the request; and what is malformed would be so again.
        if attempt.hasResponse, !Mutation.seeds(.repeatsAfterInterim) { return end(answer, .error) }
        if case .malformed = failure, !Mutation.seeds(.repeatsWhatIsMalformed) { return end(answer, .error) }
        if attempt.isReused {
            // The backend had closed the connection before the request came, which is no failure of either.
            guard request.isIdempotent || Mutation.seeds(.repeatsUnsafeOnDeadConnection), mayReplay else {
                return end(answer)
            }
            request.needsFreshConnection = !Mutation.seeds(.takesDeadConnectionsInARow)
            if Mutation.seeds(.chargesForDeadConnections) {
                return retry(or: answer, isSafe: true, isFree: false, [], now, &budget)
            }
            return retry(isCounted: false)
        }
        let verdict: EndpointVerdict = failure == .reset ? [.error, .connectFailure] : .error
        let isSafe = request.isIdempotent || Mutation.seeds(.repeatsUnsafeAfterReset)
        let step = retry(or: answer, isSafe: isSafe, isFree: false, verdict, now, &budget)
        // A process that is being killed still accepts, and resets: when the whole datacenter dies, the next attempt would
        // meet another in the same milliseconds, and be the last. So it is made a moment later.
        guard case .retry = step.action, !Mutation.seeds(.retriesAmongTheDying) else { return step }
        return holdForEndpoint(now, verdict).map { ExchangeStep(.retryLater, $0.verdict) } ?? step
    }

    static func reason(_ failure: AttemptFailure, whileAnswering: Bool) -> StaticText {
        switch failure {
        case .malformed(let error): error.reason
        case .reset: StaticText("upstream_reset")
        case .closed: StaticText(whileAnswering ? "upstream_cut_short" : "upstream_closed")
        case .refused, .connectTimeout: StaticText("connect_failed")
        case .localShortage: StaticText("no_local_resources")
        }
    }

    // MARK: Another attempt

    /// Grants another attempt if the request may be repeated, the policy allows it and the budget has room; else waits
    /// for an endpoint that answers; else ends.
    ///
    /// - Parameters:
    ///   - isSafe: whether the backend cannot have acted on the request, or may do so twice (RFC 9110 section 9.2.2).
    ///   - isFree: whether no byte of the request can have reached the backend.
    mutating func retry(
        or answer: OwnAnswer, isSafe: Bool, isFree: Bool, _ verdict: EndpointVerdict, _ now: Tick,
        _ budget: inout RetryBudget
    ) -> ExchangeStep {
        guard isSafe, mayReplay else { return end(answer, verdict) }
        if !isFree { request.paidAttempts += 1 }
        if grantsRetry(now, &budget) { return retry(verdict) }
        // What reached a backend is not sent again more often than the policy says: it may be what kills them.
        let mayWait = isFree || request.paidAttempts <= policy.retry.attempts || Mutation.seeds(.holdsWhatKillsBackends)
        return (mayWait ? holdForEndpoint(now, verdict) : nil) ?? end(answer, verdict)
    }

    /// The attempt is over, and the next one begins at the gate.
    mutating func retry(_ verdict: EndpointVerdict = [], isCounted: Bool = true) -> ExchangeStep {
        phase = .admitting
        return ExchangeStep(.retry(isCounted: isCounted), verdict)
    }

    private mutating func grantsRetry(_ now: Tick, _ budget: inout RetryBudget) -> Bool {
        guard request.retries < policy.retry.attempts || Mutation.seeds(.retriesWithoutLimit) else { return false }
        // The budget is a share of requests. A session that could not be connected has cost nobody anything.
        let isWithinBudget = request.isSession || budget.mayRetry(now: now, policy: policy.retry)
        guard isWithinBudget || Mutation.seeds(.ignoresRetryBudget) else { return false }
        request.retries += 1
        return true
    }

    /// The backend answered 502, 503 or 504: another may do better.
    mutating func grantsRetryOfStatus(_ now: Tick, _ budget: inout RetryBudget) -> Bool {
        guard request.isIdempotent || Mutation.seeds(.repeatsUnsafeAfterStatus), mayReplay, grantsRetry(now, &budget)
        else { return false }
        if !Mutation.seeds(.forgetsWhatAnswered) { request.paidAttempts += 1 }
        return true
    }

    // MARK: Being cut

    /// The datacenter that it writes to, or is about to write to, may not be written to any more. The request waits for
    /// the next primary if it may be sent again and nothing of an answer came.
    public mutating func cut(by order: GateOrder, now: Tick) -> ExchangeStep {
        guard phase != .over, phase != .held, phase != .idle else { return ExchangeStep(.wait) }
        let isSafe = !isWithBackend || request.isIdempotent || Mutation.seeds(.repeatsUnsafeAfterCut)
        let sawResponse = isWithBackend && attempt.hasResponse && !Mutation.seeds(.holdsAfterResponseByte)
        switch order.afterCut(isReplayable: isSafe && mayReplay, sawResponse: sawResponse, now: now) {
        case .holdAgain: return hold()
        case .badGateway, .close: return end(OwnAnswer(502, "cut_by_switch"))
        }
    }
}
