// Owns one worker's part of a service's gate: what may go where, and what of which generation is in flight.
internal import Catalog
internal import Proactor
internal import Switching
internal import Topology

/// A service's gate on one worker.
final class WorkerGate {
    private let cell: SharedGate
    private let cells: SharedGates
    private let loop: EventLoop
    private let worker: Int
    private(set) var order: GateOrder
    /// `Meridian-Datacenter` and `Meridian-Epoch` lines for the order in force; empty while it holds.
    private(set) var fenceLines: [UInt8] = []
    /// Exchanges, tunnels and sessions that were admitted under `order.generation`.
    private var current = 0
    /// Those of older generations, oldest first; none has a count of 0.
    private var older: [(generation: UInt64, count: Int)] = []
    private var lastCut: UInt64 = 0
    /// Who waits until the gate opens.
    let held: HoldQueue

    init(_ cell: SharedGate, _ cells: SharedGates, loop: EventLoop, worker: Int) {
        self.cell = cell
        self.cells = cells
        self.loop = loop
        self.worker = worker
        held = HoldQueue(loop)
        order = cell.command.order
        fenceLines = Self.fenceLines(order)
        confirm()
    }

    // MARK: Asking

    /// What to do with a request or a retry now.
    @inline(__always)
    func decision(now: Tick) -> GateDecision {
        if case .serve(let datacenter, let epoch) = order.mode, cell.admits(order.generation, now: now) {
            return .serve(datacenter, epoch, generation: order.generation)
        }
        return closedDecision(now)
    }

    private func closedDecision(_ now: Tick) -> GateDecision {
        if order.mode.isHold { return order.decision(now: now) }
        // The lease is over, or the next order is on its way: control will say which.
        let latest = cell.command.order
        guard !latest.mode.isHold else { return latest.decision(now: now) }
        return now < latest.holdUntil
            ? .hold(until: latest.holdUntil, .noLease) : .refuse(.noLease, retryAfter: latest.retryAfter)
    }

    /// Where requests go by the order in force; nil while it holds.
    var datacenter: DatacenterName? {
        if case .serve(let datacenter, _) = order.mode { datacenter } else { nil }
    }

    /// The epoch that the order in force serves with.
    var epoch: Epoch? {
        if case .serve(_, let epoch) = order.mode { epoch } else { nil }
    }

    /// Whether a byte may be written towards a backend now, by what was admitted under `generation`. Reads the clock where
    /// a lease binds: a turn may be long.
    @inline(__always)
    func mayWrite(_ generation: UInt64) -> Bool {
        let limit = cell.writesUntil(generation)
        return limit == .distantFuture || loop.clock() < limit
    }

    /// How long a connection to a backend may go without an answer of the peer's kernel; nil: no lease binds.
    var userTimeout: Duration? {
        guard cell.writesUntil(order.generation) != .distantFuture, cells.leaseLength > .zero else { return nil }
        return cells.leaseLength
    }

    // MARK: In flight

    /// Something is admitted under the order in force.
    ///
    /// - Returns: its generation, for `leave(_:)`.
    @inline(__always)
    func enter() -> UInt64 {
        current += 1
        return order.generation
    }

    /// Something that was admitted under `generation` is over: nothing of it is written any more.
    @inline(__always)
    func leave(_ generation: UInt64) {
        if generation == order.generation { current -= 1 } else { leaveOlder(generation) }
    }

    private func leaveOlder(_ generation: UInt64) {
        guard let index = older.firstIndex(where: { $0.generation == generation }) else { return }
        older[index].count -= 1
        if older[index].count == 0 { older.remove(at: index) }
        confirm()
    }

    /// How many were admitted and are not over.
    var inFlight: Int { current + older.reduce(0) { $0 + $1.count } }

    // MARK: Commands

    /// Takes what control wants, at the beginning of a turn.
    ///
    /// - Returns: the generation below which everything is to be cut now; nil: nothing is.
    func takeCommand() -> UInt64? {
        let command = cell.command
        if command.order.generation > order.generation {
            if current > 0 { older.append((order.generation, current)) }
            current = 0
        }
        order = command.order
        fenceLines = Self.fenceLines(order)
        confirm()
        // Also while it holds: who has waited too long is refused.
        held.look()
        guard command.cutOlderThan > lastCut else { return nil }
        lastCut = command.cutOlderThan
        return older.isEmpty ? nil : command.cutOlderThan
    }

    private func confirm() {
        if older.isEmpty, cell.confirm(order.generation, worker: worker) { cells.ring(cell.service) }
    }

    private static func fenceLines(_ order: GateOrder) -> [UInt8] {
        guard case .serve(let datacenter, let epoch) = order.mode else { return [] }
        var text = "Meridian-Datacenter: \(datacenter)\r\n"
        // A memory-only group has no formation number, and sends no epoch: it could not keep one apart from those of an earlier group.
        if epoch.formation != 0 { text += "Meridian-Epoch: \(epoch.value)\r\n" }
        return Array(text.utf8)
    }
}

/// The right to write towards the primary's backends: who has one is counted until it is given back.
struct AdmissionPermit {
    let gate: WorkerGate
    let generation: UInt64
    /// For the log: when the gate closes it forgets.
    let epoch: Epoch?

    init(_ gate: WorkerGate) {
        self.gate = gate
        epoch = gate.epoch
        generation = gate.enter()
    }

    /// Whether a byte may be written towards a backend now.
    var mayWrite: Bool { gate.mayWrite(generation) }

    /// Whether the gate's order is still the one it was given under.
    var isCurrent: Bool { gate.order.generation == generation }

    func giveBack() { gate.leave(generation) }
}
