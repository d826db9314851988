// Owns how a voter answers candidates (Elections V1-V4 and V7).
internal import Topology

extension RaftCore {
    /// V1: this node leads, or heard the leader within the shortest election timeout (thesis §4.2.3).
    var leaderIsAlive: Bool {
        if role == .leader { return true }
        return leader != nil && heardLeader + electionTimeout > now
    }

    /// Says whether it would vote, without changing anything or restarting a timer. Even a lower term is answered; the
    /// asker would otherwise never learn which term it needs.
    mutating func answerPreVote(_ request: VoteRequest, _ message: RaftMessage) {
        reply(preVerdict(request, message), to: request, message) { .preVoteReply($0) }
    }

    private func preVerdict(_ request: VoteRequest, _ message: RaftMessage) -> VoteReply.Verdict {
        if message.term < term { return .stale }
        if leaderIsAlive { return .leaderAlive }
        return verdict(request, message)
    }

    mutating func answerVote(_ request: VoteRequest, _ message: RaftMessage) {
        if message.term < term { return replyToVote(.stale, request, message) }
        if leaderIsAlive, !request.isTransfer { return replyToVote(.leaderAlive, request, message) }
        if message.term > term { becomeFollower(in: message.term) }
        let verdict = verdict(request, message)
        if verdict == .granted {
            if hardState.votedFor != message.from { setHardState(term: term, votedFor: message.from) }
            restartElectionTimer()
        }
        replyToVote(verdict, request, message)
    }

    /// False if the configuration names another incarnation of this node. Which votes count is up to the candidate's
    /// configuration, since a voter's own log may not be that far yet (thesis §4.1, §4.2.2).
    ///
    /// So even an empty node that no configuration has reached votes. It is asked only if the candidate's configuration
    /// names it with this very disk, which has lost nothing. It must have been a voter from the start, since later
    /// voters catch up before they count. Without its vote, a founder that loses its lead early could leave the group
    /// without a leader for good.
    private var isAdmitted: Bool {
        (configuration.members + (configuration.outgoing ?? [])).allSatisfy {
            $0.id != id || $0.incarnation == incarnation
        }
    }

    /// V2, V3 and V7, for a term that is not below this node's.
    private func verdict(_ request: VoteRequest, _ message: RaftMessage) -> VoteReply.Verdict {
        if !isAdmitted || isCorrupt || disk.isFull { return .unable }
        if message.term == term {
            if let votedFor = hardState.votedFor, votedFor != message.from { return .voted }
            if let leader, leader != message.from { return .voted }
        }
        if request.mode == .raft, request.last < log.last { return .logBehind }
        return .granted
    }

    private mutating func replyToVote(
        _ verdict: VoteReply.Verdict, _ request: VoteRequest, _ message: RaftMessage
    ) {
        reply(verdict, to: request, message) { .voteReply($0) }
    }

    /// A granted vote waits for its write and so for all earlier appends: the log that it reports is durable (V4).
    private mutating func reply(
        _ verdict: VoteReply.Verdict, to request: VoteRequest, _ message: RaftMessage,
        as body: (VoteReply) -> RaftMessage.Body
    ) {
        let reply = body(
            VoteReply(
                requestTerm: message.term, verdict: verdict, last: log.last, snapshot: snapshotPosition.index,
                bytesSinceCommit: log.bytes(after: request.commit)))
        if verdict == .granted, case .voteReply = reply {
            sendWhenDurable(reply, to: message.from)
        } else {
            send(reply, to: message.from)
        }
    }
}
