// Owns the proof that the simulation finds bugs: each seeded one within a stated number of seeds.
import Raft
import Testing

@testable import Simulation

@Suite("Seeded bugs")
struct MutationTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var mutation: Mutation
        /// The bug must be found within this many seeds, counted from 1.
        var seeds: UInt64
        /// The parameters of the run, so that the bug occurs soon.
        var faults: [Fault]
        var interval = Duration.milliseconds(200)
        var lease = Duration.milliseconds(1_200)
        var tune: @Sendable (inout Scenario) -> Void = { _ in }
        var testDescription: String { "\(mutation.rawValue) within \(seeds) seeds" }
    }

    static let cases: [Case] = consensus + storage + leases + failover

    /// The core's rules (Raft §5.4.2; Elections C3, C4 and V6).
    private static let consensus: [Case] = [
        Case(mutation: .commitsOldTerms, seeds: 300, faults: [.crash], interval: .milliseconds(30)) {
            frequentCrashes(&$0, perMillion: 50_000, down: .milliseconds(60))
            $0.timing.electionTimeout = .milliseconds(60)
            $0.policy = .raft
            $0.diskLatency = .milliseconds(15)
            $0.limits.messagesInFlight = 1
            $0.limits.messageBytes = 60
            $0.clients = 8
            $0.thinking = .milliseconds(5)
        },
        Case(mutation: .collectsWithoutAdopting, seeds: 5, faults: [.partition, .crash], interval: .milliseconds(150)) {
            collectors(&$0)
        },
        Case(mutation: .collectsLongestLog, seeds: 150, faults: [.partition, .crash], interval: .milliseconds(100)) {
            collectors(&$0)
            $0.timing.electionTimeout = .milliseconds(100)
            $0.limits.messageBytes = 60
        },
        // One entry in each message, so that adopting the log takes longer than the others' election timeouts.
        Case(mutation: .fetchesAcrossTerms, seeds: 20, faults: [.overtaking], interval: .seconds(3)) {
            collectors(&$0)
            $0.limits.messageBytes = 60
        },
        Case(mutation: .readWithoutRound, seeds: 40, faults: [.handover], interval: .milliseconds(300)) {
            $0.hasProxies = false
        },
        Case(mutation: .retryUnderAnotherName, seeds: 5, faults: [.partition, .crash]),
    ]

    private static let storage: [Case] = [
        Case(mutation: .voteBeforeDurable, seeds: 60, faults: [.crash], interval: .milliseconds(100)) {
            frequentCrashes(&$0, perMillion: 30_000, down: .milliseconds(50))
            $0.nodes = 5
            $0.voters = 5
            $0.diskLatency = .milliseconds(60)
        },
        Case(mutation: .acknowledgementBeforeDurable, seeds: 2, faults: [.crash]),
        Case(mutation: .wipedNodeVotes, seeds: 50, faults: [.wipe, .crash, .partition]),
        Case(mutation: .corruptionTakenForTornEnd, seeds: 10, faults: [.flip, .crash, .partition]),
    ]

    private static let leases: [Case] = [
        Case(
            mutation: .leaseCountedFromReceipt, seeds: 150, faults: [.primary, .weather], lease: .milliseconds(400)),
        Case(mutation: .grantWithoutRound, seeds: 80, faults: [.handover, .primary], lease: .milliseconds(600)) {
            $0.nodes = 3
        },
        Case(
            mutation: .removedMemberForgotten, seeds: 10, faults: [.primary, .members], interval: .milliseconds(300)),
        Case(mutation: .renewalBeforeApplied, seeds: 40, faults: [.primary, .partition, .weather]),
        Case(mutation: .inFlightOutlivesLease, seeds: 20, faults: [.primary, .partition]),
        Case(mutation: .noGraceOfNewLeader, seeds: 5, faults: [.primary, .transfer, .partition]),
        Case(mutation: .acknowledgedTooEarly, seeds: 3, faults: [.primary]),
    ]

    private static let failover: [Case] = [
        Case(
            mutation: .promotesUnconfirmed, seeds: 3, faults: [.outage, .falseView], interval: .milliseconds(500)),
        Case(
            mutation: .silenceVotesDown, seeds: 3, faults: [.outage, .falseView, .partition, .crash],
            interval: .milliseconds(500)),
    ]

    /// Five nodes that elect by collecting only.
    private static func collectors(_ scenario: inout Scenario) {
        scenario.nodes = 5
        scenario.voters = 5
        scenario.policy = .paxos
        scenario.hasProxies = false
    }

    /// Three nodes without proxies, which often die and soon come back.
    private static func frequentCrashes(_ scenario: inout Scenario, perMillion: Int, down: Duration) {
        scenario.nodes = 3
        scenario.crashesInMillionEffects = perMillion
        scenario.downAtMost = down
        scenario.hasProxies = false
    }

    /// The run of a case: many faults, small messages, few clients.
    static func scenario(_ test: Case, seed: UInt64) -> Scenario {
        var scenario = Scenario()
        scenario.faults = test.faults
        scenario.faultInterval = test.interval
        scenario.timing.lease = test.lease
        scenario.crashesInMillionEffects = test.faults.contains(.crash) ? 1_000 : 0
        scenario.troubled = .seconds(10)
        scenario.diskLatency = .milliseconds(10)
        scenario.limits.messageBytes = 100
        scenario.clients = 5
        scenario.keys = 1
        scenario.policy = ElectionPolicy.allCases[Int(seed % 3)]
        test.tune(&scenario)
        return scenario
    }

    @Test("It is found, and the same run without it holds", arguments: cases)
    func isFound(_ test: Case) throws {
        let found = (1...test.seeds).first { seed in
            var scenario = Self.scenario(test, seed: seed)
            scenario.mutation = test.mutation
            return Simulation.run(seed: seed, scenario: scenario).failure != nil
        }
        let seed = try #require(found)
        #expect(Simulation.run(seed: seed, scenario: Self.scenario(test, seed: seed)).failure == nil)
    }

    @Test("Without it the first runs hold", arguments: cases)
    func holdsWithout(_ test: Case) {
        for seed in 1...2 as ClosedRange<UInt64> {
            #expect(Simulation.run(seed: seed, scenario: Self.scenario(test, seed: seed)).failure == nil)
        }
    }

    @Test("No seeded bug is left out")
    func coversAll() {
        #expect(Set(Self.cases.map(\.mutation)) == Set(Mutation.allCases))
    }
}
