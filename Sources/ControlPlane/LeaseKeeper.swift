// Owns a node's part in switching without overlap: its routing lease, and the gates of its services.
internal import Catalog
internal import Proactor
internal import Switching
internal import Topology

/// The shell of `RoutingLease` and of every `ServiceGate` of the node, on the control thread.
///
/// In a group of one that lives in memory there are no leases: gates follow the catalog and the endpoints' health
/// alone.
final class LeaseKeeper: TimerHandler {
    /// How soon to repeat a request that got no grant.
    private static let timeout = Duration.milliseconds(100)

    private struct Gate {
        var machine: ServiceGate
        var applied: ServiceSwitch?
        var isUsable = true
        /// The last confirmed generation that the machine was told of.
        var confirmed: UInt64 = 0
    }

    private let loop: EventLoop
    private let sink: any RoutingSink
    private let group: GroupLedger?
    private var gates: [ServiceName: Gate] = [:]
    private var lease: RoutingLease
    private var knownLease = LeaseSettings()
    /// When to ask the leader again, if earlier than `lease.nextRequest`.
    private var askAgainAt = Tick.distantFuture
    /// The last index that the node had applied when it last asked.
    private var askedAtIndex: UInt64 = 0
    /// The last grant left out services whose latest change the node has not applied; it asks again once it has applied
    /// more.
    private var isBehind = false
    private var leader: NodeID?
    private var timer: LoopTimer?
    private let startedAt = EventLoop.clock()

    /// - Parameters:
    ///   - process: random, another in every process.
    ///   - wanted: the length of leases in this node's settings, used until the group has agreed on it.
    init(
        _ loop: EventLoop, _ group: GroupLedger?, process: UInt64, wanted: Duration?, sink: any RoutingSink
    ) {
        self.loop = loop
        self.group = group
        self.sink = sink
        if let wanted { knownLease = LeaseSettings(lease: wanted) }
        lease = RoutingLease(process: process, lease: knownLease.lease)
        timer = loop.makeTimer(self)
        if group != nil { timer?.set(loop.now) }
        sink.setLease(knownLease.lease)
    }

    func stop() {
        timer?.invalidate()
        timer = nil
    }

    // MARK: What is known

    /// The catalog has changed, or the settings.
    ///
    /// - Parameters:
    ///   - switches: the services that follow a primary, as applied.
    ///   - listed: those that this node's settings list.
    func follow(_ catalog: Catalog, _ switches: [ServiceSwitch], listed: [ServiceName]) {
        // Until the group has agreed on it, this node's settings are a better guess than the placeholder.
        if catalog.lease.isDecided, catalog.lease != knownLease {
            knownLease = catalog.lease
            lease.adopt(lease: knownLease.lease)
            sink.setLease(knownLease.lease)
            for name in gates.keys { step(name, .acknowledges(from: acknowledgesFrom)) }
        }
        var applied: [ServiceName: ServiceSwitch] = [:]
        for each in switches { applied[each.service] = each }
        // Services that only the group knows have gates too: their switches also wait for this node's acknowledgement.
        for name in listed where gates[name] == nil { open(name) }
        for each in switches where gates[each.service] == nil { open(each.service) }
        for (name, gate) in gates where gate.applied != applied[name] {
            gates[name]?.applied = applied[name]
            step(name, .applied(applied[name]))
            // No lease was granted for it while it was being switched.
            if gate.applied?.state.isSwitching == true, applied[name]?.state.isSwitching == false { askSoon(.zero) }
        }
        askIfMoreIsApplied()
    }

    /// A process of this node that was killed may have bytes on their way for as long as its lease lasted.
    private var acknowledgesFrom: Tick { startedAt + knownLease.longest / 100 * 101 }

    private func open(_ name: ServiceName) {
        var conduct = ServiceGate.Conduct()
        conduct.needsLease = group != nil
        // Half of the time between two renewals, so that a lease that is renewed in time never gets near its end.
        conduct.cutLead = min(.milliseconds(100), knownLease.lease / 8)
        if group != nil { conduct.acknowledgesFrom = acknowledgesFrom }
        let machine = ServiceGate(conduct, now: EventLoop.clock())
        gates[name] = Gate(machine: machine)
        sink.command(machine.currentOrder, for: name)
        step(name, .leased(until: lease.end(of: name)))
    }

    /// Whether the primary of a service has an endpoint that may be used.
    func setUsable(_ isUsable: Bool, _ name: ServiceName) {
        guard let gate = gates[name], gate.isUsable != isUsable else { return }
        gates[name]?.isUsable = isUsable
        step(name, .usable(isUsable))
    }

