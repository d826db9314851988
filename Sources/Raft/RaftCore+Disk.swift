// Owns what is durable, what is being written, and the order of effects around writes.
internal import Topology

/// A member's writes: those that are durable, those in progress, and changes that still need one.
struct DiskState: Sendable {
    /// A requested write, and the log's end after it.
    struct Write: Sendable {
        var token: PersistToken
        var through: LogIndex
        var since: Tick
    }

    var lastToken = PersistToken(0)
    var durableToken = PersistToken(0)
    var writes: [Write] = []
    /// The log in memory is durable up to here.
    var durableIndex = LogIndex.zero
    /// The log's end once all requested writes are done.
    var writtenThrough = LogIndex.zero

    // Changes that are not part of a write yet.
    var changedFrom: LogIndex?
    var hardStateChanged = false
    var newSnapshot: Snapshot?

    var isFull = false
    /// The log is corrupt until a leader has filled it up to here.
    var unhealedThrough: LogIndex?

    var isDirty: Bool { changedFrom != nil || hardStateChanged || newSnapshot != nil }

    /// The write with which everything so far is durable; nil if it already is.
    var barrier: PersistToken? {
        if isDirty { return PersistToken(lastToken.number + 1) }
        return lastToken > durableToken ? lastToken : nil
    }
}

extension RaftCore {
    // MARK: Changes

    mutating func setHardState(term: Term, votedFor: NodeID?) {
        assertInvariant(term >= hardState.term) { "the term would go back from \($0.term) to \(term)" }
        hardState = HardState(term: term, votedFor: votedFor)
        disk.hardStateChanged = true
    }

    mutating func append(_ entry: LogEntry) {
        assertInvariant(entry.position.index == log.last.index.next && entry.position.term >= log.last.term) {
            "entry \(entry.position) cannot follow \($0.log.last)"
        }
        log.append(entry)
        disk.changedFrom = disk.changedFrom ?? entry.position.index
        if case .configuration = entry.payload { configurationChanged() }
    }

    /// Drops entries that conflict with those of a leader; never a committed one.
    mutating func cutLog(from index: LogIndex) {
        assertInvariant(index > commit) { "entries from \(index) on would be dropped, but \($0.commit) is committed" }
        guard violation == nil, index <= log.last.index else { return }
        log.cut(from: index)
        disk.durableIndex = min(disk.durableIndex, log.last.index)
        for place in disk.writes.indices {
            disk.writes[place].through = min(disk.writes[place].through, log.last.index)
        }
        disk.changedFrom = min(disk.changedFrom ?? index, index)
        verified = min(verified, log.last.index)
        configurationChanged()
    }

    /// Takes entries that continue `previous`, which the log holds: skips those that are there, cuts only at a real
    /// conflict (Raft §5.3).
    mutating func adopt(_ entries: [LogEntry]) {
        for entry in entries where !log.holds(entry.position) {
            if entry.position.index <= log.last.index { cutLog(from: entry.position.index) }
            append(entry)
        }
    }

    // MARK: Events

    mutating func persisted(_ token: PersistToken) {
        guard token <= disk.lastToken, token > disk.durableToken else { return }
        disk.durableToken = token
        let done = disk.writes.prefix { $0.token <= token }
        for write in done { disk.durableIndex = max(disk.durableIndex, write.through) }
        disk.writes.removeFirst(done.count)
        switch role {
        case .leader: advanceCommit()
        case .candidate: judgeVote()
        case .collecting: collectingPersisted()
        case .follower, .preCandidate: break
        }
    }

    mutating func diskFull(_ isFull: Bool) {
        disk.isFull = isFull
        guard isFull, role != .follower else { return }
        if role == .leader { callSuccessor() }
        becomeFollower()
    }

    /// Whether the oldest write has waited for longer than an election timeout: such a node must not lead.
    var isDiskStalled: Bool { disk.writes.first.map { $0.since + electionTimeout < now } ?? false }

    // MARK: Effects

    func message(_ body: RaftMessage.Body, to target: NodeID) -> RaftMessage {
        RaftMessage(from: id, to: target, term: term, body)
    }

    /// Sends a message that depends on no pending write.
    mutating func send(_ body: RaftMessage.Body, to target: NodeID) {
        pending.append(.send(message(body, to: target), after: nil))
    }

    /// Sends once everything so far is durable.
    mutating func sendWhenDurable(_ body: RaftMessage.Body, to target: NodeID) {
        pending.append(.send(message(body, to: target), after: disk.barrier))
    }

    /// Ends a call: one write for all changes comes before every effect that may depend on it.
    mutating func flush(into effects: inout [RaftEffect]) {
        guard violation == nil else {
            pending = []
            return
        }
        if disk.isDirty { effects.append(.persist(nextBatch())) }
        heal()
        // This comes before the entries that arrived with it are applied: what they do may depend on who the members
        // are.
        if reportedConfiguration != configuration {
            reportedConfiguration = configuration
            effects.append(.changedConfiguration(configuration))
        }
        effects += pending
        pending.removeAll(keepingCapacity: true)
        let report = RoleReport(role: role, term: term, leader: leader)
        if report != reportedRole {
            reportedRole = report
            effects.append(.changedRole(report))
        }
    }

    private mutating func nextBatch() -> PersistBatch {
        disk.lastToken = PersistToken(disk.lastToken.number + 1)
        var batch = PersistBatch(token: disk.lastToken, snapshot: disk.newSnapshot)
        let covered = disk.newSnapshot?.identity.position.index ?? .zero
        disk.writtenThrough = max(disk.writtenThrough, covered)
        if let from = disk.changedFrom.map({ max($0, max(log.before.index, covered).next) }) {
            batch.entries = log.entries(after: from.previous, cost: .max)
            if from <= disk.writtenThrough || disk.unhealedThrough != nil { batch.cutFrom = from }
            disk.writtenThrough = log.last.index
        }
        if disk.hardStateChanged { batch.hardState = hardState }
        disk.writes.append(DiskState.Write(token: batch.token, through: log.last.index, since: now))
        disk.changedFrom = nil
        disk.hardStateChanged = false
        disk.newSnapshot = nil
        return batch
    }

    /// A corrupt log counts as whole again once a leader has confirmed it up to every index that this node ever
    /// acknowledged.
    private mutating func heal() {
        guard let through = disk.unhealedThrough, verified >= through, verified > .zero else { return }
        disk.unhealedThrough = nil
    }
}
