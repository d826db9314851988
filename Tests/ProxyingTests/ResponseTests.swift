// Tests what becomes of an answer: interim ones, the final one, and a change of protocols.
import HTTPWire
import Proxying
import Testing
import Topology

@Suite struct ResponseTests {
    @Test(arguments: scenarios) func holds(_ scenario: Scenario) { #expect(scenario.violations() == []) }

    static let scenarios = finals + interims + expectations + upgrades

    private static func interim(_ at: Moment, _ status: Int, _ action: ExchangeAction) -> [Step] {
        [.note(at, .began), Step(at, .head(status), action)]
    }

    private static func interims(_ count: Int, from at: Int64 = 1) -> [Step] {
        (0..<count).flatMap { interim(Moment(at + Int64($0)), 103, .forwardInterim) }
    }

    private static let finals =
        [200, 304, 404, 413, 499].map {
            Scenario(
                title: "\($0) is passed on as a success",
                steps: sent(0) + answered(1, $0) + [
                    .note(1, .handedOver(100)), Step(2, .responseEnded, .finish, [], .over),
                ], status: $0)
        } + [
            Scenario(
                title: "one answer is enough",
                steps: sent(0) + answered(1) + [
                    Step(2, .head(500)), Step(2, .head(103)), Step(2, .head(101)),
                    Step(3, .responseEnded, .finish, [], .over), Step(4, .head(200)), Step(4, .responseEnded),
                    Step(4, .failed(.reset)), Step(4, .clientEnded), Step(4, .interrupted),
                ], status: 200),
            Scenario(
                title: "a second request begins with nothing of the first",
                policy: with { $0.request = 5_000_000_000 },
                steps: sent(0) + answered(1) + [
                    Step(2, .responseEnded, .finish, [], .over), next(3, .get), Step(10_000, .tick()),
                    Step(10_000, .routed(ExchangePolicy()), .admit),
                ] + connecting(10_000) + [
                    Step(10_001, .failed(.localShortage), .answers(503, "no_local_resources"), .localShortage, .over)
                ], status: 503, attempts: 1),
        ]

    private static func next(_ at: Moment, _ request: RequestState) -> Step {
        var step = Step.note(at, .begin(request))
        step.phase = .admitting
        return step
    }

    private static let interims = [
        Scenario(
            title: "sixteen interim answers are passed on", steps: sent(0) + interims(16) + answered(100), status: 200),
        Scenario(
            title: "the seventeenth interim answer is one too many",
            steps: sent(0) + interims(16) + [
                .note(100, .began), Step(100, .head(103), .answers(502, "too_many_interim"), .error, .over),
            ], status: 502),
        Scenario(
            title: "interim answers count over all attempts",
            steps: sent(0) + interims(10) + [
                .note(50, .began), Step(50, .head(503), .retries, .error, .admitting), Step(50, .readmit, .admit),
            ] + sent(50) + interims(6, from: 51) + [
                .note(100, .began), Step(100, .head(103), .answers(502, "too_many_interim"), .error, .over),
            ], status: 502, retries: 1),
        Scenario(
            title: "100 that nobody waits for is swallowed, and counts",
            policy: with { $0.maximumInterim = 2 },
            steps: sent(0) + interim(1, 100, .swallow) + interim(2, 100, .swallow) + [
                .note(3, .began), Step(3, .head(100), .answers(502, "too_many_interim"), .error, .over),
            ], status: 502),
        Scenario(
            title: "no interim answer is allowed", policy: with { $0.maximumInterim = 0 },
            steps: sent(0) + [
                .note(3, .began), Step(3, .head(103), .answers(502, "too_many_interim"), .error, .over),
            ], status: 502),
        Scenario(
            title: "HTTP/1.0 gets no interim answer",
            request: .make(.put, hasBody: true, expects: true, takesInterim: false),
            steps: sent(0) + interim(1, 100, .swallow) + interim(2, 103, .swallow) + answered(3), status: 200),
    ]

    private static let expectations = [
        Scenario(
            title: "100 reaches a client that waits for it, once", request: .expecting,
            steps: sent(0) + interim(1, 100, .forwardInterim) + interim(2, 100, .swallow) + [
                .body(3, .body(5, end: true), forwards: true, keeps: true)
            ] + answered(4), status: 200),
        Scenario(
            title: "who was told to continue is not asked to wait again", request: .expecting,
            steps: sent(0) + interim(1, 100, .forwardInterim) + [
                .body(2, .body(5, end: true), forwards: true, keeps: true), .note(3, .began),
                Step(3, .head(503), .retries, .error, .admitting), Step(3, .readmit, .admit),
            ] + sent(3, omitsExpect: true) + interim(4, 100, .swallow) + answered(5), status: 200, retries: 1),
        Scenario(
            title: "who was not told is asked to wait again", request: .expecting,
            steps: sent(0) + [
                .note(3, .began), Step(3, .head(503), .retries, .error, .admitting), Step(3, .readmit, .admit),
            ] + sent(3) + interim(4, 100, .forwardInterim)),
        Scenario(
            title: "an expectation without a body is none", request: .make(.put, expects: true),
            steps: sent(0) + interim(1, 100, .swallow)),
        Scenario(
            title: "a final answer may come in the place of 100", request: .expecting,
            steps: sent(0) + answered(1, 417) + [Step(2, .responseEnded, .finish, [], .over)], status: 417),
    ]

    private static func switched(_ action: ExchangeAction, _ verdict: EndpointVerdict, webSocket: Bool) -> [Step] {
        sent(0) + [.note(1, .began), Step(1, .head(101, webSocket: webSocket), action, verdict, .over)]
    }

    private static let upgrades = [
        Scenario(
            title: "a change to WebSocket makes a tunnel", request: .webSocket,
            steps: switched(.upgrade, .success, webSocket: true) + [
                Step(2, .clientLost), Step(2, .failed(.reset)), Step(9_000_000, .tick()),
            ], status: 101),
        Scenario(
            title: "101 that nobody asked for is refused",
            steps: switched(.answers(502, "unasked_upgrade"), .error, webSocket: true), status: 502),
        Scenario(
            title: "101 in other words than WebSocket's is refused", request: .webSocket,
            steps: switched(.answers(502, "bad_upgrade"), .error, webSocket: false), status: 502),
        Scenario(
            title: "101 before the request has ended is refused",
            request: .make(.get, hasBody: true, wantsUpgrade: true),
            steps: switched(.answers(502, "bad_upgrade"), .error, webSocket: true), status: 502),
        Scenario(
            title: "a change of protocols may be refused", request: .webSocket, steps: sent(0) + answered(1, 403),
            status: 403),
    ]
}
