// Tests that no schedule of the model lets two datacenters be written to, and that each seeded bug lets one.
import Switching
import Testing

@Suite struct ModelTests {
    /// Seeds of the clean run, and within how many a bug must show.
    static let seeds: UInt64 = 120

    @Test func noScheduleLetsTwoDatacentersBeWrittenTo() {
        var completed = 0
        var served = 0
        for seed in 1...Self.seeds {
            var world = ModelWorld(seed: seed)
            world.run()
            if let overlap = world.overlap { Issue.record("seed \(seed): \(overlap)") }
            completed += world.completed
            served += world.served
        }
        // The run must not pass merely because nothing happens.
        #expect(completed > Int(Self.seeds) * 3)
        #expect(served > Int(Self.seeds) * 900)
    }

    @Test(arguments: [
        ("lease counted from receipt", SwitchingMutations.leaseCountedFromReceipt),
        ("renewal before begin was applied", .renewalBeforeApplied),
        ("removed member's lease forgotten", .removedMemberForgotten),
        ("in-flight outlives the lease", .inFlightOutlivesLease),
        ("grant without a quorum round", .grantWithoutRound),
        ("new leader without grace", .noGraceOfNewLeader),
        ("acknowledged too early", .acknowledgedTooEarly),
    ])
    func aSeededBugIsSeen(_ name: String, _ mutation: SwitchingMutations) {
        for seed in 1...Self.seeds {
            var world = ModelWorld(seed: seed, mutations: mutation)
            world.run()
            if world.overlap != nil { return }
        }
        Issue.record("\(name) was not seen in \(Self.seeds) seeds")
    }
}
