// Tests what becomes of a request's body: sent on, kept, dropped, and never replayed in part.
import Proxying
import Testing
import Topology

@Suite struct BodyTests {
    @Test(arguments: scenarios) func holds(_ scenario: Scenario) { #expect(scenario.violations() == []) }

    private static let limit = ExchangePolicy().replayLimit
    private static let again = [
        Step(9, .failed(.reset), .retries, .unreachable, .admitting), Step(9, .readmit, .admit),
    ]
    private static let given = [
        Step(9, .failed(.reset), .answers(502, "upstream_reset"), .unreachable, .over)
    ]

    static let scenarios = kept + early + endings

    private static let kept = [
        Scenario(
            title: "a body is sent on and kept for another attempt", request: .put,
            steps: sent(0) + [
                .body(1, .body(100), forwards: true, keeps: true),
                .body(2, .body(100, end: true), forwards: true, keeps: true),
            ] + again + sent(9), retries: 1),
        Scenario(
            title: "a body that was begun goes on in the next attempt", request: .put,
            steps: sent(0) + [.body(1, .body(100), forwards: true, keeps: true)] + again + [
                .body(9, .body(10), keeps: true)
            ] + sent(9) + [.body(10, .body(10, end: true), forwards: true, keeps: true)]),
        Scenario(
            title: "a body of the replay limit is kept whole", request: .put,
            steps: sent(0) + [.body(1, .body(limit, end: true), forwards: true, keeps: true)] + again + sent(9)),
        Scenario(
            title: "a body over the replay limit is not sent again", request: .put,
            steps: sent(0) + [
                .body(1, .body(limit), forwards: true, keeps: true),
                .body(2, .body(1), forwards: true, drops: true), .body(3, .body(1, end: true), forwards: true),
            ] + given, status: 502, retries: 0),
        Scenario(
            title: "a body for which there is no room is not sent again", request: .put,
            steps: sent(0) + [
                .body(1, .body(5), forwards: true, keeps: true),
                .body(2, .body(5, end: true, room: false), forwards: true, drops: true),
            ] + given, status: 502),
        Scenario(
            title: "503 for a body over the replay limit is passed on", request: .put,
            steps: sent(0) + [
                .body(1, .body(limit + 1, end: true), forwards: true, drops: true)
            ] + answered(2, 503), status: 503, retries: 0),
        Scenario(
            title: "what no backend got is all still here, however long", request: .upload,
            steps: [.body(0, .body(limit + 1), keeps: true)] + connecting(0) + [
                Step(9, .failed(.refused), .retries, .unreachable, .admitting), Step(9, .readmit, .admit),
            ] + sent(9) + [.body(10, .body(1, end: true), forwards: true)]),
        Scenario(
            title: "what no backend got is held without room to keep it", request: .upload,
            steps: [.body(0, .body(10, end: true, room: false), keeps: true)] + chosen(0, hold: 15_000) + [
                Step(0, .chosen(.noEndpoint), .hold, [], .held), Step(100, .released, .admit, [], .admitting),
            ] + sent(100, hold: 15_000)),
        Scenario(
            title: "what overflowed before it was sent is not sent twice", request: .put,
            steps: [.body(0, .body(limit + 1, end: true), keeps: true)] + sent(0) + given, status: 502),
        Scenario(
            title: "the body of a POST is not kept once it is sent", request: .upload,
            steps: [.body(0, .body(5), keeps: true)] + sent(0) + [
                .body(1, .body(5, end: true), forwards: true)
            ] + given, status: 502),
    ]

    private static let early = [
        Scenario(
            title: "an early answer ends the request unread", request: .upload,
            steps: sent(0) + [.body(1, .body(5), forwards: true)] + answered(2, 413) + [
                Step(3, .responseEnded, .finish, [], .over), .body(4, .body(5)),
            ], status: 413),
        Scenario(
            title: "a body goes on while the answer has begun, and is not kept", request: .put,
            steps: sent(0) + [.body(1, .body(5), forwards: true, keeps: true)] + answered(2) + [
                .body(3, .body(5), forwards: true), .body(4, .body(5, end: true), forwards: true),
                Step(5, .responseEnded, .finish, [], .over),
            ], status: 200),
        Scenario(
            title: "an early 503 is tried elsewhere while all of the body is here", request: .put,
            steps: sent(0) + [.body(1, .body(5), forwards: true, keeps: true), .note(2, .began)] + [
                Step(2, .head(503), .retries, .error, .admitting), Step(2, .readmit, .admit),
            ] + sent(2) + [.body(3, .body(5, end: true), forwards: true, keeps: true)]),
        Scenario(
            title: "a backend that fails after an early answer cuts the client off", request: .put,
            steps: sent(0) + [.body(1, .body(5), forwards: true, keeps: true)] + answered(2) + [
                Step(3, .failed(.reset), .aborts("upstream_reset"), .error, .over)
            ], status: 200, retries: 0),
    ]

    private static let endings = [
        Scenario(
            title: "a malformed body is the client's fault", request: .put,
            steps: sent(0) + [Step(1, .malformed, .answers(400, "chunked_coding"), [], .over)], status: 400),
        Scenario(
            title: "a body that turns malformed after the answer began cuts the client off", request: .put,
            steps: sent(0) + answered(1) + [Step(2, .malformed, .aborts("chunked_coding"), [], .over)], status: 200),
        Scenario(
            title: "a body that turns malformed after the end changes nothing", request: .put,
            steps: sent(0) + answered(1) + [
                Step(2, .responseEnded, .finish, [], .over), Step(3, .malformed), Step(3, .clientLost),
            ], status: 200),
        Scenario(
            title: "half a request is not passed on as a whole one", request: .upload,
            steps: sent(0) + [
                .body(1, .body(5), forwards: true), Step(2, .clientEnded, .cancels("client_closed"), [], .over),
            ], status: 499),
    ]
}
