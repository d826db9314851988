// Tests every timeout of an exchange: when exactly, whose fault it is, and which pauses do not count.
import Balancing
import HTTPWire
import Proxying
import Testing
import Topology

@Suite struct TimeTests {
    @Test(arguments: scenarios) func holds(_ scenario: Scenario) { #expect(scenario.violations() == []) }

    static let scenarios = connects + firstBytes + continues + answers + clients + bodies + rates + wholes

    private static let never = with { $0.retry.attempts = 0 }

    /// Nothing happens a nanosecond before `at`, and this at `at`.
    private static func due(
        _ at: Int64, _ action: ExchangeAction, _ verdict: EndpointVerdict = [],
        _ phase: ExchangeCore.Phase = .over, toClient: Int = 0, toBackend: Int = 0
    ) -> [Step] {
        let tick = Event.tick(toClient: toClient, toBackend: toBackend)
        return [Step(.before(at), tick), Step(Moment(at), tick, action, verdict, phase)]
    }

    private static func silent(_ at: Int64, toBackend: Int = 0) -> [Step] {
        due(at, .answers(504, "first_byte_timeout"), .error, toBackend: toBackend)
    }

    private static func interim(_ at: Moment, _ status: Int) -> [Step] {
        [.note(at, .began), Step(at, .head(status), .forwardInterim)]
    }

    private static let connects = [
        Scenario(
            title: "a connect has its time",
            steps: connecting(0) + due(2_000, .retries, .unreachable, .admitting), retries: 1),
        Scenario(
            title: "every connect has its own time",
            steps: connecting(0) + [
                Step(1_500, .failed(.refused), .retries, .unreachable, .admitting), Step(1_500, .readmit, .admit),
            ] + connecting(1_500) + due(3_500, .answers(504, "connect_failed"), .unreachable), status: 504),
        Scenario(
            title: "waiting for the gate, an endpoint or room has no time here",
            steps: [Step(0, .admitted(.hold), .hold, [], .held), Step(900_000, .tick(toClient: 1))]
                + [Step(900_000, .released, .admit, [], .admitting), Step(999_000, .tick())] + chosen(999_000) + [
                    Step(999_999, .tick()), Step(999_999, .chosen(.full), .queue, [], .queued),
                    Step(9_999_999, .tick()),
                ], status: 0),
    ]

    private static let firstBytes = [
        Scenario(
            title: "the first byte counts from the connection", policy: never,
            steps: connecting(0) + [Step(1_000, .connected, .sends, [], .sending)] + silent(31_000), status: 504),
        Scenario(
            title: "the first byte counts from when the backend has the request", policy: never,
            steps: sent(0) + [.note(5_000, .backendTook)] + silent(35_000), status: 504),
        Scenario(
            title: "the first byte counts from the end of a body", request: .put, policy: never,
            steps: sent(0) + [
                .note(0, .receivesRequest(true)), .note(0, .backendTook),
                .body(20_000, .body(9_000), forwards: true, keeps: true), .note(20_000, .backendTook),
                .body(40_000, .body(9_000, end: true), forwards: true, keeps: true),
            ] + silent(70_000), status: 504),
        Scenario(
            title: "a silent backend has acted on a POST", request: .post, steps: sent(0) + silent(30_000), retries: 0),
        Scenario(
            title: "a backend that takes nothing of a body is silent", request: .put, policy: never,
            steps: sent(0) + [
                .note(0, .receivesRequest(true)), .note(0, .backendTook),
                .body(10_000, .body(9_000), forwards: true, keeps: true),
                .body(20_000, .body(9_000), forwards: true, keeps: true), Step(30_000, .tick(toBackend: 1)),
                .body(35_000, .body(9_000), forwards: true, keeps: true),
            ] + silent(40_000, toBackend: 1), status: 504),
        Scenario(
            title: "a backend that made us pause is silent", request: .put, policy: never,
            steps: sent(0) + [
                .note(0, .receivesRequest(true)), .body(1_000, .body(9_000), forwards: true, keeps: true),
                .note(1_000, .receivesRequest(false)),
            ] + silent(30_000, toBackend: 1), status: 504),
        Scenario(
            title: "interim answers do not prolong the first byte", policy: never,
            steps: sent(0) + interim(10_000, 103) + interim(29_000, 102) + silent(30_000), status: 504),
        Scenario(
            title: "what was answered with an interim is not sent again",
            steps: sent(0) + interim(1, 103) + silent(30_000),
            retries: 0),
        Scenario(
            title: "a head that has begun has met the first byte",
            steps: sent(0) + [.note(29_000, .began), Step(59_000, .tick()), .note(60_000, .began)]
                + due(120_000, .answers(504, "response_stalled"), .error), status: 504, retries: 0),
        Scenario(
            title: "the client that does not take interim answers is no fault of the backend's", policy: never,
            steps: sent(0) + interim(1_000, 103) + [
                .note(1_000, .receivesResponse(false)), Step(90_000, .tick()), .note(90_000, .receivesResponse(true)),
            ] + silent(120_000), status: 504),
    ]

    private static let continues = [
        Scenario(
            title: "a backend that does not say whether to continue is silent", request: .expecting, policy: never,
            steps: sent(0) + [.note(0, .receivesRequest(true))] + silent(30_000), status: 504),
        Scenario(
            title: "the wait for 100 does not count against the client", request: .expecting, policy: never,
            steps: sent(0) + [.note(0, .receivesRequest(true))] + interim(29_000, 100)
                + due(59_000, .answers(408, "body_timeout")), status: 408),
        Scenario(
            title: "nor does it count as slowness", request: .expecting, policy: never,
            steps: sent(0) + [.note(0, .receivesRequest(true))] + interim(29_000, 100) + [
                .body(50_000, .body(10), forwards: true, keeps: true)
            ] + due(59_000, .answers(408, "body_too_slow")), status: 408),
        Scenario(
            title: "nor do pauses in it", request: .expecting, policy: never,
            steps: sent(0) + [
                .note(0, .receivesRequest(true)), .note(10_000, .receivesRequest(false)),
                .note(10_000, .receivesRequest(true)),
            ] + interim(29_000, 100) + [.body(50_000, .body(10), forwards: true, keeps: true)]
                + due(59_000, .answers(408, "body_too_slow")), status: 408),
        Scenario(
            title: "HTTP/1.0 does not wait for 100",
            request: .make(.put, hasBody: true, expects: true, takesInterim: false),
            steps: sent(0) + [.note(0, .receivesRequest(true))] + due(30_000, .answers(408, "body_timeout")),
            status: 408),
        Scenario(
            title: "who does not wait for 100 begins by itself", request: .expecting, policy: never,
            steps: sent(0) + [
                .note(0, .receivesRequest(true)), .body(20_000, .body(10), forwards: true, keeps: true),
                .body(40_000, .body(10), forwards: true, keeps: true),
            ] + due(50_000, .answers(408, "body_too_slow")), status: 408),
    ]

    private static let answers = [
        Scenario(
            title: "a backend's pause within an answer has its time",
            steps: sent(0) + answered(1_000) + [.note(50_000, .began), .note(50_000, .handedOver(10))]
                + due(110_000, .aborts("response_stalled"), .error), status: 200, retries: 0),
        Scenario(
            title: "an event stream may pause longer",
            steps: sent(0) + answered(1_000, events: true) + due(3_601_000, .aborts("response_stalled"), .error)),
        Scenario(
            title: "the first byte does not count once an answer has begun",
            policy: with { $0.responseIdle = 60_000_000_000 },
            steps: sent(0) + answered(1_000) + [
                Step(59_000, .tick()), .note(60_000, .began), Step(100_000, .tick()), .note(100_000, .began),
                Step(101_000, .responseEnded, .finish, [], .over),
            ], status: 200),
        Scenario(
            title: "while the client holds an answer back the backend owes nothing",
            steps: sent(0) + answered(1_000) + [
                .note(1_000, .receivesResponse(false)), Step(300_000, .tick()), .note(300_000, .receivesResponse(true)),
            ] + due(360_000, .aborts("response_stalled"), .error), status: 200),
    ]

    private static let clients = [
        Scenario(
            title: "a client that takes nothing of an answer is cut off",
            steps: sent(0) + answered(1_000) + [
                .note(1_000, .handedOver(10)), .note(5_000, .began), .note(5_000, .handedOver(10, waiting: true)),
            ] + due(31_000, .aborts("client_stalled"), toClient: 1), status: 200),
        Scenario(
            title: "a client that takes a little is not cut off",
            steps: sent(0) + answered(1_000) + [.note(1_000, .handedOver(99)), .note(20_000, .clientTook)]
                + due(50_000, .aborts("client_stalled"), toClient: 1), status: 200),
        Scenario(
            title: "a stall begins with the first byte that waits",
            steps: sent(0) + answered(1_000) + [.note(1_000, .handedOver(9)), .note(40_000, .handedOver(9))]
                + due(70_000, .aborts("client_stalled"), toClient: 1), status: 200),
        Scenario(
            title: "who does not take interim answers is not answered",
            steps: sent(0) + [.note(1_000, .began), Step(1_000, .head(103), .forwardInterim)] + [
                .note(1_000, .handedOver(9)), .note(1_000, .receivesResponse(false)),
            ] + due(31_000, .aborts("client_stalled"), toClient: 1), status: 499),
    ]

    private static let bodies = [
        Scenario(
            title: "a client that pauses within its body is given up", request: .upload,
            policy: with { $0.bodyRate = 0 },
            steps: sent(0) + [.note(0, .receivesRequest(true)), .body(10_000, .body(5), forwards: true)]
                + due(40_000, .answers(408, "body_timeout")), status: 408),
        Scenario(
            title: "what we do not receive is nobody's pause", request: .upload,
            steps: sent(0) + [
                .note(0, .receivesRequest(true)), .body(10_000, .body(5), forwards: true),
                .note(10_000, .receivesRequest(false)), Step(300_000, .tick()), .note(300_000, .receivesRequest(true)),
                Step(318_000, .tick()), .body(319_000, .body(9), forwards: true),
            ] + due(320_000, .answers(408, "body_too_slow")), status: 408),
        Scenario(
            title: "what was before an attempt counts against nobody", request: .put,
            policy: with { $0.bodyRate = 0 },
            steps: sent(0) + [
                .note(0, .receivesRequest(true)), Step(25_000, .failed(.reset), .retries, .unreachable, .admitting),
                Step(25_000, .readmit, .admit),
            ] + sent(40_000) + due(70_000, .answers(408, "body_timeout")), status: 408),
        Scenario(
            title: "nor does it count as slowness in a later attempt", request: .put,
            steps: sent(0) + [
                .note(0, .receivesRequest(true)), Step(25_000, .failed(.reset), .retries, .unreachable, .admitting),
                Step(25_000, .readmit, .admit),
            ] + sent(40_000) + [.body(60_000, .body(10), forwards: true, keeps: true)]
                + due(70_000, .answers(408, "body_too_slow")), status: 408),
        Scenario(
            title: "a client that pauses after an early answer is cut off", request: .upload,
            steps: sent(0) + [.note(0, .receivesRequest(true))] + answered(1_000)
                + due(30_000, .aborts("body_timeout")), status: 200),
        Scenario(
            title: "who has sent its body owes nothing more", request: .upload, policy: never,
            steps: sent(0) + [
                .note(0, .receivesRequest(true)), .body(1_000, .body(5, end: true), forwards: true),
                .note(1_000, .receivesRequest(true)), .note(1_000, .backendTook),
            ] + silent(31_000), status: 504),
    ]

    private static let rates = [
        Scenario(
            title: "a body has to keep its rate once its grace is over", request: .upload,
            steps: sent(0) + [
                .note(0, .receivesRequest(true)), .body(10_000, .body(10_000), forwards: true),
                .body(29_000, .body(8_000), forwards: true), Step(35_000, .tick()),
            ] + due(36_000, .answers(408, "body_too_slow")), status: 408),
        Scenario(
            title: "more of a body buys more time", request: .upload,
            steps: sent(0) + [
                .note(0, .receivesRequest(true)), .body(29_000, .body(15_000), forwards: true),
                .body(.before(30_000), .body(250), forwards: true),
            ] + due(30_500, .answers(408, "body_too_slow")), status: 408),
        Scenario(
            title: "no rate, no slowness", request: .upload, policy: with { $0.bodyRate = 0 },
            steps: sent(0) + [.note(0, .receivesRequest(true))]
                + (1...9).flatMap { i in
                    [.body(Moment(i * 29_000), .body(1), forwards: true), Step(Moment(i * 29_000), .tick())]
                }, status: 0),
        Scenario(
            title: "a body beyond all measures is not slow", request: .upload, policy: with { $0.bodyRate = 1 },
            steps: sent(0) + [.note(0, .receivesRequest(true)), .body(1, .body(.max / 2), forwards: true)]
                + due(30_001, .answers(408, "body_timeout"))),
    ]

    private static let brief = with { $0.request = 20_000_000_000 }

    private static let wholes =
        [
            ("at the gate", []), ("while it is held", [Step(0, .admitted(.hold), .hold, [], .held)]),
            ("while an endpoint is chosen", chosen(0)),
            ("in the queue", chosen(0) + [Step(0, .chosen(.full), .queue, [], .queued)]),
            ("while a backend is silent", sent(0)),
        ].map { place, steps in
            Scenario(
                title: "the whole of a request has its time \(place)", policy: brief,
                steps: steps + due(20_000, .answers(504, "request_timeout")), status: 504)
        } + [
            Scenario(
                title: "the whole of a request has its time while it is connected",
                policy: with {
                    $0.request = 20_000_000_000
                    $0.connect = 60_000_000_000
                }, steps: connecting(0) + due(20_000, .answers(504, "request_timeout")), status: 504),
            Scenario(
                title: "the whole of a request has its time while it is answered", policy: brief,
                steps: sent(0) + answered(1) + [.note(19_000, .began)] + due(20_000, .aborts("request_timeout")),
                status: 200),
            Scenario(
                title: "the time of a request counts over all attempts", policy: brief,
                steps: sent(0) + [
                    Step(15_000, .failed(.reset), .retries, .unreachable, .admitting), Step(15_000, .readmit, .admit),
                ] + sent(15_000) + due(20_000, .answers(504, "request_timeout")), status: 504),
            Scenario(
                title: "limits without an end are never reached",
                policy: with {
                    $0.request = .max
                    $0.firstByte = .max
                    $0.responseIdle = .max
                },
                steps: sent(0) + [Step(9_000_000_000, .tick())] + answered(9_000_000_000) + [
                    Step(9_200_000_000, .tick())
                ], status: 200),
        ]

    @Test func theEndOfAnAnswerHasTheClientsTime() {
        var core = ExchangeCore()
        var budget = RetryBudget()
        let steps =
            [.note(0, .begin(.get)), Step(0, .routed(ExchangePolicy()))] + sent(0) + answered(1_000) + [
                .note(1_000, .handedOver(10)), Step(1_000, .responseEnded),
            ]
        for step in steps { _ = core.apply(step.event, step.at.tick, &budget) }
        #expect(core.flushDeadline() == Moment(31_000).tick)
        core.clientTook(now: Moment(20_000).tick)
        #expect(core.flushDeadline() == Moment(50_000).tick)
        #expect(core.deadline(now: Moment(90_000).tick, unsent: .init(toClient: 9, toBackend: 9)) == .distantFuture)
    }
}
