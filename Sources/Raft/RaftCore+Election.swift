// Owns campaigns: pre-vote, vote, and which way to elect (Raft §5.2, thesis §9.6; Elections C1-C3, policy).
internal import Topology

/// A campaign in progress, for votes or, in a pre-vote, for the promise of them.
struct Campaign: Sendable {
    struct Reply: Sendable {
        var from: NodeID
        var verdict: VoteReply.Verdict
        var last: LogPosition
        var bytesSinceCommit: Int
    }

    var mode: VoteRequest.Mode
    var isTransfer: Bool
    /// The term that voters are asked about.
    var term: Term
    /// The latest of each voter.
    var replies: [Reply] = []
    /// The write with this node's own vote, which counts once it is durable.
    var ownVote: PersistToken?

    mutating func take(_ reply: VoteReply, from: NodeID) {
        replies.removeAll { $0.from == from }
        replies.append(
            Reply(
                from: from, verdict: reply.verdict, last: reply.last, bytesSinceCommit: reply.bytesSinceCommit))
    }

    func verdict(of voter: NodeID) -> VoteReply.Verdict? { replies.first { $0.from == voter }?.verdict }
    func isGranted(by voter: NodeID) -> Bool { verdict(of: voter) == .granted }
    /// It would grant if the candidate's log were not behind.
    func wouldFollow(_ voter: NodeID) -> Bool { isGranted(by: voter) || verdict(of: voter) == .logBehind }
}

extension RaftCore {
    /// Whether this node may ask for votes at all.
    var canCampaign: Bool { (isVoter || isStillNeeded) && !isCorrupt && !disk.isFull && !isDiskStalled }

    /// The latest configuration leaves this node out but is not known to be committed. The others may lack it, and
    /// could elect nobody while this node's log is ahead of theirs (thesis §4.2.2). It does not count its own vote.
    private var isStillNeeded: Bool {
        log.configurationIndex > commit && log.configurationBefore.map(isVoter(in:)) ?? false
    }

    mutating func electionTimedOut() {
        restartElectionTimer()
        guard canCampaign else {
            if role != .follower { becomeFollower() }
            leader = nil
            return
        }
        // The disk was slow to write the first entry. Nobody else has it yet, so nobody would vote.
        if isFounderAgain { return lead(isFounding: true) }
        // Policy 2: a quorum would have followed a better log, and another timeout has passed without a leader.
        let canCollect = collectsAgain || (lackedOnlyLog && role == .preCandidate)
        collectsAgain = false
        startPreVote(mode: mode(collecting: canCollect))
    }

    private func mode(collecting: Bool) -> VoteRequest.Mode {
        // A node that leaves can win only because nobody else has its log; collecting would gain nothing.
        if campaignsWithoutCollecting > 0 || !isVoter { return .raft }
        switch policy {
        case .raft: return .raft
        case .paxos: return .collect
        case .auto: return collecting ? .collect : .raft
        }
    }

    /// Asks who would vote for this node, and stops following. Nothing durable changes (thesis §9.6).
    private mutating func startPreVote(mode: VoteRequest.Mode) {
        role = .preCandidate
        leader = nil
        lackedOnlyLog = false
        campaign = Campaign(mode: mode, isTransfer: false, term: term.next)
        let request = VoteRequest(last: log.last, commit: commit, mode: mode, isTransfer: false)
        for voter in quorum.voters where voter != id {
            pending.append(
                .send(RaftMessage(from: id, to: voter, term: term.next, .preVote(request)), after: nil))
        }
        judgePreVote()
    }

    mutating func takePreVoteReply(_ reply: VoteReply, _ message: RaftMessage) {
        if message.term > term, reply.verdict != .granted {
            // Only the term was too low: the next pre-vote asks about one that the voter can grant.
            if role != .leader { becomeFollower(in: message.term) }
            return
        }
        guard role == .preCandidate, reply.requestTerm == campaign?.term else { return }
        if reply.verdict == .granted, campaign?.mode == .raft, reply.last > log.last {
            return reject(message, "grants although its log is ahead")
        }
        campaign?.take(reply, from: message.from)
        judgePreVote()
    }

