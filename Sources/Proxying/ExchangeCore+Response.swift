// Owns what becomes of an answer: passed on, swallowed, tried again, taken for a change of protocols.
public import Balancing
internal import HTTPWire
public import Topology

extension ExchangeCore {
    /// The first bytes of an answer came, or more of them.
    public mutating func responseBegan(now: Tick) {
        progress.receivedFromBackend(now)
        if attempt.firstByte == .zero { attempt.firstByte = now }
        attempt.isHeadBegun = true
    }

    /// The head of an answer is whole.
    public mutating func responseHead(
        _ facts: ResponseFacts, now: Tick, budget: inout RetryBudget
    ) -> ExchangeStep {
        guard phase == .sending || phase == .answering && Mutation.seeds(.forwardsHeadTwice) else {
            return ExchangeStep(.wait)
        }
        if facts.status == 101 { return switchProtocols(facts) }
        if facts.status < 200 { return interim(facts, now) }
        if 502...504 ~= facts.status, grantsRetryOfStatus(now, &budget) { return retry(.error) }
        phase = .answering
        response.status = facts.status
        response.isEventStream = facts.isEventStream
        response.hasAnswered = true
        request.isReplayable = false
        return ExchangeStep(.forwardHead, Self.verdict(on: facts.status))
    }

    private static func verdict(on status: Int) -> EndpointVerdict {
        if status >= 500 { return .error }
        return Mutation.seeds(.forgetsSuccess) ? [] : .success
    }

    private mutating func interim(_ facts: ResponseFacts, _ now: Tick) -> ExchangeStep {
        attempt.isHeadBegun = false
        request.interims += 1
        if request.interims > policy.maximumInterim, !Mutation.seeds(.passesInterimsForEver) {
            return end(OwnAnswer(502, "too_many_interim"), .error)
        }
        guard request.takesInterim || Mutation.seeds(.sendsInterimsToOldClients) else { return ExchangeStep(.swallow) }
        guard facts.status == 100 else { return ExchangeStep(.forwardInterim) }
        // 100 is for a client that waits for it, and only once.
        guard request.expectsContinue, !request.wasToldToContinue || Mutation.seeds(.asksToContinueAgain) else {
            return ExchangeStep(.swallow)
        }
        if awaitsContinue, !Mutation.seeds(.countsTheWaitForContinue) { progress.beginBody(now) }
        request.wasToldToContinue = true
        return ExchangeStep(.forwardInterim)
    }

    /// Only what was asked for is believed, and only in the words of RFC 6455 section 4.2.2. A tunnel begins where the
    /// request ends (RFC 9110 section 7.8): before that, the rest of the request would be taken for the new protocol.
    private mutating func switchProtocols(_ facts: ResponseFacts) -> ExchangeStep {
        guard request.wantsUpgrade || Mutation.seeds(.upgradesUnasked) else {
            return end(OwnAnswer(502, "unasked_upgrade"), .error)
        }
        guard facts.acceptsWebSocket || Mutation.seeds(.believesAnyUpgrade),
            request.isComplete || Mutation.seeds(.upgradesHalfARequest)
        else { return end(OwnAnswer(502, "bad_upgrade"), .error) }
        phase = .over
        response.status = 101
        response.hasAnswered = true
        return ExchangeStep(.upgrade, .success)
    }

    /// Bytes of the answer were handed over to the client.
    ///
    /// - Parameter wereWaiting: whether earlier bytes still waited for the client.
    public mutating func handedOver(_ count: Int, wereWaiting: Bool, now: Tick) {
        response.bytes += count
        progress.receivedFromBackend(now)
        // A stall begins with the first byte that has to wait.
        if !wereWaiting { progress.toClient = now }
    }

    /// All of the answer was handed over. An early answer leaves the rest of the request unread.
    public mutating func responseEnded() -> ExchangeStep {
        guard phase == .answering else { return ExchangeStep(.wait) }
        phase = .over
        response.isComplete = true
        return ExchangeStep(.finish)
    }

    /// When the client's bytes of a finished answer have waited too long for it.
    public func flushDeadline() -> Tick { progress.toClient.saturating(adding: policy.clientStall) }
}
