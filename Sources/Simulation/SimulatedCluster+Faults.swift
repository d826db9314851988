// Owns what goes wrong in a simulated world, and what its operators do to it.
internal import Catalog
internal import Raft
internal import Topology

extension SimulatedCluster {
    mutating func planFault(after delay: Duration) {
        if !scenario.faults.isEmpty { plan(.fault, after: delay) }
    }

    mutating func fault() {
        guard !isCalm else { return }
        planFault(after: random.duration(.zero, scenario.faultInterval * 2))
        let fault = scenario.faults[random.below(scenario.faults.count)]
        let node = random.below(nodes.count)
        counts.faults += 1
        switch fault {
        case .crash: crashForAWhile(node)
        case .blackout: for node in nodes.indices { crashForAWhile(node) }
        case .pause:
            nodes[node].pausedUntil = max(
                nodes[node].pausedUntil, now + random.duration(.milliseconds(50), .seconds(3)))
            note("\(nodes[node].id) stands still")
        case .partition: cut()
        case .weather: changeWeather()
        case .stall:
            nodes[node].diskLatency = random.duration(.milliseconds(100), .seconds(2))
            plan(.stallEnds(node), after: random.duration(.milliseconds(200), .seconds(3)))
            note("\(nodes[node].id)'s disk stalls")
        case .full: fill(node)
        case .flip: flip(node)
        case .wipe: wipe(node)
        case .members: changeMembers()
        case .transfer: transfer()
        case .handover: handOver()
        case .rivals: fallBehind(node, isHub: false)
        case .overtaking: fallBehind(node, isHub: true)
        case .primary: movePrimary()
        case .outage: breakDatacenter()
        case .falseView: deceive(node)
        case .failedSync: nodes[node].disk.failsNextSync = true
        case .misread: misread(node)
        }
    }

    mutating func crashForAWhile(_ node: Int) {
        guard nodes[node].isRunning else { return }
        crash(node)
        plan(.restart(node), after: random.duration(.milliseconds(10), scenario.downAtMost))
    }

    private mutating func cut() {
        let kinds = SimulatedNetwork.Cut.allCases
        let kind = kinds[random.below(kinds.count)]
        let shuffled = random.shuffled(nodes.count)
        network.apply(kind, shuffled: shuffled, sideCount: 1 + random.below(max(1, nodes.count - 1)))
        plan(.heal, after: random.duration(.milliseconds(100), .seconds(5)))
        note("the network is cut: \(kind) \(shuffled.map { Self.name(of: $0).text }.joined())")
    }

    private mutating func changeWeather() {
        network.weather = SimulatedNetwork.Weather(
            delayAtLeast: .microseconds([100, 1_000, 20_000][random.below(3)]),
            delayAtMost: .milliseconds([25, 60, 200][random.below(3)]),
            lostInThousand: [0, 10, 100, 300][random.below(4)], doubledInThousand: [0, 10, 300][random.below(3)],
            lateInThousand: [0, 100][random.below(2)])
        plan(.clearUp, after: random.duration(.milliseconds(500), .seconds(5)))
    }

    private mutating func fill(_ node: Int) {
        guard nodes[node].isRunning, nodes[node].pausedUntil <= now else { return }
        plan(.room(node, life: nodes[node].life), after: random.duration(.milliseconds(200), .seconds(3)))
        note("\(nodes[node].id)'s disk is full")
        step(node, .diskFull(true))
    }

    private mutating func flip(_ node: Int) {
        let count = nodes[node].disk.entries.count
        guard count > 0, mayLose(node) else { return }
        crashForAWhile(node)
        nodes[node].disk.flip(at: random.below(max(1, nodes[node].disk.entries.count)))
        note("a bit of \(nodes[node].id)'s log falls over; it reads to \(nodes[node].disk.last)")
    }

    /// At the next start the disk returns bytes of another place, which the node can tell by their content.
    private mutating func misread(_ node: Int) {
        let count = nodes[node].disk.entries.count
        guard count > 0, mayLose(node) else { return }
        crashForAWhile(node)
        nodes[node].disk.misreadAt = random.below(max(1, nodes[node].disk.entries.count))
        note("\(nodes[node].id)'s log will be read wrongly once")
    }

    /// The node comes back without its data, as another member that operators have to put in place of the old one.
    private mutating func wipe(_ node: Int) {
        guard !nodes[node].disk.isEmpty, mayLose(node) else { return }
        crashForAWhile(node)
        nodes[node].disk.wipe()
        if scenario.mutation != .wipedNodeVotes { nodes[node].incarnation = random.next() | 1 << 32 }
        note("\(nodes[node].id) loses its disk")
    }

    // MARK: How much may be lost

    /// Whether the group can, by its own rules, survive the loss of this node's data: in every configuration that is in
    /// force somewhere or may come into force, the others suffice to elect and to commit.
    private func mayLose(_ lost: Int) -> Bool {
        if invariants.chosen.isEmpty { return false }
        let configurations = nodes.map(\.core.configuration) + nodes.map(\.disk.configuration) + wanted
        return configurations.allSatisfy { configuration in
            if configuration.members.isEmpty { return true }
            let quorum = Quorum(configuration)
            let members = configuration.members + (configuration.outgoing ?? [])
            let isSound = { (voter: NodeID) -> Bool in
                guard let number = number(of: voter), number != lost, !nodes[number].isCorrupt else { return false }
                // A node that has not heard of the group yet has no vote in it.
                let isAdmitted = nodes[number].disk.configuration.members.contains { $0.id == voter }
                return isAdmitted
                    && members.contains { $0.id == voter && $0.incarnation == nodes[number].incarnation }
            }
            return quorum.canElect(isSound) && quorum.canCommit(isSound)
        }
    }

