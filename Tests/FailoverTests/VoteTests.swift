// Tests who votes, who abstains, what a majority is, and for how long it has to last.
import Catalog
import Failover
import Testing
import Topology

private let isFine = [up(east), up(west), up(south)]
private let isDown = [down(east), up(west), up(south)]

/// One change of the scenario, and the decision.
private struct Row {
    var name: String
    var expected: FailoverDecision
    var change: (inout Scenario) -> Void

    init(_ name: String, _ expected: FailoverDecision, _ change: @escaping (inout Scenario) -> Void = { _ in }) {
        self.name = name
        self.expected = expected
        self.change = change
    }
}

@Suite struct VoteTests {
    private func check(_ rows: [Row]) {
        for row in rows {
            var scenario = Scenario()
            row.change(&scenario)
            #expect(scenario.decision == row.expected, "\(row.name)")
        }
    }

    @Test func aMajorityOfDatacenters() {
        check([
            Row("all three", promote(west)),
            Row("two of three", promote(west)) { $0.node(0, sees: isFine) },
            Row("one of three", .hold([.notDown(down: 1, heard: 3)])) {
                $0.node(0, sees: isFine)
                $0.node(1, sees: isFine)
            },
            Row("none", .hold([.notDown(down: 0, heard: 3)])) { $0.everyoneSees(isFine) },
            Row("two heard, both down", promote(west)) { $0.observations.removeFirst() },
            Row("two heard, a tie", .hold([.tied(down: 1, heard: 2)])) {
                $0.node(1, sees: isFine)
                $0.observations.removeFirst()
            },
            Row("one heard of three", .hold([.tooFewHeard(heard: 1, voting: 3)])) { $0.observations.removeFirst(2) },
            Row("nobody heard", .hold([.tooFewHeard(heard: 0, voting: 3)])) { $0.observations = [] },
            Row("half heard of four", .hold([.tooFewHeard(heard: 2, voting: 4)])) {
                $0.add("x", DatacenterName("x"), isVoter: true, sees: nil)
                $0.observations.removeFirst()
            },
            Row("a tie of four", .hold([.tied(down: 2, heard: 4)])) {
                $0.add("x", DatacenterName("x"), isVoter: true, sees: isFine)
                $0.node(0, sees: isFine)
            },
        ])
    }

    @Test func datacentersVoteByTheirNodes() {
        check([
            Row("one of two nodes is no majority", .hold([.notDown(down: 1, heard: 3)])) {
                $0.node(0, sees: isFine)
                $0.add("w2", west, isVoter: true, sees: isFine)
            },
            Row("two of three nodes are", promote(west)) {
                $0.node(0, sees: isFine)
                $0.add("w2", west, isVoter: true, sees: isFine)
                $0.add("w3", west, isVoter: false, sees: isDown)
            },
            Row("many nodes in one datacenter have one vote", .hold([.notDown(down: 1, heard: 3)])) {
                $0.node(0, sees: isFine)
                $0.node(1, sees: isFine)
                for number in 0..<9 { $0.add("s\(number)", south, isVoter: true, sees: isDown) }
            },
            Row("a datacenter of observers has none", .hold([.tooFewHeard(heard: 1, voting: 3)])) {
                $0.observations.removeFirst(2)
                $0.add("x", DatacenterName("x"), isVoter: false, sees: isDown)
                $0.add("y", DatacenterName("y"), isVoter: false, sees: isDown)
            },
            Row("what a stranger says is nothing", .hold([.tooFewHeard(heard: 1, voting: 3)])) {
                $0.observations.removeFirst(2)
                $0.observations.append(
                    Observation(
                        node: NodeID("stranger"), datacenter: west, service: shop, views: isDown, receivedAt: $0.now))
            },
        ])
    }

    @Test func silenceAbstains() {
        for (age, expected) in [
            (1_499, promote(west)), (1_500, .hold([.tooFewHeard(heard: 1, voting: 3)])),
        ] as [(Int64, FailoverDecision)] {
            var scenario = Scenario()
            for position in [0, 1] { scenario.observations[position].receivedAt = at(1_000_000 - age) }
            #expect(scenario.decision == expected, "\(age) ms")
        }
    }

    @Test func whoSeesEverythingDownDoubtsItself() {
        let everything = [down(east), down(west), down(south)]
        check([
            Row("one of them", promote(west)) { $0.node(1, sees: everything) },
            Row("two of them", .hold([.tooFewHeard(heard: 1, voting: 3)])) {
                $0.node(1, sees: everything)
                $0.node(2, sees: everything)
            },
            Row("a datacenter without weight is none", .hold([.tooFewHeard(heard: 0, voting: 3)])) {
                $0.everyoneSees([
                    down(east), down(west),
                    DatacenterView(datacenter: south, share: HealthShare(healthy: 0, total: 0)),
                ])
            },
        ])
    }

    @Test func theNewestWordOfANodeCounts() {
        var scenario = Scenario()
        var old = scenario.observations[1]
        old.views = isFine
        old.receivedAt = at(999_900)
        scenario.node(0, sees: isFine)
        scenario.observations += [old]
        #expect(scenario.decision == promote(west))
        scenario.observations.swapAt(1, 3)
        #expect(scenario.decision == promote(west))
    }

    @Test func aMajorityMustLastForConfirm() {
        func decision(_ times: [Int], age: Int64 = 0) -> FailoverDecision {
            var scenario = Scenario()
            for (position, time) in times.enumerated() {
                scenario.node(position, sees: [down(east, for: .milliseconds(time)), up(west), up(south)])
                scenario.observations[position].receivedAt = at(1_000_000 - age)
            }
            return scenario.decision
        }
        func waiting(_ milliseconds: Int) -> FailoverDecision {
            .hold([.unconfirmed(.milliseconds(milliseconds), confirm: .seconds(5))])
        }
        #expect(decision([5_000, 5_000, 5_000]) == promote(west))
        #expect(decision([4_999, 4_999, 100_000]) == waiting(4_999))
        // A majority is the two that have seen it longest.
        #expect(decision([500, 5_000, 100_000]) == promote(west))
        // The time keeps growing after the report; a new leader that hears it does not start over.
        #expect(decision([4_600, 4_600, 4_600], age: 399) == waiting(4_999))
        #expect(decision([4_600, 4_600, 4_600], age: 400) == promote(west))
    }

    @Test func votesAreShown() {
        var scenario = Scenario()
        scenario.node(0, sees: isFine)
        scenario.observations.remove(at: 1)
        let votes = FailoverPlanner().votes(on: east, of: shop, scenario.situation)
        #expect(votes.map(\.datacenter) == [south, west, east])
        #expect(votes.map(\.vote) == [.down, .abstains, .up])
    }
}
