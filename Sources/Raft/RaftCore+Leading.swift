// Owns leadership apart from replication: its beginning, heartbeats, check-quorum and its end (Raft §5.2, thesis §6.2).
internal import Topology

/// What only a leader knows; all of it is dropped when it stops leading.
struct Leadership: Sendable {
    /// The node founds the group: term 1 carries the first configuration and nothing else.
    var isFounding: Bool
    /// The first entry of the term: once it is committed the leader knows what is chosen.
    var firstIndex: LogIndex
    /// The other members, in the order of the configuration.
    var progress: [Progress] = []
    /// The latest round of heartbeats.
    var round: UInt64 = 0
    var heartbeatDeadline: Tick
    var proposals: [WaitingProposal] = []
    var reads: [WaitingRead] = []
    var transfer: Transfer?
    var change: ChangeUnderWay?

    func place(of follower: NodeID) -> Int? { progress.firstIndex { $0.id == follower } }
}

/// A proposal in the log that is not applied yet.
struct WaitingProposal: Sendable {
    var request: RaftRequestID
    var index: LogIndex
}

extension RaftCore {
    /// Begins to lead, with an entry of its own term that will commit everything before it (§5.4.2, §8).
    mutating func lead(isFounding: Bool) {
        if let campaign {
            let greatest = campaign.replies.filter { $0.verdict == .granted }.map(\.last).max() ?? .zero
            assertInvariant(greatest <= log.last) { "leads with \($0.log.last), but a voter has \(greatest)" }
            assertInvariant(hardState.votedFor == id) { "leads term \($0.term) with no vote of its own" }
        }
        role = .leader
        leader = id
        campaign = nil
        collection = nil
        verified = .zero
        let first = isFounding ? log.last.index : log.last.index.next
        leadership = Leadership(isFounding: isFounding, firstIndex: first, heartbeatDeadline: now)
        refreshProgress()
        if !isFounding { append(LogEntry(LogPosition(term: term, index: first), .noop)) }
        beat()
    }

    /// Follows the configuration: new members are probed, and those that left are forgotten.
    mutating func refreshProgress() {
        guard let old = leadership?.progress else { return }
        let outgoing = (configuration.outgoing ?? []).filter { leaving in
            !configuration.members.contains { $0.id == leaving.id }
        }
        leadership?.progress = (configuration.members + outgoing).filter { $0.id != id }.map { member in
            old.first { $0.id == member.id }
                ?? Progress(id: member.id, next: log.last.index.next, lastHeard: now, lastMoved: now)
        }
    }

    /// The configuration in force may have changed, because an entry was added or cut.
    mutating func configurationChanged() {
        guard log.configuration != configuration else { return }
        configuration = log.configuration
        quorum = Quorum(configuration)
        isVoter = isVoter(in: configuration)
        refreshProgress()
    }

    /// Checks once every heartbeat interval whether this node can still lead, and tells the others that it does.
    mutating func beat() {
        guard !isDiskStalled else { return becomeFollower() }
        guard hearsQuorum || leadership?.isFounding ?? true else { return becomeFollower() }
        checkTransfer()
        checkChange()
        guard role == .leader else { return }
        resend()
        beginRound()
        leadership?.heartbeatDeadline = now + configuration.timing.heartbeat
    }

    /// Check-quorum: enough members answered within the shortest election timeout (thesis §6.2).
    var hearsQuorum: Bool {
        guard let progress = leadership?.progress else { return false }
        return quorum.canCommit { voter in
            voter == id || progress.contains { $0.id == voter && $0.lastHeard + electionTimeout > now }
        }
    }

    /// Begins a round of heartbeats. They carry no entries and wait for no disk.
    mutating func beginRound() {
        leadership?.round += 1
        for place in leadership?.progress.indices ?? 0..<0 { tellCommit(to: place) }
        confirmReads()
    }

    /// Sends a heartbeat of the latest round, with the commit index limited to what the member is known to hold.
    private mutating func tellCommit(to place: Int) {
        guard let leadership else { return }
        let progress = leadership.progress[place]
        let known = min(progress.match, commit)
        self.leadership?.progress[place].toldCommit = known
        send(.heartbeat(Heartbeat(round: leadership.round, commit: known)), to: progress.id)
    }

    /// Tells members of a commit at once instead of with the next heartbeat, including those whose answers came late. A
    /// member that entries have already told gets nothing more.
    private mutating func tellNews() {
        for place in leadership?.progress.indices ?? 0..<0 {
            guard let progress = leadership?.progress[place] else { return }
            if min(progress.match, commit) > progress.toldCommit { tellCommit(to: place) }
        }
    }

    mutating func takeHeartbeatReply(_ reply: HeartbeatReply, _ from: NodeID) {
        guard let leadership, let place = leadership.place(of: from), reply.round <= leadership.round else { return }
        self.leadership?.progress[place].lastHeard = now
        guard reply.round > leadership.progress[place].round else { return }
        self.leadership?.progress[place].round = reply.round
        confirmReads()
    }

    /// Ends a leader's call: sends what was appended, begins a round if reads wait for one, and tells members of
    /// commits.
    mutating func finishLeading() {
        guard role == .leader else { return }
        advanceCommit()
        advanceChange()
        guard role == .leader else { return }
        replicateToAll()
        beginRoundForReads()
        tellNews()
    }

    /// Stops leading and answers whatever waits for this leader.
    mutating func stopLeading() {
        guard let leadership else { return }
        for proposal in leadership.proposals { pending.append(.answer(proposal.request, .unknown)) }
        for read in leadership.reads { pending.append(.answer(read.request, .notLeader(nil))) }
        if let request = leadership.change?.request { pending.append(.answer(request, .unknown)) }
        if let transfer = leadership.transfer {
            handedOver = HandedOver(
                request: transfer.request, target: transfer.target, deadline: now + electionTimeout + electionTimeout)
        }
        self.leadership = nil
    }
}
