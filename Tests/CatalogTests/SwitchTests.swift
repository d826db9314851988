// Tests begin and complete: the two commands of a strict switch, and everything that makes them do nothing.
import Catalog
import Testing
import Topology

private let formation: UInt32 = 1_800_000_000

private func epoch(_ count: Int) -> Epoch {
    var epoch = Epoch(formation: formation)
    for _ in 1..<count { epoch = epoch.next ?? epoch }
    return epoch
}

private func begin(
    _ to: DatacenterName, _ expected: Int? = nil, _ cause: PrimaryCause = .operatorRequest, term: UInt64 = 0
) -> CatalogChange {
    .setPrimary(of: shop, to: to, expectedEpoch: expected.map(epoch), cause: cause, term: term)
}

private func complete(_ count: Int) -> CatalogChange { .completeSwitch(of: shop, epoch: epoch(count)) }

private let three = registration(shop, hasPrimary: true, datacenters: [east, west, south])

/// Changes in order, what the last one answers, and the state after all.
struct SwitchCase: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var changes: [CatalogChange]
    var refusal: CatalogRefusal?
    var isChanged = true
    /// Of the last change.
    var force = false
    var state: PrimaryState
}

@Suite struct SwitchTests {
    static let stableEast = PrimaryState.stable(east, epoch(1))
    static let toWest = PrimaryState.switching(from: east, to: west, epoch(2))

    @Test(arguments: [
        SwitchCase(testDescription: "begin", changes: [begin(west, 1)], state: toWest),
        SwitchCase(
            testDescription: "begin of another epoch", changes: [begin(west, 2)],
            refusal: .epochMismatch(current: epoch(1)), state: stableEast),
        SwitchCase(testDescription: "complete", changes: [begin(west), complete(2)], state: .stable(west, epoch(2))),
        SwitchCase(
            testDescription: "complete of another epoch", changes: [begin(west), complete(1)],
            refusal: .epochMismatch(current: epoch(2)), state: toWest),
        SwitchCase(
            testDescription: "complete twice", changes: [begin(west), complete(2), complete(2)],
            refusal: .noSwitch(shop), state: .stable(west, epoch(2))),
        SwitchCase(
            testDescription: "complete without a switch", changes: [complete(1)], refusal: .noSwitch(shop),
            state: stableEast),
        SwitchCase(
            testDescription: "another target", changes: [begin(west), begin(south, 2)],
            state: .switching(from: east, to: south, epoch(3))),
        SwitchCase(
            testDescription: "reversed", changes: [begin(west), begin(east, 2)],
            state: .switching(from: east, to: east, epoch(3))),
        SwitchCase(
            testDescription: "reversed and completed", changes: [begin(west), begin(east), complete(3)],
            state: .stable(east, epoch(3))),
        SwitchCase(
            testDescription: "the epoch of the replaced target completes nothing",
            changes: [begin(west), begin(south), complete(2)], refusal: .epochMismatch(current: epoch(3)),
            state: .switching(from: east, to: south, epoch(3))),
        SwitchCase(
            testDescription: "same target", changes: [begin(west), begin(west)], isChanged: false, state: toWest),
        SwitchCase(testDescription: "same primary", changes: [begin(east)], isChanged: false, state: stableEast),
        SwitchCase(
            testDescription: "back to a drained primary",
            changes: [
                begin(west), .setState(.draining, of: place(shop, east), until: nil), begin(east, 2, .automatic),
            ], state: .switching(from: east, to: east, epoch(3))),
        SwitchCase(
            testDescription: "to a drained one",
            changes: [.setState(.draining, of: place(shop, west), until: nil), begin(west)],
            refusal: .targetTakesNoTraffic(west, service: shop), state: stableEast),
        SwitchCase(
            testDescription: "automatic while frozen", changes: [.setFrozen(true), begin(west, 1, .automatic)],
            refusal: .frozen, state: stableEast),
        SwitchCase(
            testDescription: "failback while frozen", changes: [.setFrozen(true), begin(west, 1, .failback)],
            refusal: .frozen, state: stableEast),
        SwitchCase(
            testDescription: "an operator while frozen", changes: [.setFrozen(true), begin(west)], state: toWest),
        SwitchCase(
            testDescription: "freeze does not stop a switch", changes: [begin(west), .setFrozen(true), complete(2)],
            state: .stable(west, epoch(2))),
        SwitchCase(
            testDescription: "automatic of another term", changes: [begin(west, 1, .automatic, term: 3)],
            refusal: .termIsOver(current: 0), state: stableEast),
        SwitchCase(
            testDescription: "available: one commit",
            changes: [
                .registerService(
                    registration(shop, hasPrimary: true, datacenters: [east, west, south], consistency: .available)),
                begin(west),
            ], state: .stable(west, epoch(2))),
        SwitchCase(
            testDescription: "became available while switching",
            changes: [
                begin(west),
                .registerService(
                    registration(shop, hasPrimary: true, datacenters: [east, west, south], consistency: .available)),
                begin(south),
            ], state: .stable(south, epoch(3))),
        SwitchCase(
            testDescription: "the target left the settings",
            changes: [
                begin(west), .registerService(registration(shop, hasPrimary: true, datacenters: [south, east])),
            ], force: true, state: .switching(from: east, to: south, epoch(3))),
        SwitchCase(
            testDescription: "the primary left the settings",
            changes: [.registerService(registration(shop, hasPrimary: true, datacenters: [south, west]))],
            force: true, state: .switching(from: east, to: south, epoch(2))),
    ])
    func endsIn(_ row: SwitchCase) {
        var log = Log(formation: formation)
        log.apply(.registerService(three))
        for change in row.changes.dropLast() {
            #expect(log.apply(change) == .applied(index: log.index, changed: true))
        }
        let outcome = row.changes.last.map { log.apply($0, force: row.force) }
        #expect(outcome == row.refusal.map { .refused($0) } ?? .applied(index: log.index, changed: row.isChanged))
        #expect(log.catalog.primaryRecord(of: shop)?.state == row.state)
        #expect(log.catalog.primary(of: shop) == Primary(datacenter: row.state.origin, epoch: row.state.epoch))
    }

