// Owns the simulated proxies' shells: leases over the network, orders to workers, and the check that no two datacenters
// are written to.
internal import Catalog
internal import Raft
internal import Switching
internal import Topology

extension SimulatedCluster {
    static let roundNumber: UInt64 = 253
    static let proposalNumber: UInt64 = 254
    private static let workerDelay = Duration.microseconds(500)

    // MARK: Events in

    mutating func step(gate node: Int, _ event: ServiceGate.Event) {
        var effects: [ServiceGate.Effect] = []
        nodes[node].proxy.gate.step(event, now: nodes[node].clock.local(at: now), into: &effects)
        for effect in effects {
            switch effect {
            case .publish(let order): plan(.workersTake(node, life: nodes[node].life, order), after: Self.workerDelay)
            case .cut(let generation):
                plan(.workersCut(node, life: nodes[node].life, olderThan: generation), after: Self.workerDelay)
            case .acknowledge(let acknowledgement): tellLeader(node, .acknowledgement(acknowledgement))
            }
        }
    }

    mutating func step(coordinator node: Int, _ event: SwitchCoordinator.Event) {
        var effects: [SwitchCoordinator.Effect] = []
        nodes[node].proxy.coordinator.step(event, now: nodes[node].clock.local(at: now), into: &effects)
        let life = nodes[node].life
        for effect in effects where nodes[node].life == life && nodes[node].isRunning {
            switch effect {
            case .beginRound(let round): step(node, .read(RaftRequestID(round.number << 8 | Self.roundNumber)))
            case .grant(let grant, let holder):
                if let receiver = number(of: holder.id) { give(grant, to: receiver, from: node) }
            case .complete(let service, let epoch): propose(node, .completeSwitch(of: service, epoch: epoch))
            }
        }
    }

    /// The core answered a round of the coordinator.
    mutating func roundEnded(_ node: Int, _ request: RaftRequestID, _ outcome: RaftOutcome) {
        let round = RoundID(request.number >> 8)
        var isConfirmed = false
        if case .readable = outcome { isConfirmed = true }
        plan(.roundAnswered(node, life: nodes[node].life, round, isConfirmed: isConfirmed), after: .zero)
    }

    mutating func propose(_ node: Int, _ change: CatalogChange) {
        nodes[node].proxy.sequence += 1
        let command = CatalogCommand(
            change, author: "simulation", proposedAt: wallClock)
        let bytes = [RegisterMachine.catalogMark] + command.encoded
        step(
            node,
            .propose(
                RaftRequestID(Self.proposalNumber),
                Command(session: nodes[node].proxy.session, sequence: nodes[node].proxy.sequence, bytes: bytes)))
    }

    // MARK: After each step of the core

    /// Tells the coordinator whether its node leads, and the present state.
    mutating func coordinate(_ node: Int) {
        let leads = nodes[node].core.leadsFully
        if leads, !nodes[node].proxy.isCoordinating {
            nodes[node].proxy.isCoordinating = true
            let lease = LeaseSettings(lease: scenario.timing.lease)
            step(
                coordinator: node,
                .elected(lease: lease, members: holders(node), services: nodes[node].catalog.switches))
            if nodes[node].catalog.registration(of: SimulatedProxy.service) == nil {
                propose(node, .registerService(SimulatedProxy.registration, replacing: .absent))
            }
        } else if !leads, nodes[node].proxy.isCoordinating {
            nodes[node].proxy.isCoordinating = false
            step(coordinator: node, .deposed)
        }
        planProxy(node)
    }

    func holders(_ node: Int) -> [LeaseHolder] {
        let configuration = nodes[node].core.configuration
        let leaving = (configuration.outgoing ?? []).filter { old in
            !configuration.members.contains { $0.id == old.id }
        }
        return (configuration.members + leaving).map { LeaseHolder(id: $0.id, incarnation: $0.incarnation) }
    }

    /// A node's catalog has changed. Its gate learns of it at once, because the next request for a lease reports it;
    /// the coordinator learns of it when the core's effects are carried out.
    mutating func catalogMoved(_ node: Int) {
        step(gate: node, .applied(nodes[node].catalog.switches.first))
        plan(.groupMoved(node, life: nodes[node].life), after: .zero)
    }

    mutating func groupMoved(_ node: Int) {
        guard nodes[node].proxy.isCoordinating else { return }
        step(coordinator: node, .changedMembers(holders(node)))
        step(coordinator: node, .applied(nodes[node].catalog.switches))
    }

    // MARK: Time

    mutating func planProxy(_ node: Int) {
        guard scenario.hasProxies, nodes[node].isRunning else { return }
        let at = max(now, nodes[node].clock.instant(showing: nodes[node].proxy.nextDeadline))
        guard at < nodes[node].proxy.wakeAt else { return }
        nodes[node].proxy.wakeAt = at
        queue.add(.proxyWakes(node, life: nodes[node].life), at: at)
    }

    mutating func proxyWakes(_ node: Int) {
        guard nodes[node].proxy.wakeAt <= now else { return }
        nodes[node].proxy.wakeAt = .distantFuture
        let local = nodes[node].clock.local(at: now)
        if nodes[node].proxy.lease.nextRequest <= local {
            let request = nodes[node].proxy.lease.request(
                appliedIndex: nodes[node].catalog.appliedIndex,
                acknowledgements: nodes[node].proxy.gate.acknowledgement.map { [$0] } ?? [], now: local)
            tellLeader(node, .request(request))
        }
        if let due = nodes[node].proxy.gate.nextDeadline, due <= local { step(gate: node, .tick) }
        if let due = nodes[node].proxy.coordinator.nextDeadline, due <= local { step(coordinator: node, .tick) }
        // A little later at least, even if the next deadline is due already, so that the world's time moves on.
        let at = max(now + .microseconds(100), nodes[node].clock.instant(showing: nodes[node].proxy.nextDeadline))
        nodes[node].proxy.wakeAt = at
        queue.add(.proxyWakes(node, life: nodes[node].life), at: at)
    }

