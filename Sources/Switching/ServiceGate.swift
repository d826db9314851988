// Owns one service's gate on a node: whether its requests are served, held, cut or refused.
public import Catalog
public import Topology

/// The node's side of switching without overlap, one for each service that follows a primary (see the article Life of
/// a failover).
///
/// The gate gives orders to the workers and is told when nothing of an older generation is in flight. Modes:
///
///     hold  -> serve   the state is stable, and for strict: the lease runs, the primary has a usable endpoint, and
///                      nothing is in flight towards another datacenter
///     serve -> hold    a begin was applied; for strict also: the lease ends, or no endpoint is usable
///     serve -> serve   another datacenter or epoch of an `available` service
///
/// Held requests are refused once the service has been held for `hold`, counted from the first moment, whatever the
/// reasons.
public struct ServiceGate: Sendable {
    public enum Event: Hashable, Sendable {
        /// What the node has applied of the service; nil: nothing yet, or it is gone.
        case applied(ServiceSwitch?)
        /// The node's lease for the service ends then (`RoutingLease.end(of:)`).
        case leased(until: Tick)
        /// Whether the primary has an endpoint that may be used.
        case usable(Bool)
        /// Every worker has taken the order of this generation and has no exchange of an older one in flight.
        case confirmed(generation: UInt64)
        /// The length of leases became known or changed: nothing is acknowledged before this tick.
        case acknowledges(from: Tick)
        /// `serve-without-lease`: an operator vouches that the old primary is fenced; nil takes that back. Requests go
        /// to the primary that was agreed last, or to the given datacenter.
        case brokeGlass(until: Tick?, in: DatacenterName? = nil)
        /// `nextDeadline` was reached.
        case tick
    }

    public enum Effect: Hashable, Sendable {
        /// Give this to every worker. They confirm a new generation.
        case publish(GateOrder)
        /// Abort every exchange, tunnel and session of the service that belongs to an older generation.
        case cut(olderThan: UInt64)
        /// Tell the leader, now and with every request for a lease while `acknowledgement` says so.
        case acknowledge(EpochAcknowledgement)
    }

    /// How gates behave; the same for all gates of a node.
    public struct Conduct: Hashable, Sendable {
        /// False only for a group of one in memory, where no other proxy can interfere.
        public var needsLease = true
        /// How long before the end of the lease exchanges are aborted, so that all are gone when it ends.
        public var cutLead = Duration.milliseconds(100)
        /// Nothing is acknowledged before this tick: a process waits until the lease of the one it replaced is over.
        public var acknowledgesFrom = Tick.zero
        /// What `Retry-After` says.
        public var retryAfter = Duration.seconds(1)
        public init() {}
    }

    private var conduct: Conduct
    private let mutations: SwitchingMutations
    private var applied: ServiceSwitch?
    private var leaseEnd = Tick.zero
    private var glassUntil: Tick?
    private var glassDatacenter: DatacenterName?
    private var isUsable = true
    private var order: GateOrder
    private var heldSince: Tick?
    /// Where exchanges may be in flight to; nil once all are confirmed to be over.
    private var flight: Flight?
    private var drainEnd: Tick?
    private var lastCut: UInt64 = 0
    /// So that no deadline lies in the past.
    private var steppedAt = Tick.zero

    /// What the node has acknowledged of the switch under way; nil: nothing.
    public private(set) var acknowledgement: EpochAcknowledgement?

    private struct Flight: Sendable {
        var datacenter: DatacenterName
        /// The last generation that served.
        var generation: UInt64
        /// Whether older generations served another datacenter and may not be over.
        var isMixed: Bool
    }

    /// A gate that holds everything; `currentOrder` is what workers begin with.
    public init(_ conduct: Conduct = Conduct(), now: Tick) { self.init(conduct, now: now, mutations: []) }

    package init(_ conduct: Conduct, now: Tick, mutations: SwitchingMutations) {
        self.conduct = conduct
        self.mutations = mutations
        heldSince = now
        order = GateOrder(
            generation: 1, mode: .hold(.unregistered), admitUntil: .zero, writeUntil: .zero,
            holdUntil: now + FailoverSettings().hold, retryAfter: conduct.retryAfter)
    }

    /// The order in force.
    public var currentOrder: GateOrder { order }

    /// Takes an event in; the effects are to be carried out in order. O(1).
    public mutating func step(_ event: Event, now: Tick, into effects: inout [Effect]) {
        switch event {
        case .applied(let service): adopt(service, now: now)
        // A lease that was granted is not taken back.
        case .leased(let end): leaseEnd = max(leaseEnd, end)
        case .usable(let isUsable): self.isUsable = isUsable
        case .confirmed(let generation): confirm(generation)
        case .acknowledges(let start): conduct.acknowledgesFrom = start
        case .brokeGlass(let end, let datacenter):
            glassUntil = end
            glassDatacenter = end == nil ? nil : datacenter
        case .tick: break
        }
        command(now: now, into: &effects)
        cut(now: now, into: &effects)
        acknowledge(now: now, into: &effects)
    }

    /// When `tick` is due; nil: nothing waits for time.
    public var nextDeadline: Tick? {
        var due: [Tick] = []
        if case .serve = order.mode, order.admitUntil != .distantFuture { due.append(order.admitUntil) }
        if flight != nil {
            if let drainEnd { due.append(drainEnd) }
            if isBound, lastCut < order.generation { due.append(admissionEnd) }
        }
        if glassDatacenter != nil { due.append(leaseEnd - conduct.cutLead) }
        if acknowledgement == nil, applied?.state.isSwitching == true { due.append(conduct.acknowledgesFrom) }
        return due.filter { $0 > steppedAt }.min()
    }