    @Test func aDecisionOutlivesNoLeader() {
        var log = Log(formation: formation)
        log.apply(.registerService(three))
        log.term = 4
        #expect(log.apply(begin(west, 1, .automatic, term: 3)) == .refused(.termIsOver(current: 4)))
        #expect(log.apply(begin(west, 1, .automatic, term: 4)) == .applied(index: log.index, changed: true))
    }

    @Test func theIndexOfTheLatestStepIsKept() {
        var log = Log(formation: formation)
        func index() -> UInt64? { log.catalog.primaryRecord(of: shop)?.index }
        log.apply(.registerService(three))
        #expect(index() == 1)
        log.apply(.setWeight(3, of: place(shop, south), until: nil))
        #expect(index() == 1)
        log.apply(begin(west))
        #expect(index() == 3)
        log.apply(complete(2))
        #expect(index() == 4)
        let expected = ServiceSwitch(
            service: shop, state: .stable(west, epoch(2)), consistency: .strict, index: 4, failover: three.failover)
        #expect(log.catalog.switches == [expected])
    }

    @Test func eventsTellBothSteps() {
        var log = Log(formation: formation)
        log.apply(.registerService(three))
        log.apply(begin(west, 1, .automatic))
        log.apply(complete(2))
        #expect(
            log.catalog.events(after: 1).map(\.kind) == [
                .switchBegan(shop, from: east, to: west, epoch: epoch(2), cause: .automatic),
                .primaryChanged(shop, from: east, to: west, epoch: epoch(2), cause: .automatic),
            ])
    }

    @Test func automaticMovesAreRemembered() {
        var log = Log.withServices()
        log.apply(.registerService(three))
        func move(_ to: DatacenterName, _ cause: PrimaryCause) -> UnixTime {
            log.apply(.setPrimary(of: shop, to: to, expectedEpoch: nil, cause: cause))
            return log.now
        }
        func record() -> PrimaryRecord? { log.catalog.primaryRecord(of: shop) }
        let first = move(west, .automatic)
        #expect(record()?.home == east)
        let second = move(south, .automatic)
        #expect(record()?.home == east)
        #expect(record()?.moves.map(\.at) == [first, second])
        #expect(record()?.moves.map(\.wasWithinCooldown) == [false, true])
        log.now = second.later(by: .seconds(3599))
        _ = move(east, .failback)
        #expect(record()?.home == nil)
        #expect(record()?.moves.map(\.wasWithinCooldown) == [false, true, false])
        _ = move(west, .automatic)
        #expect(record()?.home == east)
        _ = move(south, .operatorRequest)
        #expect(record()?.home == nil)
        #expect(record()?.moves.count == 4)
        for _ in 0..<5 {
            _ = move(east, .automatic)
            _ = move(west, .automatic)
        }
        #expect(record()?.moves.count == 8)
    }

    @Test func aReplacedTargetIsNoFurtherMove() {
        var log = Log(formation: formation)
        log.apply(.registerService(three))
        log.apply(begin(west, 1, .automatic))
        log.apply(begin(south, 2, .automatic))
        #expect(log.catalog.primaryRecord(of: shop)?.moves.map(\.to) == [west])
        log.apply(begin(east, 3, .automatic))
        #expect(log.catalog.primaryRecord(of: shop)?.home == nil)
    }
}
