// Tests the leader: grants only after a round that began after the request, and completions only when nobody may still
// serve.
import Catalog
import Switching
import Testing
import Topology

private typealias Event = SwitchCoordinator.Event
private typealias Effect = SwitchCoordinator.Effect

private let a = holder("a")
private let b = holder("b")
private let stable = service(.stable(east, epoch(1)), index: 5)
private let begun = service(.switching(from: east, to: west, epoch(2)), index: 9)

private func ask(_ number: UInt64, applied: UInt64, _ acknowledged: [Int] = [], by holder: LeaseHolder) -> Event {
    .requested(
        LeaseRequest(
            process: 1, number: number, appliedIndex: applied,
            acknowledgements: acknowledged.map { EpochAcknowledgement(service: shop, epoch: epoch($0)) }),
        by: holder)
}

private func granted(_ number: UInt64, without: [ServiceName] = [], to holder: LeaseHolder) -> Effect {
    .grant(LeaseGrant(process: 1, number: number, lease: .seconds(6), without: without), to: holder)
}

private func acknowledge(_ count: Int, by holder: LeaseHolder) -> Event {
    .acknowledged(EpochAcknowledgement(service: shop, epoch: epoch(count)), by: holder)
}

private let complete = Effect.complete(shop, epoch(2))

/// One event, when it happens, and all effects it has.
private struct Step {
    var at: Int64
    var event: Event
    var effects: [Effect] = []

    init(_ at: Int64, _ event: Event, _ effects: [Effect] = []) {
        self.at = at
        self.event = event
        self.effects = effects
    }
}

@Suite struct CoordinatorTests {
    /// Leads since long ago: no lease of an earlier leader can be live.
    private func run(_ steps: [Step], electedAt start: Int64 = -100_000) -> SwitchCoordinator {
        var coordinator = SwitchCoordinator()
        var effects: [Effect] = []
        coordinator.step(
            .elected(lease: LeaseSettings(), members: [a, b], services: [stable]), now: at(start), into: &effects)
        #expect(effects.isEmpty)
        for step in steps {
            effects = []
            coordinator.step(step.event, now: at(step.at), into: &effects)
            #expect(effects == step.effects, "at \(step.at): \(step.event)")
        }
        return coordinator
    }

    @Test func grantsAfterARoundBegunAfterTheRequest() {
        _ = run([
            Step(0, ask(1, applied: 5, by: a), [.beginRound(RoundID(1))]),
            // This request came after the round began, so the round proves nothing for it.
            Step(1, ask(1, applied: 5, by: b)),
            Step(2, .confirmed(RoundID(9))),
            Step(3, .confirmed(RoundID(1)), [granted(1, to: a), .beginRound(RoundID(2))]),
            Step(4, .confirmed(RoundID(1))),
            Step(5, .confirmed(RoundID(2)), [granted(1, to: b)]),
        ])
    }

    @Test func theNewestRequestOfANodeCounts() {
        _ = run([
            Step(0, ask(1, applied: 5, by: a), [.beginRound(RoundID(1))]),
            Step(1, ask(1, applied: 5, by: b)), Step(2, ask(2, applied: 5, by: b)),
            Step(3, .confirmed(RoundID(1)), [granted(1, to: a), .beginRound(RoundID(2))]),
            Step(4, .confirmed(RoundID(2)), [granted(2, to: b)]),
        ])
    }

    @Test func aRoundThatFailsGrantsNothing() {
        _ = run([
            Step(0, ask(1, applied: 5, by: a), [.beginRound(RoundID(1))]),
            Step(1, ask(1, applied: 5, by: b)),
            Step(2, .failed(RoundID(1)), [.beginRound(RoundID(2))]),
            Step(3, .failed(RoundID(2))),
            Step(4, .confirmed(RoundID(2))),
        ])
    }

    @Test func aRoundWithoutAnAnswerIsGivenUp() {
        _ = run([
            Step(0, ask(1, applied: 5, by: a), [.beginRound(RoundID(1))]),
            Step(999, ask(2, applied: 5, by: a)),
            Step(1_000, ask(3, applied: 5, by: a), [.beginRound(RoundID(2))]),
            Step(1_001, .confirmed(RoundID(1))),
            Step(1_002, .confirmed(RoundID(2)), [granted(3, to: a)]),
        ])
    }

