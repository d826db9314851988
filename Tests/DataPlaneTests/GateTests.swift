// Tests the workers' part of a gate: who passes, what is counted as in flight, and when control hears of it.
import Catalog
import Switching
import Testing
import Topology

@testable import DataPlane
@testable import Proactor

private let shop = ServiceName("shop")
private let east = DatacenterName("east")
private let west = DatacenterName("west")
private let first = Epoch(formation: 7)

/// Two workers of one process, with their shared cell; all on the test's own loop.
private final class Gates {
    let loop: EventLoop
    let cells = SharedGates(workers: 2)
    let cell: SharedGate
    let workers: [WorkerGate]

    init() throws {
        loop = try EventLoop(io: .epoll, buffers: .modest)
        cell = cells.cell(of: shop)
        workers = [0, 1].map { [loop, cells, cell] in WorkerGate(cell, cells, loop: loop, worker: $0) }
    }

    deinit { loop.end() }

    /// Puts an order in force; workers that are named take it.
    @discardableResult
    func order(
        _ generation: UInt64, _ mode: GateOrder.Mode, admitFor: Duration = .seconds(60), taken: [Int] = [0, 1]
    ) -> Bool {
        let end = mode.isHold ? Tick.zero : loop.now + admitFor
        let isNews = cell.put(
            GateOrder(
                generation: generation, mode: mode, admitUntil: end, writeUntil: loop.now + admitFor,
                holdUntil: loop.now + .seconds(15), retryAfter: .seconds(1)))
        for index in taken { _ = workers[index].takeCommand() }
        return isNews
    }

    func decision(_ worker: Int) -> GateDecision { workers[worker].decision(now: loop.now) }
}

private let toEast = GateOrder.Mode.serve(east, first)

@Suite("Gates of workers")
struct GateTests {
    @Test func holdsUntilControlHasSpoken() throws {
        let gates = try Gates()
        #expect(gates.decision(0) == .hold(until: .distantFuture, .unregistered))
        gates.order(2, toEast)
        #expect(gates.decision(0) == .serve(east, first, generation: 2))
        #expect(gates.workers[0].datacenter == east)
    }

