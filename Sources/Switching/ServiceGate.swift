// Owns one service's gate on a node: whether its requests are served, held, cut or refused.
public import Catalog
public import Topology

/// The node's side of switching without overlap, one for each service that follows a primary (see the article Life of
/// a failover).
///
/// The gate gives orders to the workers and hears from them when nothing of an older generation is in flight. Modes:
///
///     hold  -> serve   the state is stable, and for strict: the lease runs, the primary has a usable endpoint, and
///                      nothing is in flight towards another datacenter
///     serve -> hold    a begin was applied; for strict also: the lease ends, or no endpoint is usable
///     serve -> serve   another datacenter or epoch of an `available` service
///
/// Held requests are refused once the service was held for `hold`, from the first moment, whatever the reasons were.
public struct ServiceGate: Sendable {
    public enum Event: Hashable, Sendable {
        /// What the node has applied of the service; nil: nothing, or that it is no more.
        case applied(ServiceSwitch?)
        /// The node's lease for the service ends then (`RoutingLease.end(of:)`).
        case leased(until: Tick)
        /// Whether the primary has an endpoint that may be used.
        case usable(Bool)
        /// Every worker has taken the order of this generation and has no exchange of an older one in flight.
        case confirmed(generation: UInt64)
        /// How long leases live is known, or has changed: nothing is acknowledged before this.
        case acknowledges(from: Tick)
        /// `serve-without-lease`: an operator says that the old primary is fenced; nil takes it back. Served is the
        /// primary that was agreed last, or another datacenter.
        case brokeGlass(until: Tick?, in: DatacenterName? = nil)
        /// `nextDeadline` was reached.
        case tick
    }

    public enum Effect: Hashable, Sendable {
        /// Give this to every worker. They confirm when its generation is new.
        case publish(GateOrder)
        /// Abort every exchange, tunnel and session of the service that is of an older generation.
        case cut(olderThan: UInt64)
        /// Tell the leader, now and with every request for a lease while `acknowledgement` says so.
        case acknowledge(EpochAcknowledgement)
    }

    /// How a gate behaves, the same for all gates of a node.
    public struct Conduct: Hashable, Sendable {
        /// False only for a group of one that lives in memory: no other proxy could be in the way.
        public var needsLease = true
        /// How long before the end of the lease exchanges are aborted, so that all are by its end.
        public var cutLead = Duration.milliseconds(100)
        /// Nothing is acknowledged before: a process that replaced another waits until that one's lease is over.
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
    /// Where exchanges may be in flight to; nil once all were confirmed to be over.
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
        // A lease that was promised is not taken back.
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

    /// Whether the service needs a lease, and if so whether the node has one for it; nil: it needs none. What an
    /// operator answers for is no lease.
    public func holdsLease(now: Tick) -> Bool? {
        guard applied != nil, isBound else { return nil }
        return now < leaseEnd - conduct.cutLead
    }

    /// Whether the lease bears on the service.
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
        // For strict the switch is over, so nothing may go on; only a node that missed the begin comes here.
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

    /// When no byte may be written any more: a little before the lease ends, for what is written in one turn of a
    /// worker leaves it at the turn's end.
    private var writeEnd: Tick {
        guard isBound, !mutations.contains(.inFlightOutlivesLease) else { return .distantFuture }
        return max(leaseEnd, glassUntil ?? .zero) - conduct.cutLead / 2
    }

    // MARK: Orders

    /// Whether an operator answers for the old primary: only where the group cannot.
    private func isBroken(now: Tick) -> Bool {
        glassUntil.map { now < $0 && leaseEnd - conduct.cutLead <= now } ?? false
    }

    /// Where requests go, once and as long as they may go anywhere; nil: the node knows of no such service.
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
            // Nothing may go on that the group did not begin: an operator has it go elsewhere, or no longer.
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
