// Tests every gate between a primary that is down and a promotion, each at its boundary, and what follows a switch.
import Catalog
import Failover
import Testing
import Topology

private let hour = Duration.seconds(3_600)

@Suite struct PlannerTests {
    @Test func servicesWithoutAPrimary() {
        let scenario = Scenario()
        #expect(FailoverPlanner().decide(ServiceName("x"), scenario.situation) == .hold([.noPrimary]))
    }

    @Test func freeze() {
        var scenario = Scenario()
        scenario.apply(.setFrozen(true))
        #expect(scenario.decision == .hold([.frozen]))
    }

    /// The primary is west since an automatic move; 1 of 1,000 is healthy there, unless it is at 0 %.
    private func moved(before: Duration, isZero: Bool) -> Scenario {
        var scenario = Scenario()
        scenario.move(to: west, before: before)
        scenario.everyoneSees([up(east), down(west, perMille: isZero ? 0 : 1), up(south)])
        return scenario
    }

    @Test func cooldown() {
        let away = FailoverHold.failbackIsManual(home: east)
        #expect(moved(before: hour, isZero: false).decision == promote(east, 2))
        #expect(
            moved(before: hour - .milliseconds(1), isZero: false).decision
                == .hold([.cooldown(remaining: .milliseconds(1))]))
        #expect(moved(before: .seconds(10), isZero: true).decision == promote(east, 2))
        var scenario = moved(before: .seconds(10), isZero: true)
        scenario.everyoneSees([up(east), up(west), up(south)])
        #expect(scenario.decision == .hold([.notDown(down: 0, heard: 3), away]))
        // One voter that sees a thousandth of it healthy is enough.
        scenario = moved(before: .seconds(10), isZero: true)
        scenario.node(2, sees: [up(east), down(west, perMille: 1), up(south)])
        #expect(scenario.decision == .hold([.cooldown(remaining: .seconds(3_590))]))
        // An observer's view does not matter for that.
        scenario = moved(before: .seconds(10), isZero: true)
        scenario.add("o", south, isVoter: false, sees: [up(east), down(west, perMille: 1), up(south)])
        #expect(scenario.decision == promote(east, 2))
        // A move by operators starts no cooldown.
        scenario = Scenario()
        scenario.apply(.setPrimary(of: shop, to: west, expectedEpoch: nil, cause: .operatorRequest))
        scenario.apply(.completeSwitch(of: shop, epoch: epoch(2)))
        scenario.everyoneSees([up(east), down(west, perMille: 1), up(south)])
        #expect(scenario.decision == promote(east, 2))
    }

    @Test func atMostTwoMovesAnHourWithinTheCooldown() {
        func scenario(_ ages: [Duration]) -> FailoverDecision {
            var scenario = Scenario()
            for (count, age) in ages.enumerated() {
                scenario.move(to: count.isMultiple(of: 2) ? west : east, before: age)
            }
            let isWest = ages.count.isMultiple(of: 2) == false
            scenario.everyoneSees(isWest ? [up(east), down(west), up(south)] : [down(east), up(west), up(south)])
            return scenario.decision
        }
        // The first of them came after none, so it was not within a cooldown.
        #expect(scenario([.seconds(300), .seconds(200)]) == promote(west, 3))
        #expect(scenario([.seconds(300), .seconds(200), .seconds(100)]) == .hold([.tooManyMoves(2, limit: 2)]))
        #expect(scenario([.seconds(3_700), hour, .seconds(100)]) == promote(east, 4))
        #expect(
            scenario([.seconds(3_700), hour - .milliseconds(1), .seconds(100)]) == .hold([.tooManyMoves(2, limit: 2)]))
    }

    @Test func theTargetsHealth() {
        func decision(_ percents: [Int], primaryPerMille: Int = 1) -> FailoverDecision {
            var scenario = Scenario(datacenters: [east, west])
            for (position, percent) in percents.enumerated() {
                scenario.node(position, sees: [down(east, perMille: primaryPerMille), up(west, percent: percent)])
            }
            return scenario.decision
        }
        func refused(_ percent: Int, _ minimum: Int) -> FailoverDecision {
            .hold([.target(west, .unhealthy(percent: percent, minimum: minimum))])
        }
        #expect(decision([70, 70, 70]) == promote(west))
        #expect(decision([69, 69, 69]) == refused(69, 70))
        #expect(decision([0, 70, 70]) == promote(west))
        #expect(decision([69, 69, 100]) == refused(69, 70))
        #expect(decision([50, 50, 50], primaryPerMille: 0) == promote(west))
        #expect(decision([49, 49, 49], primaryPerMille: 0) == refused(49, 50))
    }

    @Test func aServicesOwnLowerMinimumHolds() {
        var scenario = Scenario(datacenters: [east, west]) { $0.minimumTargetPercent = 20 }
        scenario.everyoneSees([down(east), up(west, percent: 20)])
        #expect(scenario.decision == promote(west))
    }

    @Test func targetsInTheOrderOfTheSettings() {
        let south71 = [down(east, perMille: 1), up(west, percent: 60), up(south, percent: 71)]
        var scenario = Scenario()
        scenario.everyoneSees(south71)
        #expect(scenario.decision == promote(south))
        scenario = Scenario(datacenters: [south, west, east])
        scenario.apply(.setPrimary(of: shop, to: east, expectedEpoch: nil, cause: .operatorRequest))
        scenario.apply(.completeSwitch(of: shop, epoch: epoch(2)))
        #expect(scenario.decision == promote(south, 2))
    }

    @Test func targetsThatOperatorsTookOut() {
        var scenario = Scenario()
        scenario.apply(.setState(.draining, of: OverrideTarget(service: shop, datacenter: west), until: nil))
        #expect(scenario.decision == promote(south))
        scenario.everyoneSees([down(east), up(west), up(south, percent: 10)])
        #expect(
            scenario.decision
                == .hold([.target(west, .drained), .target(south, .unhealthy(percent: 10, minimum: 50))]))
        scenario = Scenario(datacenters: [east, west])
        scenario.apply(.setWeight(0, of: OverrideTarget(service: shop, datacenter: west), until: nil))
        #expect(scenario.decision == .hold([.lastDatacenter, .target(west, .inactive)]))
        scenario = Scenario(datacenters: [east])
        scenario.everyoneSees([down(east), up(west)])
        #expect(scenario.decision == .hold([.lastDatacenter]))
    }

    @Test func mostDatacentersAreOut() {
        let fourth = DatacenterName("sa-east")
        func drained(_ count: Int) -> FailoverDecision {
            var scenario = Scenario(datacenters: [east, west, south, fourth])
            for datacenter in [west, south, fourth].prefix(count) {
                scenario.apply(
                    .setState(.draining, of: OverrideTarget(service: shop, datacenter: datacenter), until: nil),
                    force: true)
            }
            scenario.everyoneSees([down(east), up(west), up(south), up(fourth)])
            return scenario.decision
        }
        #expect(drained(2) == promote(fourth))
        #expect(
            drained(3)
                == .hold([
                    .mostRemoved(removed: 3, of: 4), .lastDatacenter, .target(west, .drained), .target(south, .drained),
                    .target(fourth, .drained),
                ]))
    }

    @Test func whatNobodySees() {
        var scenario = Scenario(datacenters: [east, west])
        scenario.everyoneSees([down(east), up(south)])
        #expect(scenario.decision == .hold([.target(west, .unseen)]))
    }

    @Test func lag() {
        // The first vote down is at -10 s, of one node; the others follow at -6 s.
        func decision(_ samples: [LagSample], on position: Int = 1) -> FailoverDecision {
            var scenario = Scenario(datacenters: [east, west]) { $0.lagGate = .init(path: "/lag", limit: .seconds(2)) }
            scenario.everyoneSees([down(east, for: .seconds(6)), up(west)])
            scenario.node(2, sees: [down(east, for: .seconds(10)), up(west)])
            scenario.observations[position].lag = samples
            return scenario.decision
        }
        /// Milliseconds.
        func sample(_ lag: Int, _ age: Int) -> LagSample { LagSample(lag: .milliseconds(lag), age: .milliseconds(age)) }
        func refused(_ objection: TargetObjection) -> FailoverDecision { .hold([.target(west, objection)]) }
        #expect(decision([sample(2_000, 10_001)]) == promote(west))
        #expect(decision([sample(2_001, 10_001)]) == refused(.lagTooGreat(.milliseconds(2_001), limit: .seconds(2))))
        // Samples from the first vote on do not count, good or bad.
        #expect(decision([sample(0, 10_000)]) == refused(.lagUnknown))
        #expect(decision([sample(1_000, 11_000), sample(90_000, 9_000)]) == promote(west))
        #expect(
            decision([sample(90_000, 11_000), sample(1_000, 9_000)])
                == refused(.lagTooGreat(.seconds(90), limit: .seconds(2))))
        #expect(decision([sample(90_000, 20_000), sample(1_000, 11_000), sample(90_000, 30_000)]) == promote(west))
        #expect(decision([sample(1_000, 40_000)]) == promote(west))
        #expect(decision([sample(1_000, 40_001)]) == refused(.lagTooOld(.milliseconds(30_001))))
        #expect(decision([]) == refused(.lagUnknown))
        // Only the target's own nodes know.
        #expect(decision([sample(1_000, 11_000)], on: 0) == refused(.lagUnknown))
    }

    @Test func severalReasonsAreAllTold() {
        var scenario = moved(before: .seconds(10), isZero: false)
        scenario.apply(.setFrozen(true))
        scenario.everyoneSees([up(east, percent: 60), down(west, perMille: 1), up(south, percent: 0)])
        #expect(
            scenario.decision
                == .hold([
                    .frozen, .cooldown(remaining: .seconds(3_590)),
                    .target(east, .unhealthy(percent: 60, minimum: 70)),
                    .target(south, .unhealthy(percent: 0, minimum: 70)),
                ]))
    }

    // MARK: Switches under way

    private func switching(to target: DatacenterName = west, _ views: [DatacenterView]) -> Scenario {
        var scenario = Scenario()
        scenario.apply(.setPrimary(of: shop, to: target, expectedEpoch: nil, cause: .automatic))
        scenario.everyoneSees(views)
        return scenario
    }

    @Test func aTargetThatIsLostIsReplaced() {
        #expect(switching([down(east), up(west), up(south)]).decision == .hold([.switching(to: west)]))
        #expect(
            switching([down(east), down(west, for: .seconds(4.999)), up(south)]).decision
                == .hold([.switching(to: west)]))
        // The cooldown of the switch in progress does not apply to it.
        #expect(
            switching([up(east, percent: 5), down(west), up(south)]).decision == promote(south, 2, .targetLost))
        #expect(
            switching([up(east, percent: 5), down(west), up(south, percent: 40)]).decision
                == promote(east, 2, .backToOrigin))
        var frozen = switching([up(east, percent: 5), down(west), up(south)])
        frozen.apply(.setFrozen(true))
        #expect(frozen.decision == .hold([.switching(to: west), .frozen]))
    }

    @Test func aSwitchThatGoesBackHasNowhereElseToFallBackTo() {
        var scenario = switching([up(east), up(west), up(south)])
        scenario.apply(.setPrimary(of: shop, to: east, expectedEpoch: nil, cause: .operatorRequest))
        scenario.everyoneSees([down(east), up(west, percent: 10), up(south, percent: 10)])
        #expect(
            scenario.decision
                == .hold([
                    .switching(to: east), .target(west, .unhealthy(percent: 10, minimum: 50)),
                    .target(south, .unhealthy(percent: 10, minimum: 50)),
                ]))
        scenario.everyoneSees([down(east), up(west, percent: 10), up(south)])
        #expect(scenario.decision == promote(south, 3, .targetLost))
    }

    // MARK: Failback

    private func away(_ after: Duration?, cooldown: Duration = .seconds(60), fitFor: Duration) -> Scenario {
        var scenario = Scenario {
            $0.failbackAfter = after
            $0.cooldown = cooldown
        }
        scenario.move(to: west, before: .seconds(900))
        scenario.everyoneSees([up(east, fitFor: fitFor), up(west), up(south)])
        return scenario
    }

    @Test func failback() {
        let quiet = FailoverHold.notDown(down: 0, heard: 3)
        #expect(
            away(nil, fitFor: .seconds(9_999)).decision == .hold([quiet, .failbackIsManual(home: east)]))
        #expect(away(.seconds(600), fitFor: .seconds(600)).decision == promote(east, 2, .failback))
        #expect(
            away(.seconds(600), fitFor: .seconds(599)).decision
                == .hold([quiet, .failbackWaits(home: east, remaining: .seconds(1))]))
        #expect(
            away(.seconds(600), cooldown: hour, fitFor: .seconds(600)).decision
                == .hold([quiet, .cooldown(remaining: .seconds(2_700))]))
        var scenario = away(.seconds(600), fitFor: .seconds(600))
        scenario.apply(.setFrozen(true))
        #expect(scenario.decision == .hold([quiet, .frozen]))
        scenario = away(.seconds(600), fitFor: .seconds(600))
        scenario.apply(.setState(.draining, of: OverrideTarget(service: shop, datacenter: east), until: nil))
        #expect(scenario.decision == .hold([quiet, .target(east, .drained)]))
        scenario = away(.seconds(600), fitFor: .seconds(600))
        scenario.observations.removeFirst(2)
        #expect(scenario.decision == .hold([.tooFewHeard(heard: 1, voting: 3)]))
        // A majority must have seen it fit the whole time.
        scenario = away(.seconds(600), fitFor: .seconds(600))
        scenario.node(0, sees: [up(east, fitFor: nil), up(west), up(south)])
        #expect(scenario.decision == promote(east, 2, .failback))
        scenario.node(1, sees: [up(east, fitFor: .seconds(1)), up(west), up(south)])
        #expect(scenario.decision == .hold([quiet, .failbackWaits(home: east, remaining: .seconds(599))]))
    }

    @Test func whatIsProposed() {
        let failover = Promotion(datacenter: west, expectedEpoch: epoch(1), reason: .primaryDown)
        #expect(
            failover.change(of: shop, term: 4)
                == .setPrimary(of: shop, to: west, expectedEpoch: epoch(1), cause: .automatic, term: 4))
        let back = Promotion(datacenter: east, expectedEpoch: epoch(2), reason: .failback)
        #expect(
            back.change(of: shop, term: 4)
                == .setPrimary(of: shop, to: east, expectedEpoch: epoch(2), cause: .failback, term: 4))
    }
}