    /// A lease that is renewed needs no message; one that ended stops a worker that has heard nothing of it.
    @Test func ticksReachWorkersWithoutAMessage() throws {
        let gates = try Gates()
        gates.order(2, toEast)
        #expect(!gates.order(2, toEast, admitFor: .seconds(90), taken: []))
        #expect(gates.decision(0) == .serve(east, first, generation: 2))
        #expect(!gates.order(2, toEast, admitFor: .seconds(-1), taken: []))
        guard case .hold(_, .noLease) = gates.decision(0) else { return #expect(Bool(false), "it admits") }
        #expect(!gates.workers[0].mayWrite(2))
    }

    /// The next order may be in force before a worker has taken it: by the old one nothing is admitted any more.
    @Test func anOrderThatIsNotTakenYetAdmitsNothing() throws {
        let gates = try Gates()
        gates.order(2, toEast)
        #expect(gates.order(3, .serve(west, first), taken: [1]))
        guard case .hold = gates.decision(0) else { return #expect(Bool(false), "it admits to \(east)") }
        #expect(gates.decision(1) == .serve(west, first, generation: 3))
        _ = gates.workers[0].takeCommand()
        #expect(gates.decision(0) == .serve(west, first, generation: 3))
    }

    /// Control hears that a generation is in force once every worker has taken it and has nothing older in flight.
    @Test func confirmsWhenNothingOlderIsInFlight() throws {
        let gates = try Gates()
        gates.order(2, toEast)
        #expect(gates.cell.confirmed == 2)
        let exchange = AdmissionPermit(gates.workers[0])
        let other = AdmissionPermit(gates.workers[0])
        gates.order(3, .hold(.switching), taken: [0])
        #expect(gates.cell.confirmed == 2, "the other worker has not taken it")
        _ = gates.workers[1].takeCommand()
        #expect(gates.cell.confirmed == 2, "two exchanges are in flight")
        #expect(!exchange.isCurrent)
        exchange.giveBack()
        #expect(gates.cell.confirmed == 2)
        other.giveBack()
        #expect(gates.cell.confirmed == 3)
        #expect(gates.workers[0].inFlight == 0)
    }

    @Test func aGenerationThatWasMissedDelaysNothing() throws {
        let gates = try Gates()
        gates.order(2, toEast)
        let exchange = AdmissionPermit(gates.workers[0])
        gates.order(3, .hold(.switching), taken: [1])
        gates.order(4, toEast)
        #expect(gates.cell.confirmed == 2)
        exchange.giveBack()
        #expect(gates.cell.confirmed == 4)
    }

    @Test func cutsOnce() throws {
        let gates = try Gates()
        gates.order(2, toEast)
        let exchange = AdmissionPermit(gates.workers[0])
        gates.order(3, .hold(.switching))
        #expect(exchange.mayWrite, "until it is cut")
        gates.cell.cut(olderThan: 3)
        #expect(!exchange.mayWrite, "before the worker has heard of it")
        gates.order(4, toEast, admitFor: .seconds(90), taken: [])
        #expect(!exchange.mayWrite, "a lease that comes later gives nothing back")
        #expect(gates.workers[0].takeCommand() == 3)
        #expect(gates.workers[0].takeCommand() == nil)
        #expect(gates.workers[1].takeCommand() == nil, "nothing to be cut")
        exchange.giveBack()
    }

    /// Control does not answer any more: those who wait are not kept for ever.
    @Test func whatWaitsForAControlThatHangsIsRefused() throws {
        let gates = try Gates()
        gates.order(2, toEast, admitFor: .seconds(-20))
        #expect(
            gates.workers[0].decision(now: gates.loop.now + .seconds(16)) == .refuse(.noLease, retryAfter: .seconds(1)))
    }

    /// A group in memory has no epochs that fence anything.
    @Test func fenceLinesAreOfTheOrder() throws {
        let gates = try Gates()
        gates.order(2, toEast)
        let text = String(decoding: gates.workers[0].fenceLines, as: UTF8.self)
        #expect(text == "Meridian-Datacenter: east\r\nMeridian-Epoch: \(first.value)\r\n")
        gates.order(3, .hold(.switching))
        #expect(gates.workers[0].fenceLines.isEmpty)
        gates.order(4, .serve(west, Epoch(formation: 0)))
        #expect(String(decoding: gates.workers[0].fenceLines, as: UTF8.self) == "Meridian-Datacenter: west\r\n")
    }

    // MARK: Those who wait

    private final class Waiter: HoldQueueWaiter {
        var holdTicket: UInt64 = 0
        var heldBytes = 10
        private var lastTicket: UInt64 = 0
        var tries = 0
        var again: (() -> Void)?

        func takeTicket() -> UInt64 {
            lastTicket += 1
            return lastTicket
        }

        func tryAgain() {
            tries += 1
            again?()
        }
    }

    @Test func thoseWhoWaitTryAgainWhenTheOrderChanges() throws {
        let gates = try Gates()
        let held = gates.workers[0].held
        let waiters = (0..<3).map { _ in Waiter() }
        for waiter in waiters { #expect(held.join(waiter)) }
        // Its client has left: its place stands for nobody.
        waiters[1].holdTicket = 0
        waiters[2].again = { #expect(held.join(waiters[2])) }
        gates.order(2, toEast)
        gates.loop.turn(limit: .zero)
        #expect(waiters.map(\.tries) == [1, 0, 1])
        gates.order(3, .hold(.switching))
        gates.loop.turn(limit: .zero)
        #expect(waiters.map(\.tries) == [1, 0, 2])
    }

    /// An endpoint may answer again without any order.
    @Test func thoseWhoWaitAreLookedAtAnyway() throws {
        let gates = try Gates()
        let waiter = Waiter()
        #expect(gates.workers[0].held.join(waiter))
        let end = MonotonicClock.now + .seconds(5)
        while waiter.tries == 0, MonotonicClock.now < end { gates.loop.turn(limit: .milliseconds(50)) }
        #expect(waiter.tries == 1)
    }

    @Test func waitingIsBoundedByCountAndBytes() throws {
        let gates = try Gates()
        let held = gates.workers[0].held
        let large = Waiter()
        large.heldBytes = HoldQueue.mostBytes - 15
        #expect(held.join(large))
        #expect(held.join(Waiter()))
        #expect(!held.join(Waiter()))
        let other = gates.workers[1].held
        let waiters = (0..<HoldQueue.mostRequests).map { _ in Waiter() }
        for waiter in waiters { waiter.heldBytes = 0 }
        #expect(waiters.allSatisfy { other.join($0) })
        #expect(!other.join(Waiter()))
    }
}
