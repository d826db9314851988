// Owns how the group changes: founding, and one change at a time through a joint configuration (Raft §6, thesis §4).
internal import Topology

/// A change of members that a leader is carrying out.
///
/// catchingUp (new voters follow as observers) → joint → final; a change that leaves voters and quorum alone is final
/// at once.
struct ChangeUnderWay: Sendable {
    enum Stage: Sendable { case catchingUp, joint, final, reverting }

    /// nil for a change that was taken over from an earlier leader: nobody here waits for it.
    var request: RaftRequestID?
    var target: Configuration
    var before: Configuration
    var stage: Stage
    /// The entry of this stage.
    var index: LogIndex
    /// When new voters that make no progress are given up.
    var deadline: Tick
}

extension RaftCore {
    // MARK: Founding

    /// Writes the first configuration as entry 1 of term 1. In that term only the founder has a vote, its own, so no
    /// other node can lead it. The founder leads it only to spread that one entry, which is durable before anyone sees
    /// it; so it may lead again after a crash, or once a stalled disk recovers. When a quorum of the new group holds
    /// the entry, an ordinary election follows.
    mutating func form(_ configuration: Configuration) {
        guard log.last == .zero, term == .zero, snapshot == nil, !isCorrupt, !disk.isFull else { return }
        guard configuration.defect == nil, !configuration.isJoint, isVoter(in: configuration) else { return }
        let position = LogPosition(term: Term(1), index: LogIndex(1))
        setHardState(term: position.term, votedFor: id)
        append(LogEntry(position, .configuration(configuration)))
        lead(isFounding: true)
    }

    /// Whether it founded the group and nothing has happened since.
    var isFounderAgain: Bool {
        term == Term(1) && hardState.votedFor == id && isVoter && !isCorrupt
            && log.last == LogPosition(term: Term(1), index: LogIndex(1)) && commit == .zero
    }

    /// A quorum holds the first entry: from now on leaders are elected.
    mutating func founded() {
        becomeFollower()
        guard canCampaign else { return }
        startCampaign(mode: .raft, isTransfer: true)
    }

    // MARK: Changing

    mutating func changeMembers(_ change: MembershipChange, _ request: RaftRequestID) {
        guard role == .leader, let leadership else { return refuseAsFollower(request) }
        // A configuration proposed before the first entry of this leader's term could let two be chosen (Ongaro 2015,
        // "bug in single-server changes").
        guard leadsFully else { return refuse(request, "the leader has not committed an entry of its term yet") }
        guard leadership.change == nil, !configuration.isJoint, log.configurationIndex <= commit else {
            return refuse(request, "another change is under way")
        }
        guard leadership.transfer == nil else { return refuse(request, "leadership is being handed over") }
        var target = configuration
        target.members = change.members.sorted { $0.id < $1.id }
        target.replicationQuorum = change.replicationQuorum
        target.timing = change.timing ?? configuration.timing
        if let reason = refusal(of: target) { return refuse(request, reason) }
        let underWay = ChangeUnderWay(
            request: request, target: target, before: configuration, stage: .final, index: commit,
            deadline: now + catchUpTimeout)
        self.leadership?.change = underWay
        beginChange(target)
    }

    private func refusal(of target: Configuration) -> String? {
        if let defect = target.defect { return defect }
        if target == configuration { return "nothing would change" }
        let replaced = target.members.first { member in
            configuration.members.contains { $0.id == member.id && $0.incarnation != member.incarnation }
        }
        return replaced.map { "\($0.id) has another incarnation: remove it first" }
    }

    private mutating func beginChange(_ target: Configuration) {
        if voters(of: target) == voters(of: configuration), target.replicationQuorum == configuration.replicationQuorum
        {
            return propose(target, as: .final)
        }
        let known = Set(configuration.members.map(\.id))
        let joining = target.members.filter { !known.contains($0.id) }
        if joining.isEmpty { return enter(.catchingUp, at: commit) }
        var widened = configuration
        widened.members += joining.map { member in
            var observer = member
            observer.role = .observer
            return observer
        }
        widened.members.sort { $0.id < $1.id }
        propose(widened, as: .catchingUp)
    }

    private func voters(of configuration: Configuration) -> [NodeID] {
        configuration.members.filter { $0.role == .voter }.map(\.id)
    }

    private mutating func propose(_ configuration: Configuration, as stage: ChangeUnderWay.Stage) {
        let position = LogPosition(term: term, index: log.last.index.next)
        enter(stage, at: position.index)
        append(LogEntry(position, .configuration(configuration)))
    }

    private mutating func enter(_ stage: ChangeUnderWay.Stage, at index: LogIndex) {
        leadership?.change?.stage = stage
        leadership?.change?.index = index
    }

    /// Takes the change under way to its next stage, once its entry is committed and new voters have caught up.
    mutating func advanceChange() {
        guard role == .leader, leadsFully else { return }
        if leadership?.change == nil, configuration.isJoint {
            // An earlier leader began it. Now that its entry is committed, this one finishes it.
            let change = ChangeUnderWay(
                request: nil, target: settled, before: configuration, stage: .joint, index: log.configurationIndex,
                deadline: .distantFuture)
            leadership?.change = change
        }
        guard let change = leadership?.change else {
            // It was elected to commit the configuration that leaves it out.
            if !isVoter, log.configurationIndex <= commit { leave() }
            return
        }
        guard change.index <= commit else { return }
        switch change.stage {
        case .catchingUp:
            guard hasCaughtUp(change) else { return }
            var joint = change.target
            joint.outgoing = configuration.members
            joint.outgoingReplicationQuorum = configuration.replicationQuorum
            propose(joint, as: .joint)
        case .joint: propose(settled, as: .final)
        case .final:
            leadership?.change = nil
            if let request = change.request { pending.append(.answer(request, .applied(change.index))) }
            // It led the change that removes it, without counting itself (§6).
            if !isVoter { leave() }
        case .reverting: leadership?.change = nil
        }
    }

    private mutating func leave() {
        callSuccessor()
        becomeFollower()
    }

    /// The configuration without the half that leaves.
    private var settled: Configuration {
        var settled = configuration
        settled.outgoing = nil
        settled.outgoingReplicationQuorum = nil
        return settled
    }

    /// Whether every new voter holds what the log had when it was added, so that the group need not wait for them once
    /// they count (thesis §4.2.1).
    private func hasCaughtUp(_ change: ChangeUnderWay) -> Bool {
        let old = voters(of: configuration)
        return voters(of: change.target).filter { !old.contains($0) }.allSatisfy { voter in
            voter == id || leadership?.progress.first { $0.id == voter }.map { $0.match >= change.index } ?? false
        }
    }

    private var catchUpTimeout: Duration { electionTimeout * 10 }

    /// Gives up on new voters that are not catching up.
    mutating func checkChange() {
        guard let change = leadership?.change, change.stage == .catchingUp else { return }
        let old = voters(of: configuration)
        let joining = leadership?.progress.filter { progress in
            !old.contains(progress.id) && voters(of: change.target).contains(progress.id)
        }
        let moved = joining?.map(\.lastMoved).max() ?? .zero
        let deadline = max(change.deadline, moved + catchUpTimeout)
        guard deadline <= now, change.index <= commit else { return }
        if let request = change.request { refuse(request, "the new voters do not catch up") }
        leadership?.change?.request = nil
        if change.before == configuration {
            leadership?.change = nil
        } else {
            propose(change.before, as: .reverting)
        }
    }
}