    @Test func strangersGetNothing() {
        _ = run([
            Step(0, ask(1, applied: 5, by: holder("c"))), Step(1, ask(1, applied: 5, by: holder("a", 2))),
            Step(2, ask(1, applied: 5, by: a), [.beginRound(RoundID(1))]),
            Step(3, .changedMembers([b])), Step(4, .confirmed(RoundID(1))),
        ])
    }

    @Test func afterItsTimeAsLeaderItDoesNothing() {
        let coordinator = run([
            Step(0, ask(1, applied: 5, by: a), [.beginRound(RoundID(1))]),
            Step(1, .deposed), Step(2, .confirmed(RoundID(1))), Step(3, ask(2, applied: 5, by: a)),
            Step(4, .applied([begun])), Step(100_000, .tick),
        ])
        #expect(coordinator.nextDeadline == nil)
    }

    @Test func withoutLeasesASwitchIsCompleteAtOnce() {
        _ = run([
            Step(0, .applied([begun]), [complete]), Step(999, .tick),
            // Not committed for a second, so it is proposed again.
            Step(1_000, .tick, [complete]),
            Step(1_001, .applied([service(.stable(west, epoch(2)), index: 10)])), Step(5_000, .tick),
        ])
    }

    @Test func waitsForEveryLeaseOrItsAcknowledgement() {
        let coordinator = run([
            Step(0, ask(1, applied: 5, by: a), [.beginRound(RoundID(1))]),
            Step(10, .confirmed(RoundID(1)), [granted(1, to: a)]),
            Step(20, ask(1, applied: 5, by: b), [.beginRound(RoundID(2))]),
            Step(30, .confirmed(RoundID(2)), [granted(1, to: b)]),
            Step(100, .applied([begun])),
            Step(110, acknowledge(2, by: a)),
            // 1.01 × 6 s after the grant at 30 ms, and no earlier.
            Step(6_089, .tick),
        ])
        #expect(
            coordinator.obstacles(to: shop, now: at(6_089))
                == [.lease(b, until: Tick(nanoseconds: 6_090_000_001))])
        #expect(coordinator.nextDeadline == Tick(nanoseconds: 6_090_000_001))
        var later = coordinator
        var effects: [Effect] = []
        later.step(.tick, now: Tick(nanoseconds: 6_090_000_001), into: &effects)
        #expect(effects == [complete])
        var acknowledged = coordinator
        effects = []
        acknowledged.step(acknowledge(2, by: b), now: at(6_089), into: &effects)
        #expect(effects == [complete])
    }

    /// Holders a and b have leases from 0; `begun` applies at 100.
    private func switching(_ steps: [Step]) -> SwitchCoordinator {
        run(
            [
                Step(0, ask(1, applied: 5, by: a), [.beginRound(RoundID(1))]),
                Step(0, .confirmed(RoundID(1)), [granted(1, to: a)]),
                Step(0, ask(1, applied: 5, by: b), [.beginRound(RoundID(2))]),
                Step(0, .confirmed(RoundID(2)), [granted(1, to: b)]), Step(100, .applied([begun])),
            ] + steps)
    }

    @Test func anAcknowledgementOfAnEarlierEpochIsNone() {
        let next = service(.switching(from: east, to: south, epoch(3)), index: 10)
        _ = switching([
            Step(110, acknowledge(2, by: a)), Step(120, .applied([next])), Step(130, acknowledge(2, by: b)),
            Step(140, acknowledge(3, by: b)), Step(150, acknowledge(3, by: a), [.complete(shop, epoch(3))]),
        ])
    }

    @Test func anAcknowledgementMayComeBeforeTheBeginIsAppliedHere() {
        _ = run([
            Step(0, ask(1, applied: 5, by: a), [.beginRound(RoundID(1))]),
            Step(0, .confirmed(RoundID(1)), [granted(1, to: a)]), Step(90, acknowledge(2, by: a)),
            Step(100, .applied([begun]), [complete]),
        ])
    }

    @Test func acknowledgementsComeWithRequests() {
        _ = switching([
            Step(110, acknowledge(2, by: a)),
            Step(120, ask(2, applied: 9, [2], by: b), [.beginRound(RoundID(3)), complete]),
        ])
    }

    @Test func whoLagsBehindIsNotRenewedForThatService() {
        let files = service(.stable(east, epoch(1)), index: 1, name: ServiceName("files"))
        _ = switching([
            Step(110, acknowledge(2, by: a)), Step(115, .applied([files, begun])),
            Step(120, ask(2, applied: 8, by: b), [.beginRound(RoundID(3))]),
            Step(130, .confirmed(RoundID(3)), [granted(2, without: [shop], to: b)]),
            Step(6_060, .tick),
            // Its lease from the grant at 0 is over; the leases for other services do not matter.
            Step(6_061, .tick, [complete]),
        ])
    }

    /// Otherwise a node that never acknowledges, because one of its workers hangs, would delay the switch forever.
    @Test func nobodyIsRenewedForWhatIsBeingSwitched() {
        _ = switching([
            Step(110, acknowledge(2, by: a)),
            Step(120, ask(2, applied: 9, by: b), [.beginRound(RoundID(3))]),
            Step(130, .confirmed(RoundID(3)), [granted(2, without: [shop], to: b)]),
            Step(6_060, .tick), Step(6_061, .tick, [complete]),
        ])
    }

    @Test func aRemovedMembersLeaseStillCounts() {
        let coordinator = switching([
            Step(110, acknowledge(2, by: a)), Step(120, .changedMembers([a])), Step(130, ask(2, applied: 9, by: b)),
            Step(6_060, .tick), Step(6_061, .tick, [complete]),
        ])
        #expect(coordinator.nextDeadline == at(7_061))
        _ = switching([
            Step(110, acknowledge(2, by: a)), Step(120, .changedMembers([a])),
            Step(130, acknowledge(2, by: b), [complete]),
        ])
    }

    @Test func aNewLeaderTakesEveryLeaseForLive() {
        let coordinator = run(
            [
                Step(10, .applied([begun])), Step(20, acknowledge(2, by: a)), Step(30, acknowledge(2, by: b)),
                Step(6_060, .tick),
            ], electedAt: 0)
        let end = Tick(nanoseconds: 6_060_000_001)
        #expect(coordinator.obstacles(to: shop, now: at(6_060)) == [.earlierLeases(until: end)])
        #expect(coordinator.nextDeadline == end)
        var effects: [Effect] = []
        var later = coordinator
        later.step(.tick, now: end, into: &effects)
        #expect(effects == [complete])
    }

    @Test func theLongerOfTheLastTwoLeasesCounts() {
        var coordinator = SwitchCoordinator()
        var effects: [Effect] = []
        let lease = LeaseSettings(lease: .seconds(2), previous: .seconds(4))
        coordinator.step(.elected(lease: lease, members: [a], services: [begun]), now: at(0), into: &effects)
        #expect(coordinator.nextDeadline == Tick(nanoseconds: 4_040_000_001))
        coordinator.step(ask(1, applied: 9, by: a), now: at(1), into: &effects)
        coordinator.step(.confirmed(RoundID(1)), now: at(2), into: &effects)
        #expect(
            effects == [
                .beginRound(RoundID(1)),
                .grant(LeaseGrant(process: 1, number: 1, lease: .seconds(2), without: [shop]), to: a),
            ])
    }

    @Test func whatAnEarlierTimeAsLeaderKnewIsForgotten() {
        _ = switching([
            Step(110, acknowledge(2, by: a)), Step(111, acknowledge(2, by: b), [complete]), Step(120, .deposed),
            Step(200, .elected(lease: LeaseSettings(), members: [a, b], services: [begun])),
            Step(210, ask(2, applied: 9, by: a), [.beginRound(RoundID(3))]),
            Step(220, .confirmed(RoundID(3)), [granted(2, without: [shop], to: a)]),
            // Earlier acknowledgements are no longer known, so the earlier leases have to be over.
            Step(6_255, acknowledge(2, by: a)), Step(6_260, .tick), Step(6_261, .tick, [complete]),
        ])
    }

    @Test func aChangedLeaseIsGrantedFromThenOn() {
        _ = run([
            Step(0, .changedLease(LeaseSettings(lease: .seconds(3), previous: .seconds(6)))),
            Step(1, ask(1, applied: 5, by: a), [.beginRound(RoundID(1))]),
            Step(
                2, .confirmed(RoundID(1)),
                [.grant(LeaseGrant(process: 1, number: 1, lease: .seconds(3)), to: a)]),
            Step(100, .applied([begun])), Step(3_032, .tick), Step(3_033, .tick, [complete]),
        ])
    }
}
