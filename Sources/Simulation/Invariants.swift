// Owns what must be true of a group after each step, as seen by an observer outside of all nodes.
internal import Catalog
internal import Raft
internal import Switching
internal import Topology

/// What an all-knowing observer remembers about a run, and the first thing that went wrong in it.
///
/// Dictionaries here are only looked up, never iterated, so nothing depends on their order.
struct Invariants: Sendable {
    private struct Vote: Hashable, Sendable {
        var node: Int
        var incarnation: UInt64
        var term: Term
    }

    private struct Written: Sendable {
        var previous: Term
        var entry: LogEntry
    }

    private struct CommandName: Hashable, Sendable {
        var session: UInt64
        var sequence: UInt64
    }

    struct Chosen: Sendable {
        var entry: LogEntry
        /// The term of the node that was the first to know.
        var knownIn: Term
    }

    private(set) var failure: String?
    private var leaders: [Term: Int] = [:]
    private var votes: [Vote: NodeID] = [:]
    private var written: [LogPosition: Written] = [:]
    /// Index 1 is at position 0.
    private(set) var chosen: [Chosen] = []
    private var digests: [LogIndex: UInt64] = [:]
    private var results: [LogIndex: Int64] = [:]
    private var appliedAt: [CommandName: LogIndex] = [:]
    private var primaries: [LogIndex: ServiceSwitch] = [:]
    private var epochs: [Epoch: DatacenterName] = [:]
    private var lastSeen = LogIndex.zero
    private var lastState: PrimaryState?
    /// Switches that were completed.
    private(set) var switches = 0

    mutating func fail(_ text: String) {
        failure = failure ?? text
    }

    /// At most one leader a term (Raft §5.2), who holds everything that was chosen in earlier terms (§5.4.3).
    mutating func leads(_ node: Int, _ core: RaftCore) {
        if let other = leaders[core.term] {
            if other != node { fail("two leaders in term \(core.term): \(name(other)) and \(core.id)") }
            return
        }
        leaders[core.term] = node
        guard let last = chosen.last(where: { $0.knownIn < core.term })?.entry.position else { return }
        if last.index <= core.snapshotPosition.index { return }
        guard core.term(at: last.index) == last.term else {
            return fail(
                "\(core.id) leads term \(core.term) without \(last), which is committed; its log ends at \(core.last)")
        }
    }

    /// Each member votes once in a term (§5.2).
    mutating func votes(_ node: Int, incarnation: UInt64, for candidate: NodeID, in term: Term) {
        let vote = Vote(node: node, incarnation: incarnation, term: term)
        if let other = votes[vote], other != candidate {
            fail("\(name(node)) votes for \(candidate) and for \(other) in term \(term)")
        }
        votes[vote] = candidate
    }

    /// Log matching (§5.3): a position has the same entry and predecessor in every log. Terms never fall along a log,
    /// and none exceeds its node's term: entries of a later leader arrive in messages of that leader's term.
    mutating func writes(_ batch: PersistBatch, of core: RaftCore) {
        let last = batch.entries.last?.position ?? batch.snapshot?.identity.position ?? .zero
        if last.term > core.term { fail("\(core.id) writes \(last) in term \(core.term)") }
        guard let first = batch.entries.first, var previous = core.term(at: first.position.index.previous) else {
            return
        }
        for entry in batch.entries {
            if entry.position.term < previous { fail("\(core.id) writes \(entry.position) after term \(previous)") }
            if let known = written[entry.position] {
                if known.previous != previous || known.entry != entry {
                    fail("\(core.id) writes another entry at \(entry.position) than was written there before")
                }
            } else {
                written[entry.position] = Written(previous: previous, entry: entry)
            }
            previous = entry.position.term
        }
    }

    /// What is committed is never lost, changed or reordered. Returns whether something was chosen that was not known
    /// before.
    mutating func commits(from before: LogIndex, _ core: RaftCore) -> Bool {
        var isNews = false
        var index = before
        while index < core.commit {
            index = index.next
            let place = Int(index.number) - 1
            guard let entry = core.entry(at: index) else {
                if place >= chosen.count { fail("\(core.id) has committed \(index), which no other node has seen") }
                continue
            }
            if place < chosen.count {
                if chosen[place].entry != entry {
                    fail("\(core.id) commits \(entry.position), but \(chosen[place].entry.position) is committed there")
                }
            } else if place == chosen.count {
                chosen.append(Chosen(entry: entry, knownIn: core.term))
                isNews = true
            } else {
                fail("\(core.id) commits \(index) before what precedes it")
            }
        }
        return isNews
    }

    /// Replicas that have applied the same index are equal, and each command is applied once.
    mutating func applies(_ applied: AppliedCommand, result: Int64, digest: UInt64, _ node: Int) {
        expect(digest, at: applied.index, node)
        results[applied.index] = result
        let name = CommandName(session: applied.command.session, sequence: applied.command.sequence)
        if let other = appliedAt[name], other != applied.index {
            fail("a command was applied at \(other) and again at \(applied.index)")
        }
        appliedAt[name] = applied.index
    }

    /// Replicas are equal after this index.
    mutating func expect(_ digest: UInt64, at index: LogIndex, _ node: Int) {
        if let known = digests[index], known != digest {
            fail("\(name(node)) has another state than others after \(index)")
        }
        digests[index] = digest
    }

    /// Nodes that have applied the same index know the same about the primary, and its epochs only grow.
    mutating func agrees(_ service: ServiceSwitch?, at index: LogIndex, _ node: Int) {
        if let known = primaries[index], known != service {
            fail("\(name(node)) knows another primary than others after \(index)")
        }
        primaries[index] = service
        guard index > lastSeen, let state = service?.state else { return }
        lastSeen = index
        if let lastState {
            if state.epoch < lastState.epoch { fail("the epoch goes back to \(state.epoch) at \(index)") }
            if lastState.isSwitching, !state.isSwitching { switches += 1 }
        }
        lastState = state
    }

    /// An epoch names one datacenter, whoever uses it.
    mutating func sends(epoch: Epoch, to datacenter: DatacenterName) {
        if let known = epochs[epoch], known != datacenter {
            fail("epoch \(epoch.count) means \(known) and \(datacenter)")
        }
        epochs[epoch] = datacenter
    }

    /// The result of the command that was applied at the index.
    func result(at index: LogIndex) -> Int64? { results[index] }

    private func name(_ node: Int) -> NodeID { SimulatedCluster.name(of: node) }
}
