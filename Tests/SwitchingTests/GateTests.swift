// Tests the gate: what it orders, cuts and acknowledges, and what a worker does with a request by its orders.
import Catalog
import Switching
import Testing
import Topology

private typealias Event = ServiceGate.Event
private typealias Effect = ServiceGate.Effect

private let stable = service(.stable(east, epoch(1)), index: 5)
private let begun = service(.switching(from: east, to: west, epoch(2)), index: 9)
private let ended = service(.stable(west, epoch(2)), index: 12)
private let toEast = GateOrder.Mode.serve(east, epoch(1))
private let toWest = GateOrder.Mode.serve(west, epoch(2))
private let acknowledged = Effect.acknowledge(EpochAcknowledgement(service: shop, epoch: epoch(2)))

/// An order while the lease ends at `lease` and, for a hold, requests have waited since `held`.
private func order(
    _ generation: UInt64, _ mode: GateOrder.Mode, lease: Int64, heldSince held: Int64? = nil
) -> Effect {
    let admission = at(lease - 100)
    return .publish(
        GateOrder(
            generation: generation, mode: mode, admitUntil: held == nil ? admission : .zero, writeUntil: at(lease - 50),
            holdUntil: (held.map(at) ?? admission) + .seconds(15), retryAfter: .seconds(1), holdBudget: .seconds(15)))
}

/// An order of a gate that no lease binds.
private func unbound(
    _ generation: UInt64, _ mode: GateOrder.Mode, heldSince held: Int64? = nil, holdBudget: Duration = .zero
) -> Effect {
    .publish(
        GateOrder(
            generation: generation, mode: mode, admitUntil: held == nil ? .distantFuture : .zero,
            writeUntil: .distantFuture, holdUntil: held.map { at($0) + .seconds(15) } ?? .distantFuture,
            retryAfter: .seconds(1), holdBudget: holdBudget))
}

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

