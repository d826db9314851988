// Owns when time is up, and whose fault that is.
public import Balancing
internal import HTTPWire
public import Topology

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

    /// What an exchange is held to.
    private enum Limit { case request, connect, clientStall, firstByte, responseIdle, bodyPause, bodyRate }

    /// A limit, and the moment at which it is reached.
    private struct Due {
        var tick = Tick.distantFuture
        var limit = Limit.request

        mutating func consider(_ limit: Limit, _ tick: Tick) {
            guard tick < self.tick else { return }
            self.tick = tick
            self.limit = limit
        }
    }

    /// When `tick` is due next, if nothing happens before; `distantFuture`: never. A tick that comes earlier does
    /// nothing.
    public func deadline(now: Tick, unsent: Unsent) -> Tick { due(unsent).tick }

    /// Time has passed: is anything overdue? Whoever was due first is to blame.
    public mutating func tick(now: Tick, unsent: Unsent, budget: inout RetryBudget) -> ExchangeStep {
        let due = due(unsent)
        guard due.tick != .distantFuture, now >= due.tick else { return ExchangeStep(.wait) }
        switch due.limit {
        case .request: return end(OwnAnswer(504, "request_timeout"))
        case .connect: return failed(.connectTimeout, now: now, budget: &budget)
        case .clientStall: return abandonStalledClient()
        case .firstByte:
            // Who has begun to answer, if only with 1xx, has acted on the request.
            let isSafe = request.isIdempotent && !attempt.hasResponse
            return retry(or: OwnAnswer(504, "first_byte_timeout"), isSafe: isSafe, isFree: false, .error, now, &budget)
        case .responseIdle: return end(OwnAnswer(504, "response_stalled"), .error)
        case .bodyPause: return end(OwnAnswer(408, "body_timeout"))
        case .bodyRate: return end(OwnAnswer(408, "body_too_slow"))
        }
    }

    /// It takes nothing, so there is nothing to tell it.
    private mutating func abandonStalledClient() -> ExchangeStep {
        if Mutation.seeds(.answersWhoDoesNotRead) { return end(OwnAnswer(502, "client_stalled")) }
        phase = .over
        if response.status == 0 { response.status = 499 }
        return ExchangeStep(.abortClient(StaticText("client_stalled")))
    }

    private func due(_ unsent: Unsent) -> Due {
        var due = Due()
        guard phase != .idle, phase != .over else { return due }
        if let limit = policy.request, isUnderWay || !Mutation.seeds(.forgetsRequestTimeoutWhileWaiting) {
            due.consider(.request, request.began.saturating(adding: limit))
        }
        if phase == .connecting {
            let began = Mutation.seeds(.connectsWithinOneTimeout) ? request.began : attempt.began
            due.consider(.connect, began.saturating(adding: policy.connect))
        }
        guard isWithBackend else { return due }
        if unsent.toClient > 0 {
            due.consider(.clientStall, progress.toClient.saturating(adding: policy.clientStall))
        }
        considerBackend(unsent, &due)
        if clientOwesBody { considerBody(&due) }
        return due
    }

    private var isUnderWay: Bool { phase == .connecting || isWithBackend }

    private func considerBackend(_ unsent: Unsent, _ due: inout Due) {
        guard progress.isReceivingResponse || Mutation.seeds(.blamesBackendForOurPause) else { return }
        if phase == .answering || attempt.isHeadBegun {
            let isPatient = response.isEventStream && !Mutation.seeds(.hurriesEventStreams)
            let limit = isPatient ? policy.eventStreamIdle : policy.responseIdle
            due.consider(.responseIdle, progress.fromBackend.saturating(adding: limit))
            guard Mutation.seeds(.firstByteCutsAnswers) else { return }
        }
        // It cannot answer before it has the request, unless it is what holds the request up.
        guard request.isComplete || unsent.toBackend > 0 || awaitsContinue else { return }
        due.consider(.firstByte, progress.toBackend.saturating(adding: policy.firstByte))
    }

    private func considerBody(_ due: inout Due) {
        due.consider(.bodyPause, progress.fromClient.saturating(adding: policy.bodyGrace))
        let time = max(policy.bodyGrace, bodyAllowance)
        let deadline =
            Mutation.seeds(.countsPausedTime)
            ? request.began.saturating(adding: time) : progress.bodyDeadline(after: time)
        due.consider(.bodyRate, deadline)
    }

    /// Until the backend says 100 the client rightly waits.
    var awaitsContinue: Bool {
        request.expectsContinue && !request.wasToldToContinue && request.bytes == 0
            && !Mutation.seeds(.blamesClientForSilentBackend)
    }

    /// The client has been asked for its body, and is not done.
    private var clientOwesBody: Bool { !request.isComplete && progress.receivingSince != nil && !awaitsContinue }

    /// How long the bytes that came may have taken by the least rate, in nanoseconds.
    private var bodyAllowance: Int64 {
        guard policy.bodyRate > 0 else { return .max }
        let (seconds, rest) = request.bytes.quotientAndRemainder(dividingBy: policy.bodyRate)
        let milliseconds = Int64(rest.multipliedReportingOverflow(by: 1_000).partialValue / policy.bodyRate)
        // A century is for ever.
        return min(Int64(seconds), 3_155_760_000) * 1_000_000_000 + milliseconds * 1_000_000
    }
}
