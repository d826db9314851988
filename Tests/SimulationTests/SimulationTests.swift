// Owns the runs of whole groups: seeds that must pass, and bugs that must be found.
import Raft
import Testing

@testable import Simulation

@Suite("Simulation")
struct SimulationTests {
    /// Four runs a case, so that cases run side by side.
    @Test("Everything that must hold holds", arguments: 0..<10)
    func holds(_ block: Int) {
        for seed in UInt64(block * 4 + 1)...UInt64(block * 4 + 4) {
            var scenario = Scenario.drawn(seed: seed)
            scenario.troubled = .seconds(4)
            let outcome = Simulation.run(seed: seed, scenario: scenario)
            #expect(outcome.failure == nil, "meridian simulate --seed \(seed)")
            #expect(outcome.counts.leaderships > 0 && outcome.counts.operations > 0)
        }
    }

    @Test("A group without trouble elects once and serves", arguments: ElectionPolicy.allCases)
    func calm(_ policy: ElectionPolicy) {
        var scenario = Scenario()
        scenario.policy = policy
        scenario.faults = []
        scenario.troubled = .seconds(10)
        let outcome = Simulation.run(seed: 1, scenario: scenario)
        #expect(outcome.failure == nil)
        // The founder's, and the first elected one's.
        #expect(outcome.counts.leaderships == 2)
        #expect(outcome.counts.operations > 200)
    }

    @Test("Proxies serve, and primaries move")
    func proxies() {
        var scenario = Scenario()
        scenario.faults = [.primary]
        scenario.faultInterval = .seconds(2)
        scenario.troubled = .seconds(15)
        let outcome = Simulation.run(seed: 1, scenario: scenario)
        #expect(outcome.failure == nil)
        // The run must not pass merely because nothing happens.
        #expect(outcome.counts.switches >= 3 && outcome.counts.exchanges > 1_000 && outcome.counts.grants > 100)
    }

    /// Late and duplicated pieces and answers must not cause more of each other, which they once did without end.
    @Test("Snapshots in small pieces come through any weather", arguments: 1...4 as ClosedRange<UInt64>)
    func snapshotsInWeather(_ seed: UInt64) {
        var scenario = Scenario()
        scenario.faults = [.weather, .partition]
        scenario.faultInterval = .milliseconds(400)
        scenario.troubled = .seconds(10)
        scenario.hasProxies = false
        scenario.limits.logBytesBeforeSnapshot = 1_000
        scenario.limits.entriesKeptBehindSnapshot = 0
        scenario.limits.chunkBytes = 20
        let outcome = Simulation.run(seed: seed, scenario: scenario)
        #expect(outcome.failure == nil)
        #expect(outcome.counts.messages < 100_000)
    }

    @Test("Primaries move by themselves, and only when they have to")
    func failover() {
        var scenario = Scenario()
        scenario.faults = [.outage, .falseView]
        scenario.faultInterval = .seconds(2)
        scenario.troubled = .seconds(20)
        let outcome = Simulation.run(seed: 1, scenario: scenario)
        #expect(outcome.failure == nil)
        #expect(outcome.counts.promotions >= 2 && outcome.counts.switches >= 2)
    }

    @Test("A seed replays to the letter")
    func replays() {
        var scenario = Scenario.drawn(seed: 3)
        scenario.troubled = .seconds(10)
        let first = Simulation.run(seed: 3, scenario: scenario, traceLines: 1_000)
        #expect(first == Simulation.run(seed: 3, scenario: scenario, traceLines: 1_000))
        #expect(first.trace.count == 1_000)
        #expect(first.trace != Simulation.run(seed: 4, scenario: scenario, traceLines: 1_000).trace)
        #expect(first.counts == Simulation.run(seed: 3, scenario: scenario).counts)
    }
}
