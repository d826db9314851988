// Tests what an observer keeps of datacenters and lag, the ramp of those that return, and the words of the reasons.
import Catalog
import Failover
import Testing
import Topology

@Suite struct ObserverTests {
    private func share(_ healthy: Int, _ total: Int = 100) -> HealthShare {
        HealthShare(healthy: healthy, total: total)
    }

    @Test func downIsUnderOnePercent() {
        var watch = DatacenterWatch()
        let settings = FailoverSettings()
        func see(_ healthy: Int, _ total: Int, _ time: Int64) -> Bool {
            watch.observe(share(healthy, total), settings: settings, now: at(time))
        }
        func view(_ time: Int64) -> DatacenterView { watch.view(of: east, now: at(time)) }
        #expect(see(10, 1_000, 0))
        #expect(!watch.isDown && view(10).downFor == nil && view(10).fitFor == nil)
        #expect(see(9, 1_000, 1_000))
        #expect(watch.isDown && view(1_500).downFor == .milliseconds(500))
        #expect(see(0, 1_000, 2_000))
        #expect(view(2_500).downFor == .milliseconds(1_500))
        #expect(!see(0, 1_000, 3_000))
        #expect(see(700, 1_000, 4_000))
        #expect(!watch.isDown && view(4_250).fitFor == .milliseconds(250))
        #expect(see(699, 1_000, 5_000))
        #expect(view(5_000).fitFor == nil)
        #expect(see(0, 0, 6_000))
        #expect(!watch.isDown && view(6_000).fitFor == nil)
    }

    @Test func sharesAreExactAndBounded() {
        #expect(share(70).isAtLeast(percent: 70) && !share(699, 1_000).isAtLeast(percent: 70))
        #expect(share(1, 3).percent == 33 && share(0, 0).percent == 0)
        #expect(!share(0, 0).isAtLeast(percent: 0) && !share(0, 0).isZero && share(0).isZero)
        let absurd = HealthShare(healthy: .max, total: .max)
        #expect(absurd.percent == 100 && absurd.isAtLeast(percent: 100))
        #expect(HealthShare(healthy: -5, total: -1) == share(0, 0))
    }

    @Test func theLastSampleBeforeAnOutageIsKept() {
        var history = LagHistory()
        history.record(.seconds(1), now: at(0))
        history.record(.seconds(2), now: at(2_000))
        history.primary(isDown: true)
        for second in 0..<100 { history.record(.seconds(50), now: at(4_000 + Int64(second) * 2_000)) }
        let samples = history.samples(now: at(300_000))
        #expect(samples.count == 17)
        #expect(samples.first == LagSample(lag: .seconds(2), age: .seconds(298)))
        #expect(samples.last == LagSample(lag: .seconds(50), age: .seconds(98)))
        history.primary(isDown: true)
        #expect(history.samples(now: at(300_000)).first == samples.first)
        history.primary(isDown: false)
        #expect(history.samples(now: at(300_000)).count == 16)
    }

    @Test func whatComesBackComesInSteps() {
        var ramp = ReturnRamp(step: .seconds(30))
        ramp.observe(isDown: false, now: at(0))
        #expect(ramp.percent(now: at(0)) == 100 && ramp.nextStep(now: at(0)) == nil)
        ramp.observe(isDown: true, now: at(1_000))
        #expect(ramp.percent(now: at(1_000)) == 0)
        ramp.observe(isDown: false, now: at(10_000))
        let steps: [(Int64, Int, Int64?)] = [
            (10_000, 10, 40_000), (39_999, 10, 40_000), (40_000, 25, 70_000), (69_999, 25, 70_000),
            (70_000, 50, 100_000), (100_000, 100, nil), (9_000_000, 100, nil),
        ]
        for (time, percent, next) in steps {
            #expect(ramp.percent(now: at(time)) == percent, "\(time)")
            #expect(ramp.nextStep(now: at(time)) == next.map(at), "\(time)")
            // Further reports that it is up change nothing.
            ramp.observe(isDown: false, now: at(time))
        }
        ramp.observe(isDown: true, now: at(9_000_001))
        ramp.observe(isDown: false, now: at(9_000_002))
        #expect(ramp.percent(now: at(9_000_002)) == 10)
    }

    @Test func everyReasonHasAKindAndASentence() {
        let holds: [FailoverHold] = [
            .noPrimary, .tooFewHeard(heard: 1, voting: 3), .notDown(down: 0, heard: 3), .tied(down: 1, heard: 2),
            .unconfirmed(.seconds(1), confirm: .seconds(5)), .frozen, .cooldown(remaining: .seconds(9)),
            .tooManyMoves(2, limit: 2), .lastDatacenter, .mostRemoved(removed: 2, of: 3), .target(west, .drained),
            .target(west, .inactive), .target(west, .unseen), .target(west, .unhealthy(percent: 3, minimum: 70)),
            .target(west, .lagUnknown), .target(west, .lagTooOld(.seconds(31))),
            .target(west, .lagTooGreat(.seconds(3), limit: .seconds(2))), .switching(to: west),
            .failbackIsManual(home: east), .failbackWaits(home: east, remaining: .seconds(5)),
        ]
        #expect(holds.map(\.kind) == FailoverHold.Kind.allCases)
        #expect(Set(holds.map(\.description)).count == holds.count)
        #expect(
            FailoverHold.target(west, .unhealthy(percent: 3, minimum: 70)).description
                == "datacenter 'eu-west' is 3 % healthy, less than 70 %")
        #expect(holds.allSatisfy { !$0.description.hasSuffix(".") })
    }
}
