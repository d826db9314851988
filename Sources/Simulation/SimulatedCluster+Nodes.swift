// Owns a simulated node's shell: it gives its core events, carries out the effects, may die in between, and starts
// again.
internal import Catalog
internal import Raft
internal import Topology

extension SimulatedCluster {
    /// Gives the core one event, checks all invariants, and carries out its effects.
    mutating func step(_ node: Int, _ event: RaftEvent) {
        counts.steps += 1
        let local = nodes[node].clock.local(at: now)
        var effects: [RaftEffect] = []
        swap(&effects, &self.effects)
        effects.removeAll(keepingCapacity: true)
        let quorumBefore = nodes[node].core.quorum
        nodes[node].core.step(event, now: local, into: &effects)
        if trace != nil { note("\(nodes[node].id) \(describe(event))") }
        check(node, quorumBefore)
        let life = nodes[node].life
        for effect in effects {
            if !isCalm, random.chance(in: scenario.crashesInMillionEffects) {
                crash(node)
                plan(.restart(node), after: random.duration(.milliseconds(1), scenario.downAtMost / 2))
            }
            guard nodes[node].life == life, nodes[node].isRunning, invariants.failure == nil else { return }
            carryOut(effect, node)
        }
        self.effects = effects
        // A real shell also finds the time for this only now and then.
        if counts.steps % 4 == 0 { nodes[node].disk.note(commit: nodes[node].core.durableCommit) }
        planWake(node)
        if scenario.hasProxies { coordinate(node) }
    }

    mutating func plan(_ happening: Happening, after delay: Duration) { queue.add(happening, at: now + delay) }

    private mutating func check(_ node: Int, _ quorumBefore: Quorum) {
        if let violation = nodes[node].core.violation { invariants.fail("\(nodes[node].id): \(violation)") }
        if nodes[node].core.role == .leader { invariants.leads(node, nodes[node].core) }
        if nodes[node].core.commit > nodes[node].checkedCommit {
            let isNews = invariants.commits(from: nodes[node].checkedCommit, nodes[node].core)
            nodes[node].checkedCommit = nodes[node].core.commit
            if isNews { checkDurability(node, quorumBefore) }
        }
    }

    /// What is newly committed must be on the disks of a quorum: nothing that a power cut could take back may count as
    /// committed. A commit can put a new configuration into force at once, so either the old or the new one must be
    /// satisfied.
    private mutating func checkDurability(_ node: Int, _ quorumBefore: Quorum) {
        let core = nodes[node].core
        guard let entry = core.entry(at: core.commit) else { return }
        let isHolder = { [self] (voter: NodeID) -> Bool in
            guard let number = number(of: voter) else { return false }
            // A member that lost its disk no longer has a vote, so what it held cannot be voted away.
            let isGone = core.incarnation(of: voter) != nodes[number].incarnation
            return isGone || nodes[number].disk.keeps(entry.position)
        }
        if quorumBefore.canCommit(isHolder) || core.quorum.canCommit(isHolder) { return }
        invariants.fail("\(core.id) commits \(entry.position), which no quorum holds durably")
    }

    // MARK: Effects

    private mutating func carryOut(_ effect: RaftEffect, _ node: Int) {
        switch effect {
        case .persist(let batch): persist(batch, node)
        case .send(let message, let token): send(message, after: token, node)
        case .apply(let commands): apply(commands, node)
        case .restore(let bytes, let index):
            restore(bytes, at: index, node)
        case .takeSnapshot(let index):
            invariants.expect(nodes[node].machine.digest, at: index, node)
            plan(
                .snapshotTaken(
                    node, life: nodes[node].life, index, nodes[node].machine.encoded + nodes[node].catalog.snapshot),
                after: random.duration(.zero, .milliseconds(20)))
        case .answer(let request, let outcome):
            switch request.number & 255 {
            case Self.roundNumber: roundEnded(node, request, outcome)
            case Self.proposalNumber: break
            default: answer(request, outcome, node)
            }
        case .changedRole(let report):
            if report.role == .leader { counts.leaderships += 1 }
            note("\(nodes[node].id) is \(report.role.rawValue) in term \(report.term)")
        case .changedConfiguration(let configuration): learn(configuration, node)
        }
    }

    private mutating func learn(_ configuration: Configuration, _ node: Int) {
        for place in nodes[node].known.indices { nodes[node].known[place] = 0 }
        for member in (configuration.outgoing ?? []) + configuration.members {
            if let number = number(of: member.id) { nodes[node].known[number] = member.incarnation }
        }
        if scenario.hasProxies { plan(.groupMoved(node, life: nodes[node].life), after: .zero) }
    }

    private mutating func persist(_ batch: PersistBatch, _ node: Int) {
        invariants.writes(batch, of: nodes[node].core)
        let latency = random.duration(nodes[node].diskLatency / 4, nodes[node].diskLatency * 2)
        let due = nodes[node].disk.submit(batch, latency: latency, now: now)
        queue.add(.diskDone(node, life: nodes[node].life), at: due)
    }

    private mutating func send(_ message: RaftMessage, after token: PersistToken?, _ node: Int) {
        guard let receiver = number(of: message.to) else { return }
        let known = message.body.isReply ? nodes[node].heard[receiver] : nodes[node].known[receiver]
        let envelope = Envelope(
            message: message, sender: node, receiver: receiver, senderIncarnation: nodes[node].incarnation,
            receiverIncarnation: known == 0 ? nil : known)
        if let token, token > nodes[node].disk.durable, !isEarly(message) {
            nodes[node].held.append(SimulatedNode.HeldMessage(after: token, envelope: envelope))
        } else {
            transmit(envelope)
        }
    }

