// Tests each ending of an exchange in each of its phases, for requests that may be sent twice and for others.
import Balancing
import Proxying
import Switching
import Testing
import Topology

private typealias Phase = ExchangeCore.Phase

/// What ends an exchange, or may.
private enum Ending: CaseIterable {
    case clientEnded, clientLost, interrupted, malformed
    case refused, connectTimeout, localShortage, reset, closed, badAnswer
    case cut, cutTooLate, wholeTimeout

    var event: Event {
        switch self {
        case .clientEnded: .clientEnded
        case .clientLost: .clientLost
        case .interrupted: .interrupted
        case .malformed: .malformed
        case .refused: .failed(.refused)
        case .connectTimeout: .failed(.connectTimeout)
        case .localShortage: .failed(.localShortage)
        case .reset: .failed(.reset)
        case .closed: .failed(.closed)
        case .badAnswer: .failed(.malformed(.chunkedCoding))
        case .cut: .cut(order(.hold(.switching)))
        case .cutTooLate: .cut(order(.hold(.switching), until: 0))
        case .wholeTimeout: .tick()
        }
    }

    var isFailure: Bool {
        [.refused, .connectTimeout, .localShortage, .reset, .closed, .badAnswer].contains(self)
    }
}

/// A kind of request that has no retry left, in one of its phases.
private struct Situation {
    var request: RequestState
    var phase: Phase
    var isPooled = false
    var sawInterim = false
    var abortsOnClose = true

    var policy: ExchangePolicy {
        with {
            $0.retry.attempts = 0
            $0.request = 1_000_000_000
            $0.abortsOnClose = abortsOnClose
        }
    }

    /// How it got there.
    var steps: [Step] {
        let sending =
            sent(0, pooled: isPooled) + (sawInterim ? [.note(1, .began), Step(1, .head(103), .forwardInterim)] : [])
        switch phase {
        case .idle, .admitting: return []
        case .held: return [Step(0, .admitted(.hold), .hold, [], .held)]
        case .choosing: return chosen(0)
        case .queued: return chosen(0) + [Step(0, .chosen(.full), .queue, [], .queued)]
        case .connecting: return connecting(0)
        case .sending: return sending
        case .answering: return sending + answered(2)
        case .over: return sending + answered(2) + [Step(3, .responseEnded, .finish, [], .over)]
        }
    }

    /// What must come of it: the rules, once more and in other words than the core's.
    func outcome(of ending: Ending) -> (ExchangeAction, EndpointVerdict, status: Int) {
        let isAnswered = phase == .answering || phase == .over
        let nothing = (ExchangeAction.wait, EndpointVerdict(), status: isAnswered ? 200 : 0)
        if phase == .over { return nothing }
        func ends(_ status: Int, _ reason: StaticString, _ verdict: EndpointVerdict = []) -> (
            ExchangeAction, EndpointVerdict, status: Int
        ) {
            isAnswered ? (.aborts(reason), verdict, 200) : (.answers(status, reason), verdict, status)
        }
        func cancels(_ reason: StaticString) -> (ExchangeAction, EndpointVerdict, status: Int) {
            (.cancels(reason), [], isAnswered ? 200 : 499)
        }
        switch ending {
        case .clientLost: return cancels("client_reset")
        case .interrupted: return cancels("shutdown")
        case .clientEnded:
            if !request.isComplete { return cancels("client_closed") }
            return request.isIdempotent && abortsOnClose && !isAnswered ? cancels("client_closed") : nothing
        case .malformed: return ends(400, "chunked_coding")
        case .wholeTimeout: return ends(504, "request_timeout")
        case .cut, .cutTooLate:
            if phase == .held { return nothing }
            let isSent = phase == .sending || phase == .answering
            let mayWait = !isAnswered && (!isSent || request.isIdempotent && !sawInterim)
            return mayWait && ending == .cut ? (.hold, [], 0) : ends(502, "cut_by_switch")
        default: break
        }
        switch (phase, ending) {
        case (.connecting, .localShortage), (.sending, .localShortage), (.answering, .localShortage):
            return ends(503, "no_local_resources", .localShortage)
        case (.connecting, _):
            return ends(ending == .connectTimeout ? 504 : 502, "connect_failed", .unreachable)
        case (.sending, _) where isPooled && !sawInterim && ending != .badAnswer && request.isIdempotent:
            return (.retry(isCounted: false), [], 0)
        case (.sending, _), (.answering, _):
            let isDead = phase == .sending && !sawInterim && ending != .badAnswer
            let verdict: EndpointVerdict =
                isDead && isPooled ? [] : isDead && ending == .reset ? .unreachable : .error
            return ends(502, reason(ending), verdict)
        default: return nothing
        }
    }

    private func reason(_ ending: Ending) -> StaticString {
        switch ending {
        case .reset: "upstream_reset"
        case .closed: phase == .answering ? "upstream_cut_short" : "upstream_closed"
        case .badAnswer: "chunked_coding"
        default: "connect_failed"
        }
    }
}

