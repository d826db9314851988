// Owns the proof that the simulation sees: every seeded bug is found within a stated number of seeds.
import Raft
import Testing

@testable import Simulation

@Suite("Seeded bugs")
struct MutationTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var mutation: Mutation
        /// The bug is found by the last of so many seeds, counted from 1.
        var seeds: UInt64
        /// What the run is made of, so that the bug is met soon.
        var faults: [Fault]
        var interval = Duration.milliseconds(200)
        var lease = Duration.milliseconds(1_200)
        var testDescription: String { "\(mutation.rawValue) within \(seeds) seeds" }
    }

    static let cases: [Case] = [
        Case(mutation: .acknowledgementBeforeDurable, seeds: 2, faults: [.crash]),
        Case(mutation: .wipedNodeVotes, seeds: 10, faults: [.wipe, .crash, .partition]),
        Case(mutation: .readWithoutRound, seeds: 40, faults: [.partition, .pause, .transfer]),
        Case(mutation: .retryUnderAnotherName, seeds: 5, faults: [.partition, .crash]),
        Case(mutation: .corruptionTakenForTornEnd, seeds: 30, faults: [.flip, .crash, .partition]),
        Case(
            mutation: .leaseCountedFromReceipt, seeds: 50, faults: [.primary, .partition, .weather],
            interval: .milliseconds(500), lease: .milliseconds(600)),
        Case(
            mutation: .removedMemberForgotten, seeds: 10, faults: [.primary, .members], interval: .milliseconds(300)),
        Case(mutation: .renewalBeforeApplied, seeds: 10, faults: [.primary, .partition, .weather]),
        Case(mutation: .inFlightOutlivesLease, seeds: 20, faults: [.primary, .partition]),
        Case(mutation: .noGraceOfNewLeader, seeds: 5, faults: [.primary, .transfer, .partition]),
        Case(mutation: .acknowledgedTooEarly, seeds: 3, faults: [.primary]),
    ]

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
        return scenario
    }

    @Test("It is found", arguments: cases)
    func isFound(_ test: Case) {
        let found = (1...test.seeds).first { seed in
            var scenario = Self.scenario(test, seed: seed)
            scenario.mutation = test.mutation
            return Simulation.run(seed: seed, scenario: scenario).failure != nil
        }
        #expect(found != nil)
    }

    @Test("Without it the same runs hold", arguments: cases)
    func holdsWithout(_ test: Case) {
        for seed in 1...2 as ClosedRange<UInt64> {
            #expect(Simulation.run(seed: seed, scenario: Self.scenario(test, seed: seed)).failure == nil)
        }
    }
}
