// Owns the checks of the checker: histories that are known to be linearizable, and histories that are known not to be.
import Testing
import Topology

@testable import Simulation

@Suite("Linearizability")
struct LinearizabilityTests {
    struct History: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var operations: [Operation]
    }

    /// An operation from one instant to another; without an end no answer came.
    private static func during(
        _ called: Int64, _ returned: Int64?, _ kind: Operation.Kind, client: Int = 0, key: Int = 0
    ) -> Operation {
        Operation(
            client: client, key: key, called: Tick(nanoseconds: called),
            returned: returned.map { Tick(nanoseconds: $0) }, kind: kind)
    }

    static let good: [History] = [
        History(testDescription: "nothing", operations: []),
        History(testDescription: "a read of the beginning", operations: [during(0, 1, .read(0))]),
        History(testDescription: "one after another", operations: [during(0, 1, .write(5)), during(2, 3, .read(5))]),
        History(
            testDescription: "a read under a write sees the old value",
            operations: [during(0, 10, .write(5)), during(2, 3, .read(0), client: 1)]),
        History(
            testDescription: "a read under a write sees the new value",
            operations: [during(0, 10, .write(5)), during(2, 3, .read(5), client: 1)]),
        History(
            testDescription: "two writes under way at one time, in either order",
            operations: [
                during(0, 10, .write(1)), during(0, 10, .write(2), client: 1), during(11, 12, .read(1)),
                during(13, 14, .read(1), client: 1),
            ]),
        History(
            testDescription: "an open write takes effect late",
            operations: [
                during(0, nil, .write(5)), during(5, 6, .read(0), client: 1), during(9, 10, .read(5), client: 1),
            ]),
        History(
            testDescription: "an open write never takes effect",
            operations: [during(0, nil, .write(5)), during(5, 6, .read(0), client: 1)]),
        History(
            testDescription: "an open addition counts",
            operations: [during(0, nil, .add(5, result: nil)), during(5, 6, .add(1, result: 6), client: 1)]),
        History(
            testDescription: "registers are apart",
            operations: [during(0, 1, .write(5)), during(2, 3, .read(0), client: 1, key: 1)]),
        History(
            testDescription: "what is called at the instant of another's answer may precede it",
            operations: [during(0, 5, .write(5)), during(5, 6, .read(0), client: 1)]),
        // Herlihy and Wing, "Linearizability", 1990, figure 3 (a), for a register.
        History(
            testDescription: "a long write between two reads",
            operations: [
                during(0, 3, .write(1)), during(4, 20, .write(2)), during(5, 7, .read(1), client: 1),
                during(8, 10, .read(2), client: 2), during(21, 22, .read(2), client: 1),
            ]),
    ]

    static let bad: [History] = [
        History(testDescription: "a value from nowhere", operations: [during(0, 1, .read(7))]),
        History(testDescription: "a lost write", operations: [during(0, 1, .write(5)), during(2, 3, .read(0))]),
        History(
            testDescription: "a read of what was overwritten",
            operations: [during(0, 1, .write(1)), during(2, 3, .write(2)), during(4, 5, .read(1))]),
        History(
            testDescription: "new, then old, under one write",
            operations: [
                during(0, 10, .write(5)), during(1, 2, .read(5), client: 1), during(3, 4, .read(0), client: 2),
            ]),
        History(
            testDescription: "two readers see two orders",
            operations: [
                during(0, 10, .write(1)), during(0, 10, .write(2), client: 1), during(11, 12, .read(1), client: 2),
                during(13, 14, .read(2), client: 3),
            ]),
        History(
            testDescription: "an addition twice",
            operations: [during(0, 1, .add(1, result: 1)), during(2, 3, .read(2))]),
        History(
            testDescription: "two additions with one result",
            operations: [during(0, 5, .add(1, result: 1)), during(0, 5, .add(1, result: 1), client: 1)]),
        History(
            testDescription: "an open write is undone",
            operations: [
                during(0, nil, .write(5)), during(5, 6, .read(5), client: 1), during(7, 8, .read(0), client: 1),
            ]),
        History(
            testDescription: "a read before its write is called",
            operations: [during(0, 1, .read(5)), during(2, 3, .write(5), client: 1)]),
        History(
            testDescription: "the second register",
            operations: [during(0, 1, .write(5)), during(2, 3, .write(1), key: 1), during(4, 5, .read(0), key: 1)]),
    ]

    @Test("A linearizable history is found to be so", arguments: good)
    func accepts(_ history: History) {
        #expect(judgeLinearizability(history.operations) == .linearizable)
    }

    @Test("A history that is not is found to be so", arguments: bad)
    func rejects(_ history: History) {
        guard case .broken = judgeLinearizability(history.operations) else {
            Issue.record("accepted")
            return
        }
    }

    @Test(
        "Long histories made from an order are accepted, and rejected with one result changed",
        arguments: 0..<20 as Range<UInt64>)
    func generated(_ seed: UInt64) {
        var random = RandomBits(seed: seed)
        var history: [Operation] = []
        var value: Int64 = 0
        // The effects take place at 100, 200, … and each operation reaches some way to both sides.
        for step in 1...400 as ClosedRange<Int64> {
            let kind: Operation.Kind
            switch random.below(3) {
            case 0:
                value = step * 1_000
                kind = .write(value)
            case 1:
                value += 1
                kind = .add(1, result: value)
            default: kind = .read(value)
            }
            history.append(
                Self.during(
                    step * 100 - Int64(random.below(250)), step * 100 + Int64(random.below(250)), kind,
                    client: Int(step)))
        }
        #expect(judgeLinearizability(history) == .linearizable)
        guard let place = history.indices.last(where: { if case .read = history[$0].kind { true } else { false } })
        else { return }
        history[place].kind = .read(-1)
        #expect(judgeLinearizability(history) != .linearizable)
    }

    @Test("A search that is too long is given up")
    func limit() {
        let history = (0..<30).map { Self.during(0, 100, .add(Int64(1) << Int64($0), result: nil), client: $0) }
        let end = Self.during(200, 201, .read(-1))
        #expect(judgeLinearizability(history + [end], limit: 10_000) == .undecided)
    }
}
