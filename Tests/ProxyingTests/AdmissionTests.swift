// Tests the way of a request to an endpoint: the gate, being held, the queue, choosing.
import Proxying
import Testing
import Topology

@Suite struct AdmissionTests {
    @Test(arguments: scenarios) func holds(_ scenario: Scenario) { #expect(scenario.violations() == []) }

    static let scenarios = gate + held + queue + sessions

    private static let gate = [
        Scenario(
            title: "a request that passes is sent on a new connection",
            steps: sent(0), status: 0, retries: 0, attempts: 1),
        Scenario(
            title: "a request that passes is sent on a pooled connection", steps: sent(0, pooled: true), attempts: 1),
        Scenario(
            title: "what the gate refuses is answered with its word",
            steps: [
                Step(
                    0, .admitted(.refused(OwnAnswer(503, "switching", detail: "busy"))),
                    .answer(OwnAnswer(503, "switching", detail: "busy")), [], .over)
            ], status: 503, attempts: 0),
        Scenario(
            title: "what goes nowhere is answered",
            steps: [Step(0, .refused(OwnAnswer(404, "no_route")), .answers(404, "no_route"), [], .over)], status: 404),
        Scenario(
            title: "a request is refused before it is sent or not at all",
            steps: sent(0) + [Step(1, .refused(OwnAnswer(404, "no_route"))), Step(1, .routed(ExchangePolicy()))]),
        Scenario(
            title: "no endpoint takes requests",
            steps: chosen(0) + [Step(0, .chosen(.noEndpoint), .answers(503, "no_endpoint"), [], .over)], status: 503,
            attempts: 0),
        Scenario(
            title: "a want of ports says nothing of the endpoint",
            steps: chosen(0) + [
                Step(0, .chosen(.localShortage), .answers(503, "no_local_resources"), .localShortage, .over)
            ], status: 503, attempts: 0),
        Scenario(
            title: "words that come too early or too late change nothing",
            steps: [
                Step(0, .chosen(.pooled)), Step(0, .connected), Step(0, .released), Step(0, .turnCame),
                Step(0, .holdRefused), Step(0, .queueRefused), Step(0, .queueTimedOut), Step(0, .responseEnded),
                Step(0, .failed(.reset)), Step(0, .head(200)),
            ] + sent(0) + [
                Step(1, .admitted(.hold)), Step(1, .admitted(.passed(holdBudget: 0))), Step(1, .chosen(.noEndpoint)),
                Step(1, .connected), Step(1, .released), Step(1, .readmit), Step(1, .turnCame), Step(1, .holdRefused),
                Step(1, .queueRefused), Step(1, .queueTimedOut), Step(1, .responseEnded),
            ], status: 0, attempts: 1),
    ]

    private static let held = [
        Scenario(
            title: "a held request asks the gate when it is let go on",
            steps: [
                Step(0, .admitted(.hold), .hold, [], .held), Step(100, .released, .admit, [], .admitting),
                Step(100, .admitted(.hold), .hold, [], .held), Step(200, .released, .admit, [], .admitting),
            ] + sent(200), attempts: 1),
        Scenario(
            title: "too many are held",
            steps: [
                Step(0, .admitted(.hold), .hold, [], .held),
                Step(0, .holdRefused, .answers(503, "too_many_held"), [], .over),
            ], status: 503),
        Scenario(
            title: "a request without an endpoint is held as long as the service says",
            steps: chosen(0, hold: 15_000) + [
                Step(0, .chosen(.noEndpoint), .hold, [], .held), Step(100, .released, .admit, [], .admitting),
            ] + chosen(100, hold: 15_000) + [
                Step(.before(15_000), .chosen(.noEndpoint), .hold, [], .held),
                Step(15_000, .released, .admit, [], .admitting),
            ] + chosen(15_000, hold: 15_000) + [
                Step(15_000, .chosen(.noEndpoint), .answers(503, "no_endpoint"), [], .over)
            ], status: 503, attempts: 0),
        Scenario(
            title: "the time to be held begins with the first failure",
            steps: [Step(0, .admitted(.hold), .hold, [], .held), Step(14_000, .released, .admit, [], .admitting)]
                + chosen(14_000, hold: 15_000) + [
                    Step(14_000, .chosen(.noEndpoint), .hold, [], .held),
                    Step(20_000, .released, .admit, [], .admitting),
                ] + chosen(20_000, hold: 15_000) + [Step(.before(29_000), .chosen(.noEndpoint), .hold, [], .held)]),
        Scenario(
            title: "a budget without an end holds without an end",
            steps: chosen(0, hold: .max / 1_000_000) + [
                Step(0, .chosen(.noEndpoint), .hold, [], .held),
                Step(9_000_000_000, .released, .admit, [], .admitting),
            ] + chosen(9_000_000_000, hold: .max / 1_000_000) + [
                Step(9_000_000_000, .chosen(.noEndpoint), .hold, [], .held)
            ]),
    ]

    private static let queue = [
        Scenario(
            title: "a request waits for room and asks the gate again",
            steps: chosen(0) + [
                Step(0, .chosen(.full), .queue, [], .queued), Step(50, .turnCame, .admit, [], .admitting),
            ] + chosen(50) + [
                Step(50, .chosen(.full), .queue, [], .queued), Step(60, .turnCame, .admit, [], .admitting),
                Step(60, .admitted(.hold), .hold, [], .held),
            ], attempts: 0),
        Scenario(
            title: "too many wait for room",
            steps: chosen(0) + [
                Step(0, .chosen(.full), .queue, [], .queued),
                Step(0, .queueRefused, .answers(503, "circuit_open"), [], .over),
            ], status: 503),
        Scenario(
            title: "nobody waits for room for ever",
            steps: chosen(0) + [
                Step(0, .chosen(.full), .queue, [], .queued),
                Step(2_000, .queueTimedOut, .answers(503, "queue_timeout"), [], .over),
            ], status: 503),
    ]

    private static let sessions = [
        Scenario(
            title: "a TCP session becomes a tunnel once it is connected", request: .session,
            steps: connecting(0, fresh: true) + [Step(5, .connected, .tunnel, [], .over)], attempts: 1),
        Scenario(
            title: "a TCP session is tried again, then held", request: .session,
            steps: connecting(0, hold: 15_000, fresh: true) + [
                Step(5, .failed(.refused), .retries, .unreachable, .admitting), Step(5, .readmit, .admit),
            ] + connecting(5, hold: 15_000, fresh: true) + [Step(6, .failed(.refused), .hold, .unreachable, .held)],
            retries: 1,
            attempts: 2),
        Scenario(
            title: "a TCP client may end its side before it is connected", request: .session,
            steps: connecting(0, fresh: true) + [Step(1, .clientEnded), Step(5, .connected, .tunnel, [], .over)]),
    ]
}
