// Owns the end of a run: all faults are over, and within a time limit the group must have a leader, commit, and be
// equal everywhere.
internal import Raft
internal import Topology

extension SimulatedCluster {
    /// Ends all faults at once; from now on nothing else goes wrong.
    mutating func calmDown() {
        isCalm = true
        note("all faults are over")
        network.heal()
        network.weather = SimulatedNetwork.Weather()
        for node in nodes.indices {
            nodes[node].diskLatency = scenario.diskLatency
            nodes[node].disk.failsNextSync = false
            nodes[node].pausedUntil = min(nodes[node].pausedUntil, now)
            if nodes[node].isRunning { step(node, .diskFull(false)) } else { start(node) }
        }
        for client in clients.indices { clients[client].doneInCalm = 0 }
        breakPrimary()
        plan(.look, after: .milliseconds(100))
    }

    /// Checks whether the group has settled; fails when its time is over.
    mutating func look() {
        let missing = whatIsMissing()
        if missing == nil {
            isSettled = true
            counts.settling = now - (.zero + scenario.troubled)
            return
        }
        if let missing, now >= .zero + scenario.troubled + scenario.settlingDeadline {
            return invariants.fail("\(scenario.settlingDeadline) after the end of all faults \(missing)")
        }
        // Operators replace members that lost their disks.
        let round = (now - .zero).wholeNanoseconds / 100_000_000
        if round % 20 == 0, hasLostMembers { changeMembers() }
        plan(.look, after: .milliseconds(100))
    }

    private var settledLeader: Int? {
        nodes.indices.first { nodes[$0].core.role == .leader && nodes[$0].core.leadsFully }
    }

    private var hasLostMembers: Bool {
        guard let leader = settledLeader else { return false }
        return nodes[leader].core.configuration.members.contains { member in
            number(of: member.id).map { nodes[$0].incarnation != member.incarnation } ?? false
        }
    }

    /// What is still missing for the group to be settled; nil: nothing.
    private mutating func whatIsMissing() -> String? {
        guard let leader = settledLeader else { return "nobody leads" }
        if hasLostMembers { return "a member that lost its disk is still a member" }
        if nodes[leader].core.configuration.isJoint { return "the configuration is joint" }
        if let waiting = clients.firstIndex(where: { $0.doneInCalm < 2 }) { return "client \(waiting) has no answer" }
        if !hasWorkingPrimary(leader) { return "the primary is in a datacenter that is down" }
        // Clients continue, so members have to catch up with what there was when everything else was well.
        goal = goal ?? nodes[leader].core.commit
        for member in nodes[leader].core.configuration.members {
            guard let node = number(of: member.id) else { continue }
            if nodes[node].isCorrupt { return "the log of \(member.id) is not repaired" }
            if let goal, nodes[node].core.commit < goal { return "\(member.id) has not caught up" }
        }
        return nil
    }

    /// Everything that the clients saw.
    mutating func finish() {
        for client in clients.indices {
            guard let pending = clients[client].pending, pending.action != .read else { continue }
            let kind: Operation.Kind =
                if case .write(let value) = pending.action {
                    .write(value)
                } else if case .add(let count) = pending.action { .add(count, result: nil) } else { .write(0) }
            history.append(
                Operation(client: client, key: pending.key, called: pending.called, returned: nil, kind: kind))
        }
        switch judgeLinearizability(history) {
        case .linearizable: break
        case .undecided: counts.undecided += 1
        case .broken(let key, let operations):
            invariants.fail("the history of register \(key) is not linearizable: \(operations.suffix(12).map(\.text))")
        }
    }
}

extension Operation {
    fileprivate var text: String {
        let end = returned.map { "\($0.nanoseconds / 1_000)" } ?? "?"
        return "client \(client) \(called.nanoseconds / 1_000)-\(end) µs \(kind)"
    }
}