@Suite struct EndingTests {
    private static let situations: [Situation] = {
        let phases: [Phase] = [.admitting, .held, .choosing, .queued, .connecting, .sending, .answering, .over]
        let requests: [RequestState] = [.get, .post, .put, .upload, .webSocket, .expecting]
        return phases.flatMap { phase in
            requests.flatMap { request in
                [false, true].flatMap { isPooled in
                    [false, true].flatMap { sawInterim in
                        [false, true].map {
                            Situation(
                                request: request, phase: phase, isPooled: isPooled, sawInterim: sawInterim,
                                abortsOnClose: $0)
                        }
                    }
                }
            }
        }
    }()

    /// The endings of whoever has no retry left and may not wait for an endpoint.
    @Test fileprivate func eachEndingInEachPhase() {
        for situation in Self.situations {
            for ending in Ending.allCases {
                let expected = situation.outcome(of: ending)
                let over: Phase? =
                    switch expected.0 {
                    case .wait: nil
                    case .hold: .held
                    case .retry: .admitting
                    default: .over
                    }
                let at: Moment = ending == .wholeTimeout ? 1_000 : 5
                let scenario = Scenario(
                    title: "\(ending) while \(situation.phase)", request: situation.request, policy: situation.policy,
                    steps: situation.steps + [Step(at, ending.event, expected.0, expected.1, over)],
                    status: expected.status)
                #expect(scenario.violations() == [], "\(ending) of \(situation)")
            }
        }
    }

    /// The same failures with a retry left, or with time to wait for an endpoint.
    @Test func failuresThatAreNoEndings() {
        let failures: [AttemptFailure] = [.refused, .connectTimeout, .reset, .closed]
        for failure in failures {
            for request in [RequestState.get, .post, .put, .upload] {
                let unreachable = EndpointVerdict.unreachable
                let isSafe = request.isIdempotent
                let verdict: EndpointVerdict = failure == .reset ? unreachable : .error
                let connect = connecting(0, hold: 9_000)
                let send = sent(0, hold: 9_000)
                let scenarios =
                    [
                        Scenario(
                            title: "retried", request: request,
                            steps: connect + [Step(1, .failed(failure), .retries, unreachable, .admitting)]),
                        Scenario(
                            title: "held", request: request, allowed: 0,
                            steps: connect + [Step(1, .failed(failure), .hold, unreachable, .held)]),
                    ]
                    + (isSafe
                        ? [
                            Scenario(
                                title: "sent again", request: request,
                                steps: sent(0) + [Step(1, .failed(failure), .retries, verdict, .admitting)]),
                            Scenario(
                                title: "sent again a moment later", request: request,
                                steps: send + [Step(1, .failed(failure), .retryLater, verdict, .held)], retries: 1),
                            Scenario(
                                title: "held once sent", request: request, allowed: 0,
                                steps: send + [Step(1, .failed(failure), .hold, verdict, .held)], retries: 0),
                        ] : [])
                for scenario in scenarios {
                    #expect(scenario.violations() == [], "\(failure) of \(request): \(scenario.title)")
                }
            }
        }
    }

    @Test(arguments: scenarios) func holds(_ scenario: Scenario) { #expect(scenario.violations() == []) }

    static let scenarios = [
        Scenario(
            title: "who leaves before an answer cancels a GET",
            steps: sent(0) + [Step(5, .clientEnded, .cancels("client_closed"), [], .over)], status: 499),
        Scenario(
            title: "who leaves before an answer does not cancel a POST", request: .post,
            steps: sent(0) + [Step(5, .clientEnded)] + answered(6), status: 200),
        Scenario(
            title: "who leaves does not cancel anything when that is off", policy: with { $0.abortsOnClose = false },
            steps: sent(0) + [Step(5, .clientEnded)] + answered(6), status: 200),
        Scenario(
            title: "a client that has said all it has to say gets the rest of its answer",
            steps: sent(0) + answered(5) + [Step(6, .clientEnded), Step(7, .responseEnded, .finish, [], .over)],
            status: 200),
        Scenario(
            title: "a held client that leaves waits no longer",
            steps: [
                Step(0, .admitted(.hold), .hold, [], .held),
                Step(5, .clientEnded, .cancels("client_closed"), [], .over),
                Step(6, .released),
            ], status: 499),
    ]

    /// Nothing has begun, so nothing ends.
    @Test fileprivate func nothingEndsBeforeItBegins() {
        var core = ExchangeCore()
        var budget = RetryBudget()
        for ending in Ending.allCases {
            let outcome = core.apply(ending.event, Moment(999_999).tick, &budget)
            #expect(outcome == .step(ExchangeStep(.wait)), "\(ending)")
            #expect(core.phase == .idle)
        }
        #expect(core.apply(.body(5), Moment(0).tick, &budget) == .body(BodyDisposition()))
        #expect(core.deadline(now: Moment(0).tick, unsent: .init(toClient: 1, toBackend: 1)) == .distantFuture)
    }
}