    private func isEarly(_ message: RaftMessage) -> Bool {
        switch scenario.mutation {
        case .acknowledgementBeforeDurable:
            if case .appendReply = message.body { return true }
            return false
        case .voteBeforeDurable:
            if case .voteReply = message.body { return true }
            return false
        default: return false
        }
    }

    /// Sends messages that waited for the disk.
    mutating func release(_ node: Int, upTo token: PersistToken) {
        guard !nodes[node].held.isEmpty else { return }
        let ready = nodes[node].held.filter { $0.after <= token }
        nodes[node].held.removeAll { $0.after <= token }
        for held in ready { transmit(held.envelope) }
    }

    private mutating func transmit(_ envelope: Envelope) {
        if case .voteReply(let reply) = envelope.message.body, reply.verdict == .granted {
            invariants.votes(
                envelope.sender, incarnation: envelope.senderIncarnation, for: envelope.message.to,
                in: envelope.message.term)
        }
        if hub != nil { overtake(envelope) }
        let delays = network.delays(from: envelope.sender, to: envelope.receiver, &random)
        if let first = delays.first { queue.add(.deliver(envelope), at: now.adding(nanoseconds: first)) }
        if let second = delays.second { queue.add(.deliver(envelope), at: now.adding(nanoseconds: second)) }
    }

    private mutating func apply(_ commands: [AppliedCommand], _ node: Int) {
        for applied in commands {
            let bytes = applied.command.bytes
            let result = nodes[node].machine.apply(bytes)
            invariants.applies(applied, result: result, digest: nodes[node].machine.digest, node)
            guard bytes.first == RegisterMachine.catalogMark,
                let command = try? CatalogCommand(decoding: Array(bytes.dropFirst()))
            else { continue }
            let term = nodes[node].core.term(at: applied.index) ?? .zero
            _ = nodes[node].catalog.apply(command, at: applied.index.number, term: term.number)
            invariants.agrees(nodes[node].catalog.switches.first, at: applied.index, node)
            if scenario.hasProxies { catalogMoved(node) }
        }
    }

    private mutating func restore(_ bytes: [UInt8], at index: LogIndex, _ node: Int) {
        guard let machine = RegisterMachine(Array(bytes.prefix(RegisterMachine.byteCount))),
            let catalog = try? Catalog(snapshot: Array(bytes.dropFirst(RegisterMachine.byteCount)))
        else { return invariants.fail("\(nodes[node].id) is given a snapshot that is none") }
        nodes[node].machine = machine
        nodes[node].catalog = catalog
        invariants.expect(machine.digest, at: index, node)
        if scenario.hasProxies { catalogMoved(node) }
    }

    // MARK: Lives

    mutating func start(_ node: Int) {
        nodes[node].life += 1
        nodes[node].isRunning = true
        nodes[node].pausedUntil = now
        nodes[node].wakeAt = .distantFuture
        nodes[node].clock = drawClock()
        nodes[node].machine = RegisterMachine()
        nodes[node].catalog = Catalog(formation: 1)
        nodes[node].proxy = SimulatedProxy(
            process: random.next(), lease: scenario.timing.lease, now: nodes[node].clock.local(at: now),
            mutations: scenario.mutation?.ofSwitching ?? [])
        nodes[node].observer = SimulatedObserver()
        for place in nodes[node].sightings.indices { nodes[node].sightings[place].note(isDown: false, now: now) }
        nodes[node].toldDurable = PersistToken(0)
        var restored = nodes[node].disk.restore()
        if scenario.mutation == .corruptionTakenForTornEnd { restored.isCorrupt = false }
        nodes[node].core = RaftCore(
            id: nodes[node].id, incarnation: nodes[node].incarnation, policy: scenario.policy, limits: scenario.limits,
            random: RandomBits(seed: random.next()), restored: restored, now: nodes[node].clock.local(at: now))
        nodes[node].core.mutations = scenario.mutation?.ofRaft ?? []
        nodes[node].checkedCommit = nodes[node].core.commit
        if scenario.hasProxies { plan(.observe(node, life: nodes[node].life), after: SimulatedObserver.period) }
        learn(nodes[node].core.configuration, node)
        note("\(nodes[node].id) starts with \(nodes[node].core.last)\(restored.isCorrupt ? ", corrupt" : "")")
        step(node, .tick)
        // Founding is tried again until it succeeds; nobody sees the first entry before it is durable.
        if node == 0, nodes[0].disk.isEmpty, invariants.chosen.isEmpty { found() }
    }

    private mutating func found() {
        let members = (0..<scenario.voters).map { member($0, role: .voter) }
        step(0, .form(Configuration(cluster: 1, members: members, timing: scenario.timing)))
    }

    /// The process ends at once. Some of the writes in progress are complete, the rest never happened.
    mutating func crash(_ node: Int) {
        guard nodes[node].isRunning else { return }
        counts.crashes += 1
        nodes[node].isRunning = false
        nodes[node].held = []
        nodes[node].disk.crash(
            whole: random.below(nodes[node].disk.writes.count + 1), isSnapshotDone: random.below(4) > 0)
        note("\(nodes[node].id) crashes; its disk has \(nodes[node].disk.last)")
    }
}

extension RaftCore {
    /// The incarnation of a member as the configuration in force names it.
    func incarnation(of id: NodeID) -> UInt64? {
        (configuration.members + (configuration.outgoing ?? [])).first { $0.id == id }?.incarnation
    }
}