    // MARK: Messages

    /// Sends directly or, now and then and whenever the node follows no leader, through a node that may know one.
    mutating func tellLeader(_ node: Int, _ message: ControlMessage) {
        if let leader = nodes[node].core.leader.flatMap({ number(of: $0) }), random.below(4) > 0 {
            tell(leader, message, from: node)
        } else {
            tell(random.below(nodes.count), .handOn(message), from: node)
        }
    }

    private mutating func give(_ grant: LeaseGrant, to receiver: Int, from leader: Int) {
        if random.below(4) > 0 {
            tell(receiver, .grant(grant), from: leader)
        } else {
            tell(random.below(nodes.count), .handBack(grant, to: receiver), from: leader)
        }
    }

    private mutating func handOn(_ message: ControlMessage, of holder: LeaseHolder, by node: Int) {
        guard let leader = nodes[node].core.leader.flatMap({ number(of: $0) }) else { return }
        guard leader != node else { return take(message, from: holder, node) }
        tell(leader, .handed(message, from: holder), from: node)
    }

    mutating func tell(_ receiver: Int, _ message: ControlMessage, from sender: Int) {
        let envelope = ControlEnvelope(
            message: message, sender: sender, receiver: receiver, senderIncarnation: nodes[sender].incarnation,
            receiverIncarnation: nodes[receiver].incarnation)
        if sender == receiver {
            plan(.control(envelope), after: .zero)
            return
        }
        let delays = network.delays(from: sender, to: receiver, &random)
        if let first = delays.first { queue.add(.control(envelope), at: now.adding(nanoseconds: first)) }
        if let second = delays.second { queue.add(.control(envelope), at: now.adding(nanoseconds: second)) }
    }

    mutating func take(_ envelope: ControlEnvelope) {
        let node = envelope.receiver
        guard nodes[node].incarnation == envelope.receiverIncarnation else { return }
        take(
            envelope.message,
            from: LeaseHolder(id: nodes[envelope.sender].id, incarnation: envelope.senderIncarnation), node)
        planProxy(node)
    }

    private mutating func take(_ message: ControlMessage, from holder: LeaseHolder, _ node: Int) {
        switch message {
        case .request(let request): step(coordinator: node, .requested(request, by: holder))
        case .acknowledgement(let acknowledgement):
            step(coordinator: node, .acknowledged(acknowledgement, by: holder))
        case .report(let report): take(report, node)
        case .grant(let grant):
            guard nodes[node].proxy.lease.receive(grant, now: nodes[node].clock.local(at: now)) else { return }
            counts.grants += 1
            step(gate: node, .leased(until: nodes[node].proxy.lease.end(of: SimulatedProxy.service)))
        case .handOn(let message): handOn(message, of: holder, by: node)
        case .handed(let message, let origin): take(message, from: origin, node)
        case .handBack(let grant, let receiver): tell(receiver, .grant(grant), from: node)
        }
    }

    // MARK: Workers

    mutating func workersTake(_ node: Int, _ order: GateOrder) {
        nodes[node].proxy.order = order
        confirm(node)
        lookForOverlap()
        planProxy(node)
    }

    mutating func workersCut(_ node: Int, olderThan generation: UInt64) {
        nodes[node].proxy.exchanges.removeAll { $0.generation < generation }
        confirm(node)
        planProxy(node)
    }

    private mutating func confirm(_ node: Int) {
        let generation = nodes[node].proxy.order.generation
        guard nodes[node].proxy.exchanges.allSatisfy({ $0.generation >= generation }) else { return }
        step(gate: node, .confirmed(generation: generation))
    }

    /// A user's request: forwarded at once if the order allows it, and in flight for a while.
    mutating func visit(_ node: Int) {
        plan(.visit(node), after: random.duration(.milliseconds(2), .milliseconds(40)))
        guard nodes[node].isRunning, nodes[node].pausedUntil <= now else { return }
        let decision = nodes[node].proxy.order.decision(now: nodes[node].clock.local(at: now))
        guard case .serve(let datacenter, let epoch, let generation) = decision else { return }
        invariants.sends(epoch: epoch, to: datacenter)
        counts.exchanges += 1
        nodes[node].proxy.exchanges.append(
            SimulatedProxy.Exchange(number: counts.exchanges, generation: generation, datacenter: datacenter))
        plan(
            .exchangeEnds(node, life: nodes[node].life, number: counts.exchanges),
            after: random.duration(.milliseconds(1), random.below(20) == 0 ? .seconds(4) : .milliseconds(100)))
        lookForOverlap()
    }

    mutating func exchangeEnds(_ node: Int, _ number: Int) {
        nodes[node].proxy.exchanges.removeAll { $0.number == number }
        confirm(node)
        planProxy(node)
    }

    /// The strict promise: no proxy may write towards one datacenter while another may still write towards the other.
    private mutating func lookForOverlap() {
        var first: (node: Int, datacenter: DatacenterName)?
        for node in nodes.indices where nodes[node].isRunning {
            for datacenter in nodes[node].proxy.writes(nodes[node].clock.local(at: now)) {
                guard let known = first else {
                    first = (node, datacenter)
                    continue
                }
                if known.datacenter != datacenter {
                    return invariants.fail(
                        "\(nodes[known.node].id) writes to \(known.datacenter) while \(nodes[node].id) writes to \(datacenter)"
                    )
                }
            }
        }
    }
}
