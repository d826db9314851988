// Owns what a leader is beyond its log: beginning, heartbeats, check-quorum and the end (Raft §5.2, thesis §6.2).
internal import Topology

/// What only a leader knows; all of it is lost with the leadership.
struct Leadership: Sendable {
    /// The node founds the group: term 1 carries the first configuration and nothing else.
    var isFounding: Bool
    /// The first entry of the term: once it is committed the leader knows what is chosen.
    var firstIndex: LogIndex
    /// The other members, in the order of the configuration.
    var progress: [Progress] = []
    /// The round of heartbeats that was begun last.
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
    var request: RequestID
    var index: LogIndex
}

extension RaftCore {
    /// Begins to lead: an entry of its own term commits all before it (§5.4.2, §8).
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

    /// Follows the configuration: who is new is probed, who left is forgotten.
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

    /// The configuration in force may have changed, by an entry that came or went.
    mutating func configurationChanged() {
        guard log.configuration != configuration else { return }
        configuration = log.configuration
        quorum = Quorum(configuration)
        isVoter = isVoter(in: configuration)
        refreshProgress()
    }

    /// Once a heartbeat interval: is this node still able to lead, and do the others know?
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

    /// A heartbeat of the round that was begun last: with what is committed of that which the member is known to hold.
    private mutating func tellCommit(to place: Int) {
        guard let leadership else { return }
        let progress = leadership.progress[place]
        let known = min(progress.match, commit)
        self.leadership?.progress[place].toldCommit = known
        send(.heartbeat(Heartbeat(round: leadership.round, commit: known)), to: progress.id)
    }

    /// Members learn of a commit at once rather than with the next heartbeat, those whose answers come late as well as those
    /// whose answers made it one; where entries have carried the news, nothing more is sent.
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

    /// Ends a call of a leader: what was appended goes out, a round begins that reads wait for, and members learn of commits.
    mutating func finishLeading() {
        guard role == .leader else { return }
        advanceCommit()
        advanceChange()
        guard role == .leader else { return }
        replicateToAll()
        beginRoundForReads()
        tellNews()
    }

    /// Gives leadership up: what waits for it is answered.
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