    // MARK: What is known

    /// Whether the node has a lease for the service; nil: the service needs none. What an operator vouches for is not a
    /// lease.
    public func holdsLease(now: Tick) -> Bool? {
        guard applied != nil, isBound else { return nil }
        return now < leaseEnd - conduct.cutLead
    }

    /// Whether the service needs the lease.
    private var isBound: Bool { conduct.needsLease && applied?.consistency != .available }

    private mutating func adopt(_ service: ServiceSwitch?, now: Tick) {
        applied = service
        guard let service else { return }
        if service.state.isSwitching {
            if acknowledgement?.epoch != service.state.epoch { acknowledgement = nil }
            return
        }
        acknowledgement = nil
        guard let flight, flight.isMixed || flight.datacenter != service.state.target else { return }
        // If strict, the switch is over and nothing may continue. Only a node that missed the begin gets here.
        drainEnd = service.consistency == .strict ? now : drainEnd ?? now + service.failover.drain
    }

    private mutating func confirm(_ generation: UInt64) {
        guard let flight, generation <= order.generation else { return }
        if generation > flight.generation {
            self.flight = nil
            drainEnd = nil
        } else if generation == flight.generation {
            self.flight?.isMixed = false
            drainEnd = nil
        }
    }

    /// When exchanges have to be aborted for the lease, and admission ends.
    private var admissionEnd: Tick {
        guard isBound else { return .distantFuture }
        return max(leaseEnd, glassUntil ?? .zero) - conduct.cutLead
    }

    /// From when no byte may be written: a little before the lease ends, because what a worker writes in one turn
    /// leaves it at the end of that turn.
    private var writeEnd: Tick {
        guard isBound, !mutations.contains(.inFlightOutlivesLease) else { return .distantFuture }
        return max(leaseEnd, glassUntil ?? .zero) - conduct.cutLead / 2
    }

    // MARK: Orders

    /// Whether an operator vouches for the old primary. That counts only when the group cannot decide.
    private func isBroken(now: Tick) -> Bool {
        glassUntil.map { now < $0 && leaseEnd - conduct.cutLead <= now } ?? false
    }

    /// Where requests go when they may go anywhere; nil: the node knows of no such service.
    public func target(now: Tick) -> DatacenterName? {
        guard let applied else { return nil }
        return isBroken(now: now) ? glassDatacenter ?? applied.state.target : applied.state.target
    }

    private func mode(now: Tick) -> GateOrder.Mode {
        guard let applied, let target = target(now: now) else { return .hold(.unregistered) }
        if applied.state.isSwitching, !isBroken(now: now) { return .hold(.switching) }
        guard applied.consistency == .strict else { return .serve(applied.state.target, applied.state.epoch) }
        if admissionEnd <= now { return .hold(.noLease) }
        if let flight, flight.isMixed || flight.datacenter != target { return .hold(.draining) }
        return isUsable ? .serve(target, applied.state.epoch) : .hold(.noUsableEndpoint)
    }

    private mutating func command(now: Tick, into effects: inout [Effect]) {
        steppedAt = now
        var next = order
        next.mode = mode(now: now)
        if next.mode != order.mode, !next.mode.isHold || !order.mode.isHold { next.generation += 1 }
        next.admitUntil = next.mode.isHold ? .zero : admissionEnd
        next.writeUntil = writeEnd
        switch next.mode {
        case .serve(let datacenter, _):
            heldSince = nil
            let wasElsewhere = flight.map { $0.isMixed || $0.datacenter != datacenter } ?? false
            flight = Flight(datacenter: datacenter, generation: next.generation, isMixed: wasElsewhere)
            if !wasElsewhere { drainEnd = nil }
        case .hold(let reason):
            heldSince = heldSince ?? now
            // One switch drains once, however often its target is replaced.
            if reason == .switching, flight != nil, drainEnd == nil, let applied {
                drainEnd = now + applied.failover.drain
            }
            // Cut at once: an operator sent the traffic elsewhere, or stopped doing so, and the group began no switch.
            if reason == .draining, drainEnd == nil { drainEnd = now }
        }
        let budget = applied?.failover.hold ?? FailoverSettings().hold
        next.holdBudget = applied?.consistency == .available ? .zero : budget
        // While it serves, the budget begins where admission ends.
        next.holdUntil = (heldSince ?? next.admitUntil) + budget
        guard next != order else { return }
        order = next
        effects.append(.publish(order))
    }

    private mutating func cut(now: Tick, into effects: inout [Effect]) {
        guard let flight, lastCut < order.generation else { return }
        let isDrained = drainEnd.map { $0 <= now } ?? false
        let isLeaseOver = isBound && admissionEnd <= now && !mutations.contains(.inFlightOutlivesLease)
        guard isDrained || isLeaseOver, flight.generation < order.generation || flight.isMixed else { return }
        lastCut = order.generation
        effects.append(.cut(olderThan: order.generation))
    }

    private mutating func acknowledge(now: Tick, into effects: inout [Effect]) {
        guard let applied, applied.state.isSwitching, acknowledgement == nil, order.mode.isHold,
            flight == nil || mutations.contains(.acknowledgedTooEarly), conduct.acknowledgesFrom <= now
        else { return }
        let done = EpochAcknowledgement(service: applied.service, epoch: applied.state.epoch)
        acknowledgement = done
        effects.append(.acknowledge(done))
    }
}

extension Tick {
    /// The instant `duration` earlier.
    fileprivate static func - (tick: Tick, duration: Duration) -> Tick {
        Tick(nanoseconds: tick.nanoseconds &- duration.wholeNanoseconds)
    }
}
