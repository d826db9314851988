// Tests what becomes of a request whose primary moves: held again where that is safe, else ended.
import Catalog
import Proxying
import Switching
import Testing
import Topology

@Suite struct CutTests {
    @Test(arguments: scenarios) func holds(_ scenario: Scenario) { #expect(scenario.violations() == []) }

    private static let west = GateOrder.Mode.serve(DatacenterName("eu-west"), Epoch(formation: 1_800_000_000))
    private static let switching = order(.hold(.switching))
    /// Every order that lets a cut request wait, and the one that does not any more.
    private static let patient = HoldReason.allCases.map { order(.hold($0)) } + [order(west)]
    private static let refusing = HoldReason.allCases.map { order(.hold($0), until: 5) }

    private static let held = Step(5, .cut(switching), .hold, [], .held)
    private static let refused = Step(5, .cut(switching), .answers(502, "cut_by_switch"), [], .over)

    static let scenarios = orders + unsent + underWay

    private static let orders =
        patient.map { order in
            Scenario(
                title: "a cut GET is held when the gate says \(order.mode)",
                steps: sent(0) + [
                    Step(5, .cut(order), .hold, [], .held), Step(6, .cut(order)),
                    Step(100, .released, .admit, [], .admitting),
                ] + sent(100) + answered(101), status: 200, retries: 0, attempts: 2)
        }
        + refusing.map { order in
            Scenario(
                title: "a cut GET is refused when it may wait no longer for \(order.mode)",
                steps: sent(0) + [Step(5, .cut(order), .answers(502, "cut_by_switch"), [], .over)], status: 502)
        }

    private static let places: [(String, [Step])] = [
        ("on its way to the gate", []), ("while an endpoint is chosen", chosen(0)),
        ("in the queue", chosen(0) + [Step(0, .chosen(.full), .queue, [], .queued)]),
        ("while it is being connected", connecting(0)),
        (
            "between two attempts",
            connecting(0) + [Step(1, .failed(.refused), .retries, .unreachable, .admitting)]
        ),
    ]

    private static let unsent = places.flatMap { place, steps in
        [
            Scenario(title: "a POST that is cut \(place) is held", request: .post, steps: steps + [held]),
            Scenario(
                title: "a body that was not sent is held \(place)", request: .upload,
                steps: [.body(0, .body(1 << 20), keeps: true)] + steps + [held]),
        ]
    }

    private static let underWay = [
        Scenario(title: "a POST that is cut is 502", request: .post, steps: sent(0) + [refused], status: 502),
        Scenario(
            title: "a cut on a pooled connection is no dead connection", request: .post,
            steps: sent(0, pooled: true) + [refused], status: 502),
        Scenario(
            title: "a cut PUT is held with its body", request: .put,
            steps: sent(0) + [.body(1, .body(5, end: true), forwards: true, keeps: true), held], status: 0),
        Scenario(
            title: "a cut PUT whose body is not kept is 502", request: .put,
            steps: sent(0) + [.body(1, .body(1 << 20), forwards: true, drops: true), refused], status: 502),
        Scenario(
            title: "a GET that is cut after a byte of an answer is 502",
            steps: sent(0) + [.note(1, .began), refused], status: 502),
        Scenario(
            title: "a GET that is cut after an interim answer is 502",
            steps: sent(0) + [.note(1, .began), Step(1, .head(103), .forwardInterim), refused], status: 502),
        Scenario(
            title: "what an earlier attempt answered does not count",
            steps: sent(0) + [
                .note(1, .began), Step(1, .head(503), .retries, .error, .admitting), Step(1, .readmit, .admit),
            ] + sent(1) + [held], retries: 1),
        Scenario(
            title: "an answer that is cut ends with a reset",
            steps: sent(0) + answered(1) + [Step(5, .cut(switching), .aborts("cut_by_switch"), [], .over)],
            status: 200),
        Scenario(
            title: "what is over is not cut",
            steps: sent(0) + answered(1) + [
                Step(2, .responseEnded, .finish, [], .over), Step(5, .cut(switching)),
            ], status: 200),
        Scenario(
            title: "a TCP session that is being connected is held", request: .session,
            steps: connecting(0, fresh: true) + [held]),
    ]
}
