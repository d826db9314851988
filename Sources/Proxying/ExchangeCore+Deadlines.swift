// Owns when time is up, and whose fault that is.
public import Balancing
public import Topology

/// When something last moved on each of the four ways, and how long the client was asked for its body.
struct Progress: Sendable {
    var fromClient: Tick
    var toBackend: Tick
    var fromBackend: Tick
    var toClient: Tick
    var isReceivingResponse = true
    /// Since when the body is received; nil while it is not.
    private(set) var receivingSince: Tick?
    /// How long it was received before that, in nanoseconds.
    private var received: Int64 = 0

    init(now: Tick) {
        fromClient = now
        toBackend = now
        fromBackend = now
        toClient = now
    }

    /// A new attempt: what was before it counts for nothing.
    mutating func restart(_ now: Tick) {
        toBackend = now
        fromBackend = now
        isReceivingResponse = true
    }

    mutating func receivedFromClient(_ now: Tick) { fromClient = now }

    mutating func resumeRequest(_ now: Tick) {
        guard receivingSince == nil else { return }
        receivingSince = now
        // The pause was ours.
        fromClient = now
    }

    mutating func pauseRequest(_ now: Tick) {
        guard let since = receivingSince else { return }
        received += now.nanoseconds(since: since)
        receivingSince = nil
    }

    /// How long the client was asked for its body, in nanoseconds.
    func receivingTime(_ now: Tick) -> Int64 { received + (receivingSince.map { now.nanoseconds(since: $0) } ?? 0) }
}

extension ExchangeCore {
    /// What the client and the backend have not been sent yet, in bytes.
    public struct Unsent: Hashable, Sendable {
        public var toClient: Int
        public var toBackend: Int

        public init(toClient: Int, toBackend: Int) {
            self.toClient = toClient
            self.toBackend = toBackend
        }
    }

    /// When `tick` is due next. It may come earlier, and is late if something else begins to wait meanwhile.
    public func deadline(now: Tick, unsent: Unsent) -> Tick {
        var due = policy.request.map { request.began.adding(nanoseconds: $0) } ?? .distantFuture
        switch phase {
        case .connecting: due = min(due, attempt.began.adding(nanoseconds: policy.connect))
        case .sending, .answering:
            due = min(due, backendDeadline(unsent), clientDeadline(unsent), bodyDeadline(now))
        default: break
        }
        return due
    }

    /// Time has passed: is anything overdue? What the proxy itself did not let through is nobody's fault.
    public mutating func tick(now: Tick, unsent: Unsent, budget: inout RetryBudget) -> ExchangeStep {
        guard phase != .over, phase != .idle else { return ExchangeStep(.wait) }
        if let limit = policy.request, now >= request.began.adding(nanoseconds: limit) {
            return end(OwnAnswer(504, "request_timeout"))
        }
        switch phase {
        case .connecting where now >= attempt.began.adding(nanoseconds: policy.connect):
            return failed(.connectTimeout, now: now, budget: &budget)
        case .sending, .answering: return tickUnderWay(now, unsent, &budget)
        default: return ExchangeStep(.wait)
        }
    }

    private mutating func tickUnderWay(
        _ now: Tick, _ unsent: Unsent, _ budget: inout RetryBudget
    ) -> ExchangeStep {
        if now >= clientDeadline(unsent) { return end(OwnAnswer(502, "client_stalled")) }
        if now >= backendDeadline(unsent) {
            if phase == .answering { return end(OwnAnswer(504, "response_stalled"), .error) }
            // Who has begun to answer has acted on the request.
            let isSafe = request.isIdempotent && !attempt.hasResponse
            return retry(or: OwnAnswer(504, "first_byte_timeout"), isSafe: isSafe, isFree: false, .error, now, &budget)
        }
        if isBodyOverdue(now) { return end(OwnAnswer(408, "body_timeout")) }
        if isBodyTooSlow(now) { return end(OwnAnswer(408, "body_too_slow")) }
        return ExchangeStep(.wait)
    }

    /// The client has been asked for its body and owes it; else the backend owes something.
    private var clientOwesBody: Bool {
        guard !request.isComplete, progress.receivingSince != nil else { return false }
        // Until the backend says 100 the client rightly waits.
        return !request.expectsContinue || request.wasToldToContinue || request.bytes > 0
            || Mutation.seeds(.blamesClientForSilentBackend)
    }

    private func backendDeadline(_ unsent: Unsent) -> Tick {
        if phase == .answering {
            guard progress.isReceivingResponse, !response.isComplete else { return .distantFuture }
            let limit = response.isEventStream ? policy.eventStreamIdle : policy.responseIdle
            return progress.fromBackend.adding(nanoseconds: limit)
        }
        // It cannot answer before it has the request, unless it is what holds the request up.
        if clientOwesBody, unsent.toBackend == 0 { return .distantFuture }
        return max(progress.toBackend, attempt.connected).adding(nanoseconds: policy.firstByte)
    }

    private func clientDeadline(_ unsent: Unsent) -> Tick {
        unsent.toClient > 0 ? progress.toClient.adding(nanoseconds: policy.clientStall) : .distantFuture
    }

    private func bodyDeadline(_ now: Tick) -> Tick {
        guard clientOwesBody else { return .distantFuture }
        // The rate is looked at every five seconds once the grace is over.
        let grace = policy.bodyGrace - progress.receivingTime(now)
        let rate = now.adding(nanoseconds: max(grace, 5_000_000_000))
        return min(rate, progress.fromClient.adding(nanoseconds: policy.bodyGrace))
    }

    private func isBodyOverdue(_ now: Tick) -> Bool {
        clientOwesBody && now >= progress.fromClient.adding(nanoseconds: policy.bodyGrace)
    }

    private func isBodyTooSlow(_ now: Tick) -> Bool {
        let time =
            Mutation.seeds(.countsPausedTime) ? now.nanoseconds(since: request.began) : progress.receivingTime(now)
        guard clientOwesBody, time > policy.bodyGrace else { return false }
        return request.bytes / Int(max(1, time / 1_000_000_000)) < policy.bodyRate
    }
}