    private mutating func judgePreVote() {
        guard let campaign else { return }
        if quorum.canElect({ $0 == id || campaign.isGranted(by: $0) }) {
            return startCampaign(mode: campaign.mode, isTransfer: false)
        }
        guard policy == .auto, campaign.mode == .raft, campaignsWithoutCollecting == 0 else { return }
        lackedOnlyLog = quorum.canElect { $0 == id || campaign.wouldFollow($0) }
        guard lackedOnlyLog, isOfTopPriority else { return }
        // Policy 1: raft mode can no longer win, and the lag is so small that adopting the log costs nothing.
        let couldWin = quorum.canElect { $0 == id || campaign.verdict(of: $0) ?? .granted == .granted }
        let lag = campaign.replies.filter { $0.verdict == .logBehind }.map(\.bytesSinceCommit).max() ?? 0
        if !couldWin, lag <= limits.priorityLagBytes { startPreVote(mode: .collect) }
    }

    /// Whether ranks differ and no voter has a better one than this node.
    private var isOfTopPriority: Bool {
        let ranks = configuration.members.filter { $0.role == .voter }.map { ($0.id, $0.rank) }
        guard let own = ranks.first(where: { $0.0 == id })?.1 else { return false }
        return ranks.allSatisfy { $0.1 >= own } && ranks.contains { $0.1 > own }
    }

    /// The leader is handing over. There is no pre-vote, since everyone who hears that leader would refuse it (thesis
    /// §3.10).
    mutating func campaignForTransfer() {
        guard canCampaign else { return }
        startCampaign(mode: .raft, isTransfer: true)
    }

    mutating func startCampaign(mode: VoteRequest.Mode, isTransfer: Bool) {
        if mode == .raft, campaignsWithoutCollecting > 0 { campaignsWithoutCollecting -= 1 }
        role = .candidate
        leader = nil
        lackedOnlyLog = false
        setHardState(term: term.next, votedFor: id)
        verified = .zero
        restartElectionTimer()
        campaign = Campaign(mode: mode, isTransfer: isTransfer, term: term, ownVote: disk.barrier)
        for voter in quorum.voters where voter != id { askForVote(voter) }
        judgeVote()
    }

    /// Asks for a vote once this node's own vote is durable (C2).
    mutating func askForVote(_ voter: NodeID) {
        guard let campaign else { return }
        let request = VoteRequest(last: log.last, commit: commit, mode: campaign.mode, isTransfer: campaign.isTransfer)
        sendWhenDurable(.vote(request), to: voter)
    }

    mutating func takeVoteReply(_ reply: VoteReply, _ from: NodeID) {
        guard role == .candidate || role == .collecting, reply.requestTerm == term, let mode = campaign?.mode else {
            return
        }
        if reply.verdict == .granted {
            let isImpossible = mode == .raft ? reply.last > log.last : reply.last.term >= term
            if isImpossible { return reject(message(.voteReply(reply), to: from), "grants with a log it cannot have") }
        }
        campaign?.take(reply, from: from)
        if role == .candidate { return judgeVote() }
        if reply.verdict == .granted, !isFetching || reply.last > collection?.best ?? .zero { continueCollecting() }
    }

    /// Leads or collects once a quorum has granted. This node's own vote counts once it is durable.
    mutating func judgeVote() {
        guard role == .candidate, let campaign, let ownVote = campaign.ownVote, ownVote <= disk.durableToken else {
            return
        }
        guard quorum.canElect({ $0 == id || campaign.isGranted(by: $0) }) else { return }
        switch campaign.mode {
        case .raft: lead(isFounding: false)
        case .collect: startCollecting()
        }
    }
}
