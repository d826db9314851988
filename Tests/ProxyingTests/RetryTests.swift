// Tests when a request is sent again, and when that is nobody's retry.
import Balancing
import Proxying
import Testing
import Topology

@Suite struct RetryTests {
    @Test(arguments: scenarios) func holds(_ scenario: Scenario) { #expect(scenario.violations() == []) }

    static let scenarios = connects + resets + deadConnections + statuses + limits

    private static var twice: ExchangePolicy { with { $0.retry.attempts = 2 } }
    private static var never: ExchangePolicy { with { $0.retry.attempts = 0 } }

    /// Granted at `at`; the next attempt begins at once.
    private static func retried(
        _ at: Moment, _ event: Event, _ verdict: EndpointVerdict, isCounted: Bool = true
    ) -> [Step] {
        [Step(at, event, .retry(isCounted: isCounted), verdict, .admitting), Step(at, .readmit, .admit)]
    }

    private static func sentFresh(_ at: Moment) -> [Step] {
        connecting(at, fresh: true) + [Step(at, .connected, .sends, [], .sending)]
    }

    private static let connects = [
        Scenario(
            title: "a connect that fails is tried again, whatever the method", request: .post,
            steps: connecting(0) + retried(1, .failed(.refused), .unreachable) + connecting(1) + [
                Step(2, .failed(.refused), .answers(502, "connect_failed"), .unreachable, .over)
            ], status: 502, retries: 1, attempts: 2),
        Scenario(
            title: "a reset connect is a failed one",
            steps: connecting(0) + retried(1, .failed(.reset), .unreachable) + sent(1), retries: 1),
        Scenario(
            title: "a connect without an answer is 504 in the end", policy: never,
            steps: connecting(0) + [
                Step(1, .failed(.connectTimeout), .answers(504, "connect_failed"), .unreachable, .over)
            ], status: 504),
        Scenario(
            title: "a want of ports while connecting is not tried again",
            steps: connecting(0) + [
                Step(1, .failed(.localShortage), .answers(503, "no_local_resources"), .localShortage, .over)
            ], status: 503, retries: 0),
        Scenario(
            title: "a want of memory while sending says nothing of the endpoint",
            steps: sent(0) + [
                Step(1, .failed(.localShortage), .answers(503, "no_local_resources"), .localShortage, .over)
            ], status: 503, retries: 0),
        Scenario(
            title: "a connect that fails waits for the primary once its retries are used up", request: .post,
            steps: connecting(0, hold: 15_000) + retried(1, .failed(.refused), .unreachable)
                + connecting(1, hold: 15_000) + [
                    Step(2, .failed(.refused), .hold, .unreachable, .held),
                    Step(102, .released, .admit, [], .admitting),
                ] + connecting(102, hold: 15_000) + [
                    Step(15_001, .failed(.refused), .hold, .unreachable, .held),
                    Step(15_100, .released, .admit, [], .admitting),
                ] + connecting(15_100, hold: 15_000) + [
                    Step(15_101, .failed(.refused), .answers(502, "connect_failed"), .unreachable, .over)
                ], status: 502, retries: 1),
    ]

    private static let resets = [
        Scenario(
            title: "a GET is sent again after a reset",
            steps: sent(0) + retried(1, .failed(.reset), .unreachable) + sent(1), retries: 1, attempts: 2),
        Scenario(
            title: "a GET is sent again after an early end",
            steps: sent(0) + retried(1, .failed(.closed), .error) + sent(1), retries: 1, attempts: 2),
        Scenario(
            title: "a POST is not sent again after a reset", request: .post,
            steps: sent(0) + [
                Step(1, .failed(.reset), .answers(502, "upstream_reset"), .unreachable, .over)
            ], status: 502, retries: 0),
        Scenario(
            title: "a POST is not sent again after an early end", request: .post,
            steps: sent(0) + [Step(1, .failed(.closed), .answers(502, "upstream_closed"), .error, .over)], status: 502),
        Scenario(
            title: "nothing is sent again after a byte of an answer",
            steps: sent(0) + [
                .note(1, .began), Step(1, .failed(.reset), .answers(502, "upstream_reset"), .error, .over),
            ], status: 502, retries: 0),
        Scenario(
            title: "nothing is sent again after an interim answer",
            steps: sent(0) + [
                .note(1, .began), Step(1, .head(103), .forwardInterim),
                Step(2, .failed(.closed), .answers(502, "upstream_closed"), .error, .over),
            ], status: 502, retries: 0),
        Scenario(
            title: "a malformed answer is not asked for again",
            steps: sent(0) + [
                Step(1, .failed(.malformed(.chunkedCoding)), .answers(502, "chunked_coding"), .error, .over)
            ], status: 502, retries: 0),
        Scenario(
            title: "half of an answer is cut off",
            steps: sent(0) + answered(1) + [
                Step(2, .failed(.closed), .aborts("upstream_cut_short"), .error, .over)
            ], status: 200, retries: 0),
    ]

    private static let deadConnections = [
        Scenario(
            title: "a dead pooled connection is nobody's retry", policy: never, allowed: 0,
            steps: sent(0, pooled: true) + retried(1, .failed(.closed), [], isCounted: false) + sentFresh(1),
            retries: 0,
            attempts: 2),
        Scenario(
            title: "a pooled connection that is reset is dead, too", policy: never, allowed: 0,
            steps: sent(0, pooled: true) + retried(1, .failed(.reset), [], isCounted: false) + sentFresh(1),
            retries: 0),
        Scenario(
            title: "a request meets one dead connection at most",
            steps: sent(0, pooled: true) + retried(1, .failed(.reset), [], isCounted: false) + sentFresh(1)
                + retried(2, .failed(.reset), .unreachable) + sentFresh(2) + [
                    Step(3, .failed(.reset), .answers(502, "upstream_reset"), .unreachable, .over)
                ], status: 502, retries: 1, attempts: 3),
        Scenario(
            title: "it wants a new connection behind the queue, too",
            steps: sent(0, pooled: true) + retried(1, .failed(.reset), [], isCounted: false) + chosen(1, fresh: true)
                + [
                    Step(1, .chosen(.full), .queue, [], .queued), Step(9, .turnCame, .admit, [], .admitting),
                ] + sentFresh(9)),
        Scenario(
            title: "a POST may have reached the backend on a pooled connection", request: .post,
            steps: sent(0, pooled: true) + [Step(1, .failed(.closed), .answers(502, "upstream_closed"), [], .over)],
            status: 502, retries: 0),
        Scenario(
            title: "a pooled connection that says something is not dead",
            steps: sent(0, pooled: true) + [
                .note(1, .began), Step(1, .failed(.reset), .answers(502, "upstream_reset"), .error, .over),
            ], status: 502),
        Scenario(
            title: "a silent pooled connection is not dead, but slow", policy: never,
            steps: sent(0, pooled: true) + [
                Step(30_000, .tick(), .answers(504, "first_byte_timeout"), .error, .over)
            ], status: 504),
    ]

    private static let statuses =
        [502, 503, 504].map { status in
            Scenario(
                title: "\(status) for a GET is tried elsewhere",
                steps: sent(0) + [.note(1, .began)] + retried(1, .head(status), .error) + sent(1) + answered(2),
                status: 200, retries: 1, attempts: 2)
        }
        + [500, 501, 505, 599].map { status in
            Scenario(title: "\(status) is passed on", steps: sent(0) + answered(1, status), status: status, retries: 0)
        } + [
            Scenario(
                title: "503 for a POST is passed on", request: .post, steps: sent(0) + answered(1, 503), status: 503,
                retries: 0),
            Scenario(
                title: "503 is passed on when the budget is used up", allowed: 0, steps: sent(0) + answered(1, 503),
                status: 503, retries: 0),
            Scenario(
                title: "the second 503 is passed on",
                steps: sent(0) + [.note(1, .began)] + retried(1, .head(503), .error) + sent(1) + answered(2, 503),
                status: 503, retries: 1, attempts: 2),
        ]

    private static let limits = [
        Scenario(
            title: "retries are limited by the policy", policy: twice,
            steps: connecting(0) + retried(1, .failed(.refused), .unreachable) + sent(1)
                + retried(2, .failed(.reset), .unreachable) + sent(2) + [
                    Step(3, .failed(.reset), .answers(502, "upstream_reset"), .unreachable, .over)
                ], status: 502, retries: 2, attempts: 3),
        Scenario(
            title: "retries are limited by the budget", policy: twice, allowed: 1,
            steps: sent(0) + retried(1, .failed(.reset), .unreachable) + sent(1) + [
                Step(2, .failed(.reset), .answers(502, "upstream_reset"), .unreachable, .over)
            ], status: 502, retries: 1),
        Scenario(
            title: "a retry after a reset waits a moment where requests may wait",
            steps: sent(0, hold: 15_000) + [
                Step(1, .failed(.reset), .retryLater, .unreachable, .held),
                Step(100, .released, .admit, [], .admitting),
            ] + connecting(100, hold: 15_000) + [Step(101, .failed(.refused), .hold, .unreachable, .held)], retries: 1),
        Scenario(
            title: "what may kill backends is not held",
            steps: sent(0, hold: 15_000) + [
                Step(1, .failed(.reset), .retryLater, .unreachable, .held),
                Step(100, .released, .admit, [], .admitting),
            ] + sent(100, hold: 15_000) + [
                Step(102, .failed(.reset), .answers(502, "upstream_reset"), .unreachable, .over)
            ], status: 502, retries: 1),
        Scenario(
            title: "what a backend answered with 502 has reached one",
            steps: sent(0, hold: 15_000) + [.note(1, .began)] + retried(1, .head(502), .error) + sent(1, hold: 15_000)
                + [Step(2, .failed(.reset), .answers(502, "upstream_reset"), .unreachable, .over)], status: 502),
        Scenario(
            title: "a request that reached one backend at most is held", allowed: 0,
            steps: sent(0, hold: 15_000) + [Step(1, .failed(.reset), .hold, .unreachable, .held)], retries: 0),
        Scenario(
            title: "a retry asks the gate, which may hold it",
            steps: sent(0) + retried(1, .failed(.reset), .unreachable) + [
                Step(1, .admitted(.hold), .hold, [], .held)
            ], retries: 1),
        Scenario(
            title: "a silent backend is given up for another",
            steps: sent(0) + retried(30_000, .tick(), .error) + sent(30_000) + [
                Step(.before(60_000), .tick()),
                Step(60_000, .tick(), .answers(504, "first_byte_timeout"), .error, .over),
            ], status: 504, retries: 1),
    ]
}

/// The policy that is the default but for what `change` does.
func with(_ change: (inout ExchangePolicy) -> Void) -> ExchangePolicy {
    var policy = ExchangePolicy()
    change(&policy)
    return policy
}
