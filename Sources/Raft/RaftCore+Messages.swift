// Owns the first steps for every message: checks, and the rules of terms (Raft §5.1).
internal import Topology

extension RaftCore {
    mutating func receive(_ message: RaftMessage) {
        guard message.to == id, message.from != id else { return reject(message, "not between us") }
        if let defect = message.defect(limits: limits) { return reject(message, defect) }
        switch message.body {
        case .preVote(let request): answerPreVote(request, message)
        case .preVoteReply(let reply): takePreVoteReply(reply, message)
        case .vote(let request): answerVote(request, message)
        default:
            if message.term < term {
                if case .fetch(let fetch) = message.body { return answerStaleFetch(fetch, message) }
                return answerStale(message)
            }
            // A leader that this one does not know may depose it, but answers from removed members do not.
            if role == .leader, message.term > term, !message.isOfLeader, !isMember(message.from) { return }
            if message.term > term { becomeFollower(in: message.term) }
            takeOfThisTerm(message)
        }
    }

    private mutating func takeOfThisTerm(_ message: RaftMessage) {
        let from = message.from
        switch message.body {
        case .preVote, .preVoteReply, .vote: break
        case .voteReply(let reply): takeVoteReply(reply, from)
        case .fetch(let fetch): answerFetch(fetch, from)
        case .fetchReply(let reply): takeFetchReply(reply, from)
        case .collecting: heardCollector(from)
        case .append(let append):
            if follow(message) { takeAppend(append, from) }
        case .heartbeat(let heartbeat):
            if follow(message) { takeHeartbeat(heartbeat, from) }
        case .snapshotChunk(let chunk):
            if follow(message) { takeSnapshotChunk(chunk, from) }
        case .campaignNow:
            if follow(message) { campaignForTransfer() }
        case .appendReply(let reply): takeAppendReply(reply, message)
        case .heartbeatReply(let reply): takeHeartbeatReply(reply, from)
        case .snapshotReply(let reply): takeSnapshotReply(reply, from)
        }
    }

    /// Lets a leader of an earlier term learn of the later one. Without an answer, a node that is ahead in terms would
    /// ignore its leader forever, and the leader would never know.
    private mutating func answerStale(_ message: RaftMessage) {
        if message.isOfLeader { send(.heartbeatReply(HeartbeatReply(round: 0)), to: message.from) }
    }

    /// Accepts the sender as the leader of this term; false if the term has another one.
    private mutating func follow(_ message: RaftMessage) -> Bool {
        guard role != .leader, leader == nil || leader == message.from else {
            reject(message, "a second leader in term \(term)")
            return false
        }
        if role != .follower { becomeFollower() }
        if handedOver != nil { answerHandOver(ledBy: message.from) }
        leader = message.from
        heardLeader = now
        lackedOnlyLog = false
        restartElectionTimer()
        return true
    }

    /// Gives up its role and, if the term is later, its vote and leader.
    mutating func becomeFollower(in newTerm: Term? = nil) {
        let wasFollower = role == .follower
        if role == .leader { stopLeading() }
        role = .follower
        campaign = nil
        collection = nil
        leadership = nil
        if let newTerm, newTerm > term {
            setHardState(term: newTerm, votedFor: nil)
            verified = .zero
            leader = nil
        } else if !wasFollower {
            leader = nil
        }
        if !wasFollower { restartElectionTimer() }
    }

    /// Each election waits 1-2 times the timeout (§5.2), and half a timeout more for each rank, so that the leader sits
    /// where operators want it.
    mutating func restartElectionTimer() {
        let base = Int(nanoseconds(electionTimeout))
        let rank = configuration.members.first { $0.id == id }?.rank ?? 0
        let chance = Int(truncatingIfNeeded: random.next() >> 1) % max(base, 1)
        electionDeadline = now + .nanoseconds(base + chance + rank * base / 2)
    }

    func isMember(_ other: NodeID) -> Bool {
        configuration.members.contains { $0.id == other }
            || configuration.outgoing?.contains { $0.id == other } ?? false
    }
}

extension RaftMessage {
    /// Whether only the leader of its term sends such a message.
    fileprivate var isOfLeader: Bool {
        switch body {
        case .append, .heartbeat, .snapshotChunk, .campaignNow: true
        default: false
        }
    }
}