@Suite struct GateTests {
    @discardableResult
    private func run(_ steps: [Step], _ conduct: ServiceGate.Conduct = .init()) -> ServiceGate {
        var gate = ServiceGate(conduct, now: at(0))
        for step in steps {
            var effects: [Effect] = []
            gate.step(step.event, now: at(step.at), into: &effects)
            #expect(effects == step.effects, "at \(step.at): \(step.event)")
            if let next = gate.nextDeadline { #expect(next > at(step.at)) }
        }
        return gate
    }

    /// Served since 20, by a lease that ends at 6,000.
    private let serving = [
        Step(10, .applied(stable), [order(1, .hold(.noLease), lease: 0, heldSince: 0)]),
        Step(20, .leased(until: at(6_000)), [order(2, toEast, lease: 6_000)]),
        Step(30, .confirmed(generation: 2)),
    ]

    @Test func servesOnceThereIsALease() {
        let gate = run(serving)
        #expect(gate.currentOrder.decision(now: at(5_899)) == .serve(east, epoch(1), generation: 2))
        // The next order is late.
        #expect(gate.currentOrder.decision(now: at(5_900)) == .hold(until: at(20_900), .noLease))
        #expect(gate.nextDeadline == at(5_900))
    }

    @Test func aRenewalIsNoNewGeneration() {
        run(serving + [Step(1_500, .leased(until: at(7_500)), [order(2, toEast, lease: 7_500)])])
        // A lease that was granted is not taken back.
        run(serving + [Step(1_500, .leased(until: at(5_000)))])
    }

    @Test func aBeginHoldsDrainsAndCuts() {
        let gate = run(
            serving + [
                Step(1_000, .applied(begun), [order(3, .hold(.switching), lease: 6_000, heldSince: 1_000)]),
                Step(2_999, .tick), Step(3_000, .tick, [.cut(olderThan: 3)]), Step(3_001, .tick),
                Step(3_010, .confirmed(generation: 3), [acknowledged]), Step(3_020, .tick),
                Step(3_100, .applied(ended), [order(4, toWest, lease: 6_000)]),
            ])
        #expect(gate.acknowledgement == nil)
        #expect(gate.currentOrder.decision(now: at(3_100)) == .serve(west, epoch(2), generation: 4))
    }

    @Test func exchangesThatEndByThemselvesAreNotCut() {
        let gate = run(
            serving + [
                Step(1_000, .applied(begun), [order(3, .hold(.switching), lease: 6_000, heldSince: 1_000)]),
                Step(1_040, .confirmed(generation: 2)), Step(1_050, .confirmed(generation: 3), [acknowledged]),
                Step(3_000, .tick),
            ])
        #expect(gate.acknowledgement == EpochAcknowledgement(service: shop, epoch: epoch(2)))
    }

    @Test func nothingInFlightIsAcknowledgedAtOnce() {
        run([Step(10, .applied(begun), [order(1, .hold(.switching), lease: 0, heldSince: 0), acknowledged])])
    }

    @Test func aSuccessorOfAProcessAcknowledgesLater() {
        var conduct = ServiceGate.Conduct()
        conduct.acknowledgesFrom = at(4_000)
        let gate = run(
            [
                Step(10, .applied(begun), [order(1, .hold(.switching), lease: 0, heldSince: 0)]), Step(3_999, .tick),
            ], conduct)
        #expect(gate.nextDeadline == at(4_000))
        var later = gate
        var effects: [Effect] = []
        later.step(.tick, now: at(4_000), into: &effects)
        #expect(effects == [acknowledged])
    }

    /// A node may open its gates before it has applied how long leases live in its group.
    @Test func aSuccessorLearnsHowLongToWait() {
        var conduct = ServiceGate.Conduct()
        conduct.acknowledgesFrom = at(6_060)
        run(
            [
                Step(10, .applied(begun), [order(1, .hold(.switching), lease: 0, heldSince: 0)]),
                Step(20, .acknowledges(from: at(1_212))), Step(1_211, .tick), Step(1_212, .tick, [acknowledged]),
            ], conduct)
    }

    @Test func aReplacedTargetDrainsOnce() {
        let again = service(.switching(from: east, to: south, epoch(3)), index: 10)
        run(
            serving + [
                Step(1_000, .applied(begun), [order(3, .hold(.switching), lease: 6_000, heldSince: 1_000)]),
                Step(2_500, .applied(again)), Step(3_000, .tick, [.cut(olderThan: 3)]),
                Step(
                    3_010, .confirmed(generation: 3),
                    [.acknowledge(EpochAcknowledgement(service: shop, epoch: epoch(3)))]),
                // Nothing was sent since, so another epoch needs no further confirmation by the workers.
                Step(
                    3_500, .applied(service(.switching(from: east, to: east, epoch(4)), index: 11)),
                    [.acknowledge(EpochAcknowledgement(service: shop, epoch: epoch(4)))]),
                Step(
                    3_600, .applied(service(.stable(east, epoch(4)), index: 12)),
                    [order(4, .serve(east, epoch(4)), lease: 6_000)]),
            ])
    }

    @Test func theLeaseEndsBeforeTheDrain() {
        run(
            serving + [
                Step(5_000, .applied(begun), [order(3, .hold(.switching), lease: 6_000, heldSince: 5_000)]),
                Step(5_899, .tick), Step(5_900, .tick, [.cut(olderThan: 3)]), Step(7_000, .tick),
                Step(7_001, .confirmed(generation: 3), [acknowledged]),
            ])
    }

    @Test func withoutALeaseItCutsHoldsAndRefuses() {
        let gate = run(
            serving + [
                Step(
                    5_900, .tick,
                    [order(3, .hold(.noLease), lease: 6_000, heldSince: 5_900), .cut(olderThan: 3)]),
                Step(20_000, .tick),
            ])
        let current = gate.currentOrder
        #expect(current.writeUntil == at(5_950))
        #expect(current.decision(now: at(20_899)) == .hold(until: at(20_900), .noLease))
        #expect(current.decision(now: at(20_900)) == .refuse(.noLease, retryAfter: .seconds(1)))
    }

    @Test func itSaysWhetherItHoldsALease() {
        let gate = run(serving)
        #expect([5_899, 5_900].map { gate.holdsLease(now: at($0)) } == [true, false])
        // It is not known yet whether it needs one; and a group in memory needs none.
        #expect(ServiceGate(now: at(0)).holdsLease(now: at(0)) == nil)
        var alone = ServiceGate.Conduct()
        alone.needsLease = false
        var memory = ServiceGate(alone, now: at(0))
        var effects: [Effect] = []
        memory.step(.applied(stable), now: at(0), into: &effects)
        #expect(memory.holdsLease(now: at(1)) == nil)
        // What an operator vouches for is not a lease.
        var broken = run([Step(10, .applied(stable), [order(1, .hold(.noLease), lease: 0, heldSince: 0)])])
        broken.step(.brokeGlass(until: at(9_000)), now: at(20), into: &effects)
        #expect(broken.holdsLease(now: at(21)) == false)
    }

    @Test func aLeaseThatReturnsServesAgain() {
        run(
            serving + [
                Step(
                    5_900, .tick,
                    [order(3, .hold(.noLease), lease: 6_000, heldSince: 5_900), .cut(olderThan: 3)]),
                Step(9_000, .leased(until: at(14_000)), [order(4, toEast, lease: 14_000)]),
                Step(9_001, .confirmed(generation: 3)),
                Step(9_500, .applied(begun), [order(5, .hold(.switching), lease: 14_000, heldSince: 9_500)]),
                // This is for the first hold; later exchanges are not covered.
                Step(9_501, .confirmed(generation: 3)), Step(9_502, .confirmed(generation: 5), [acknowledged]),
            ])
    }

    @Test func aMissedBeginCutsAtOnce() {
        run(
            serving + [
                Step(
                    1_000, .applied(ended),
                    [order(3, .hold(.draining), lease: 6_000, heldSince: 1_000), .cut(olderThan: 3)]),
                Step(1_010, .confirmed(generation: 3), [order(4, toWest, lease: 6_000)]),
            ])
    }

    @Test func withoutAUsableEndpointItHolds() {
        let gate = run(
            serving + [
                Step(1_000, .usable(false), [order(3, .hold(.noUsableEndpoint), lease: 6_000, heldSince: 1_000)]),
                // Exchanges that still work are left alone.
                Step(4_000, .tick),
                // One budget from the first moment to the end of the switch.
                Step(4_500, .applied(begun), [order(3, .hold(.switching), lease: 6_000, heldSince: 1_000)]),
                Step(
                    6_500, .leased(until: at(9_000)),
                    [
                        order(3, .hold(.switching), lease: 9_000, heldSince: 1_000), .cut(olderThan: 3),
                    ]),
            ])
        #expect(gate.currentOrder.holdUntil == at(16_000))
        run(
            serving + [
                Step(1_000, .usable(false), [order(3, .hold(.noUsableEndpoint), lease: 6_000, heldSince: 1_000)]),
                Step(2_000, .usable(true), [order(4, toEast, lease: 6_000)]),
            ])
    }

    @Test func anAvailableServiceNeedsNoLeaseAndHoldsNothing() {
        let first = service(.stable(east, epoch(1)), index: 5, consistency: .available)
        let second = service(.stable(west, epoch(2)), index: 9, consistency: .available)
        run([
            Step(10, .applied(first), [unbound(2, toEast)]), Step(20, .usable(false)),
            Step(1_000, .applied(second), [unbound(3, toWest)]),
            Step(2_999, .tick), Step(3_000, .tick, [.cut(olderThan: 3)]), Step(3_001, .confirmed(generation: 3)),
            Step(100_000, .tick),
        ])
        run([
            Step(10, .applied(first), [unbound(2, toEast)]),
            Step(1_000, .applied(second), [unbound(3, toWest)]), Step(1_001, .confirmed(generation: 3)),
            Step(3_000, .tick),
        ])
    }

    @Test func aGroupOfOneInMemoryNeedsNoLease() {
        var conduct = ServiceGate.Conduct()
        conduct.needsLease = false
        let holdBudget = Duration.seconds(15)
        run(
            [
                Step(10, .applied(stable), [unbound(2, toEast, holdBudget: holdBudget)]),
                Step(
                    20, .usable(false),
                    [unbound(3, .hold(.noUsableEndpoint), heldSince: 20, holdBudget: holdBudget)]),
                Step(30, .usable(true), [unbound(4, toEast, holdBudget: holdBudget)]), Step(1_000_000, .tick),
            ], conduct)
    }

    @Test func aServiceThatVanishedIsHeld() {
        run(
            serving + [
                Step(1_000, .applied(nil), [order(3, .hold(.unregistered), lease: 6_000, heldSince: 1_000)]),
                Step(5_900, .tick, [.cut(olderThan: 3)]),
            ])
    }

    @Test func breakGlassServesWhatWasAgreedLast() {
        run(
            serving + [
                Step(
                    5_900, .tick,
                    [order(3, .hold(.noLease), lease: 6_000, heldSince: 5_900), .cut(olderThan: 3)]),
                Step(7_000, .brokeGlass(until: at(60_000)), [order(4, toEast, lease: 60_000)]),
                Step(
                    59_900, .tick,
                    [order(5, .hold(.noLease), lease: 60_000, heldSince: 59_900), .cut(olderThan: 5)]),
            ])
    }

    @Test func breakGlassInTheMiddleOfASwitchServesTheTarget() {
        run(
            serving + [
                Step(1_000, .applied(begun), [order(3, .hold(.switching), lease: 6_000, heldSince: 1_000)]),
                Step(
                    2_000, .brokeGlass(until: at(60_000)),
                    [order(3, .hold(.switching), lease: 60_000, heldSince: 1_000)]),
                Step(3_000, .tick, [.cut(olderThan: 3)]),
                // Its lease is over and so is what it had towards the old primary, which the operator has fenced.
                Step(5_900, .confirmed(generation: 3), [order(4, toWest, lease: 60_000)]),
                // The group is back, and what it agrees on counts again.
                Step(
                    9_000, .leased(until: at(15_000)),
                    [order(5, .hold(.switching), lease: 60_000, heldSince: 9_000)]),
                Step(11_000, .tick, [.cut(olderThan: 5)]), Step(11_001, .confirmed(generation: 5), [acknowledged]),
            ])
        run(serving + [Step(100, .brokeGlass(until: at(200))), Step(300, .brokeGlass(until: nil))])
    }

    @Test func breakGlassMayServeAnotherDatacenterUntilTheGroupIsBack() {
        run(
            serving + [
                // Not while the group can still decide.
                Step(
                    5_000, .brokeGlass(until: at(60_000), in: west),
                    [order(2, toEast, lease: 60_000)]),
                Step(5_900, .tick, [order(3, .hold(.draining), lease: 60_000, heldSince: 5_900), .cut(olderThan: 3)]),
                Step(5_950, .confirmed(generation: 3), [order(4, .serve(west, epoch(1)), lease: 60_000)]),
                Step(
                    9_000, .leased(until: at(15_000)),
                    [
                        order(5, .hold(.draining), lease: 60_000, heldSince: 9_000), .cut(olderThan: 5),
                    ]),
                Step(9_010, .confirmed(generation: 5), [order(6, toEast, lease: 60_000)]),
            ])
    }

    @Test func whatWasCutGoesBackOnlyIfItMay() {
        let held = run(
            serving + [
                Step(1_000, .applied(begun), [order(3, .hold(.switching), lease: 6_000, heldSince: 1_000)])
            ]
        ).currentOrder
        #expect(held.afterCut(isReplayable: true, sawResponse: false, now: at(3_000)) == .holdAgain(until: at(16_000)))
        #expect(held.afterCut(isReplayable: false, sawResponse: false, now: at(3_000)) == .badGateway)
        #expect(held.afterCut(isReplayable: true, sawResponse: true, now: at(3_000)) == .close)
        #expect(held.afterCut(isReplayable: true, sawResponse: false, now: at(16_000)) == .badGateway)
        let served = run(serving).currentOrder
        #expect(served.afterCut(isReplayable: true, sawResponse: false, now: at(50)) == .holdAgain(until: at(50)))
    }
}