    // MARK: Operators

    private var leader: Int? {
        nodes.indices.first { nodes[$0].isRunning && nodes[$0].core.role == .leader && nodes[$0].pausedUntil <= now }
    }

    mutating func changeMembers() {
        guard let leader else { return }
        var change = MembershipChange(members: drawMembers(leader))
        let voters = change.members.count { $0.role == .voter }
        guard voters > 0 else { return }
        if random.below(6) == 0 { change.replicationQuorum = 1 + random.below(voters / 2 + 1) }
        var target = nodes[leader].core.configuration
        target.members = change.members
        target.outgoing = nil
        target.outgoingReplicationQuorum = nil
        target.replicationQuorum = change.replicationQuorum
        let isSound = { [nodes] (voter: NodeID) in
            number(of: voter).map { !nodes[$0].isCorrupt } ?? false
        }
        guard Quorum(target).canElect(isSound), Quorum(target).canCommit(isSound) else { return }
        wanted.append(target)
        if wanted.count > 4 { wanted.removeFirst() }
        note("operators want \(change.members.map { "\($0.id)\($0.role == .observer ? "°" : "")" }.joined())")
        step(leader, .changeMembers(operatorRequest(), change))
    }

    /// The present members without those that lost their disks, with one or two random changes.
    private mutating func drawMembers(_ leader: Int) -> [Member] {
        var roles = [Member.Role?](repeating: nil, count: nodes.count)
        for member in nodes[leader].core.configuration.members {
            guard let number = number(of: member.id), nodes[number].incarnation == member.incarnation else { continue }
            roles[number] = member.role
        }
        for _ in 0..<(isCalm ? 0 : 1 + random.below(2)) {
            let node = random.below(nodes.count)
            // A new incarnation is added only after the one that it replaces is gone.
            let known = nodes[leader].known[node]
            guard known == 0 || known == nodes[node].incarnation else { continue }
            roles[node] = [.voter, .voter, .observer, nil][random.below(4)]
        }
        return nodes.indices.compactMap { node in roles[node].map { member(node, role: $0) } }
    }

    private mutating func movePrimary() {
        guard scenario.hasProxies, let leader else { return }
        let places = SimulatedProxy.datacenters
        let target = places[random.below(places.count)]
        note("operators want \(target) to be primary")
        propose(
            leader,
            .setPrimary(of: SimulatedProxy.service, to: target, expectedEpoch: nil, cause: .operatorRequest))
    }

    private mutating func fallBehind(_ node: Int, isHub: Bool) {
        network.apply(.lonely, shuffled: [node] + nodes.indices.filter { $0 != node }, sideCount: 1)
        plan(.comeBack(node, isHub: isHub), after: random.duration(.milliseconds(300), .seconds(2)))
        note("\(nodes[node].id) is alone")
    }

    mutating func comeBack(_ node: Int, isHub: Bool) {
        guard !isCalm else { return }
        network.heal()
        note("\(nodes[node].id) is back")
        guard let leader, leader != node else { return }
        crashForAWhile(leader)
        let others = nodes.indices.filter { $0 != node && $0 != leader }
        if isHub {
            network.apply(.star, shuffled: [node] + others, sideCount: 1)
            hub = node
        } else {
            guard let rival = others.isEmpty ? nil : others[random.below(others.count)] else { return }
            network.apply(.link, shuffled: [node, rival], sideCount: 1)
        }
        plan(.heal, after: random.duration(.milliseconds(500), .seconds(4)))
    }

    /// A message leaves. When the hub fetches, the others elect another leader behind its back.
    mutating func overtake(_ envelope: Envelope) {
        guard envelope.sender == hub, case .fetch = envelope.message.body, !isCalm else { return }
        hub = nil
        network.heal()
        for other in nodes.indices where other != envelope.sender && other != envelope.receiver {
            network.apply(.link, shuffled: [envelope.sender, other], sideCount: 1)
        }
        plan(.heal, after: random.duration(.milliseconds(500), .seconds(4)))
        note("\(nodes[envelope.sender].id) fetches: only \(nodes[envelope.receiver].id) hears it now")
    }

    private mutating func handOver() {
        guard let leader else { return }
        transfer()
        // The message that hands leadership over leaves first; the answer to it does not come back.
        network.apply(.deaf, shuffled: [leader] + nodes.indices.filter { $0 != leader }, sideCount: 1)
        plan(.heal, after: random.duration(.milliseconds(200), .seconds(3)))
        note("\(nodes[leader].id) hears nobody")
    }

    private mutating func transfer() {
        guard let leader else { return }
        let target = random.below(3) == 0 ? nil : nodes[random.below(nodes.count)].id
        note("operators want \(target?.text ?? "another") to lead")
        step(leader, .transfer(operatorRequest(), to: target))
    }
}

extension SimulatedDisk {
    /// The configuration that a process would start with.
    var configuration: Configuration {
        for entry in entries.reversed() {
            if case .configuration(let configuration) = entry.payload { return configuration }
        }
        return snapshot?.identity.configuration ?? .empty
    }
}