    /// An operator vouches that the old primary is fenced; nil takes that back.
    ///
    /// - Parameter datacenter: what is to be served; nil: the primary that was agreed last.
    /// - Returns: false when the node knows no such service with a primary.
    func breakGlass(_ name: ServiceName, until end: Tick?, in datacenter: DatacenterName?) -> Bool {
        guard gates[name]?.applied != nil else { return false }
        step(name, .brokeGlass(until: end, in: datacenter))
        return true
    }

    /// Where this node sends the requests of a service; nil when it knows of no such service with a primary.
    func target(of name: ServiceName) -> DatacenterName? { gates[name]?.machine.target(now: EventLoop.clock()) }

    /// Workers may have confirmed an order.
    func confirmed(_ name: ServiceName) {
        guard let gate = gates[name] else { return }
        let generation = sink.confirmedGeneration(of: name)
        guard generation > gate.confirmed else { return }
        gates[name]?.confirmed = generation
        step(name, .confirmed(generation: generation))
    }

    /// Called ten times a second: repeats notices that a full mailbox may have dropped.
    func look() {
        for (name, gate) in gates where gate.confirmed < gate.machine.currentOrder.generation {
            confirmed(name)
            if let gate = gates[name], gate.confirmed < gate.machine.currentOrder.generation { sink.remind(of: name) }
        }
    }

    /// The strict services, and whether the node has a lease for them; none in a group of one that lives in memory.
    func strictServices() -> [(name: ServiceName, isHeld: Bool)] {
        let now = EventLoop.clock()
        return gates.compactMap { name, gate in gate.machine.holdsLease(now: now).map { (name, $0) } }
    }

    /// The group's core has processed events. A new leader is asked at once; if none is heard any more, a peer may
    /// still reach it.
    func stepped() {
        guard let group, group.leader != leader else { return }
        leader = group.leader
        askSoon(.zero)
    }

    // MARK: The lease

    private var nextRequest: Tick {
        group == nil ? .distantFuture : min(lease.nextRequest, askAgainAt)
    }

    private func ask() {
        guard let group else { return }
        let now = EventLoop.clock()
        askAgainAt = .distantFuture
        askedAtIndex = group.catalog.appliedIndex
        let request = lease.request(
            appliedIndex: askedAtIndex,
            acknowledgements: gates.values.compactMap(\.machine.acknowledgement), now: now)
        group.askForLease(request, within: knownLease.lease / 2) { [weak self] grant in
            guard let self else { return }
            if let grant {
                take(grant)
            } else {
                askSoon(Self.timeout)
            }
        }
    }

    private func take(_ grant: LeaseGrant) {
        guard lease.receive(grant, now: EventLoop.clock()) else { return }
        for name in gates.keys { step(name, .leased(until: lease.end(of: name))) }
        // Services that are being switched are asked for when the switch is over.
        isBehind = grant.without.contains { gates[$0]?.applied?.state.isSwitching == false }
        askIfMoreIsApplied()
    }

    private func askIfMoreIsApplied() {
        guard isBehind, let group, group.catalog.appliedIndex > askedAtIndex else { return }
        isBehind = false
        askSoon(.zero)
    }

    private func askSoon(_ delay: Duration) {
        askAgainAt = min(askAgainAt, loop.now + delay)
        schedule(askAgainAt)
    }

    // MARK: Time

    private func schedule(_ due: Tick) {
        guard let timer, due < timer.deadline else { return }
        timer.set(due)
    }

    func timerExpired(_ timer: LoopTimer) {
        let now = EventLoop.clock()
        for (name, gate) in gates { if let due = gate.machine.nextDeadline, due <= now { step(name, .tick) } }
        if nextRequest <= now { ask() }
        let due = gates.values.compactMap(\.machine.nextDeadline).min() ?? .distantFuture
        timer.set(min(due, nextRequest))
    }

    // MARK: Effects

    private func step(_ name: ServiceName, _ event: ServiceGate.Event) {
        var effects: [ServiceGate.Effect] = []
        gates[name]?.machine.step(event, now: EventLoop.clock(), into: &effects)
        for effect in effects {
            switch effect {
            case .publish(let order): sink.command(order, for: name)
            case .cut(let generation): sink.cut(olderThan: generation, of: name)
            case .acknowledge(let acknowledgement): group?.tellLeader(acknowledgement)
            }
        }
        if let due = gates[name]?.machine.nextDeadline { schedule(due) }
    }
}
