// Owns the checks that a message must pass before anything else: none depends on the receiver's state.
internal import Topology

extension RaftMessage {
    /// No honest term or index exceeds this, and arithmetic on smaller ones cannot overflow.
    private static let greatestNumber: UInt64 = 1 << 60

    /// Why no correct member would send this message; nil if one might.
    func defect(limits: RaftLimits) -> String? {
        guard term.number > 0, term.number < Self.greatestNumber else {
            // Only an empty node's answers carry term 0.
            if term.number == 0, case .preVoteReply = body { return defectOfBody(limits) }
            return "term \(term)"
        }
        return defectOfBody(limits)
    }

    private func defectOfBody(_ limits: RaftLimits) -> String? {
        switch body {
        case .preVote(let request), .vote(let request):
            if request.last.term > term { return "the candidate's log is ahead of its term" }
            return request.last.defect ?? request.commit.defect
        case .preVoteReply(let reply), .voteReply(let reply):
            if reply.bytesSinceCommit < 0 { return "negative bytes" }
            return reply.last.defect ?? reply.snapshot.defect
        case .fetch(let fetch):
            if fetch.snapshotOffset < 0 { return "negative offset" }
            return fetch.previous.defect ?? fetch.target.defect
        case .fetchReply(let reply):
            return reply.defect(limits: limits) ?? reply.previous.defect ?? reply.target.defect
        case .collecting, .campaignNow: return nil
        case .append(let append):
            return append.commit.defect ?? entriesDefect(append.entries, after: append.previous, upTo: term)
        case .appendReply(.matches(let index)): return index.defect
        case .appendReply(.conflict(let previous, let hint)): return previous.defect ?? hint.defect
        case .heartbeat(let heartbeat): return heartbeat.commit.defect
        case .heartbeatReply: return nil
        case .snapshotChunk(let chunk):
            if chunk.identity.position.term > term { return "a snapshot ahead of its sender's term" }
            return chunk.defect(limits: limits)
        case .snapshotReply(.next(let offset, let position)): return offset < 0 ? "negative offset" : position.defect
        case .snapshotReply(.installed(let position)): return position.defect
        }
    }
}

extension LogIndex {
    fileprivate var defect: String? { number < 1 << 60 ? nil : "index \(self)" }
}

extension LogPosition {
    fileprivate var defect: String? {
        guard term.number < 1 << 60, (term == .zero) == (index == .zero) else { return "position \(self)" }
        return index.defect
    }
}

/// Why these entries cannot be what follows `previous` in the log of a member in this term.
private func entriesDefect(_ entries: [LogEntry], after previous: LogPosition, upTo term: Term) -> String? {
    if let defect = previous.defect { return defect }
    var before = previous
    for entry in entries {
        guard entry.position.index == before.index.next, entry.position.term >= before.term,
            entry.position.term.number > 0
        else { return "entry \(entry.position) after \(before)" }
        if case .configuration(let configuration) = entry.payload, let defect = configuration.defect { return defect }
        before = entry.position
    }
    return before.term <= term ? nil : "entry \(before) in term \(term)"
}

extension FetchReply {
    fileprivate func defect(limits: RaftLimits) -> String? {
        switch content {
        case .entries(let entries):
            guard let last = entries.last else { return "no entries" }
            if last.position > target { return "entries beyond the target" }
            return entriesDefect(entries, after: previous, upTo: target.term)
        case .conflict(let hint):
            if let defect = hint.defect { return defect }
            return hint.index <= previous.index ? nil : "a conflict's hint after it"
        case .snapshot(let chunk):
            return chunk.identity.position > target ? "a snapshot beyond the target" : chunk.defect(limits: limits)
        case .miss: return nil
        }
    }
}

extension SnapshotChunk {
    fileprivate func defect(limits: RaftLimits) -> String? {
        if let defect = identity.position.defect ?? identity.configuration.defect { return defect }
        guard identity.byteCount > 0, identity.byteCount <= limits.snapshotBytes else {
            return "a snapshot of \(identity.byteCount) bytes"
        }
        guard offset >= 0, !bytes.isEmpty, offset < identity.byteCount, bytes.count <= identity.byteCount - offset
        else { return "a piece outside of its snapshot" }
        return identity.position.index == .zero ? "a snapshot of nothing" : nil
    }
}

extension Configuration {
    /// The most members of a half.
    static let capacity = 100

    /// Why no group can work with this configuration; nil if it is sound.
    var defect: String? {
        let electionTimeout = timing.electionTimeout.wholeNanoseconds
        let heartbeat = timing.heartbeat.wholeNanoseconds
        if cluster == 0 { return "a configuration without a cluster" }
        guard heartbeat >= 1_000_000, electionTimeout > heartbeat, electionTimeout <= 600_000_000_000 else {
            return "an election timeout that no heartbeat can prevent, or of more than 10 minutes"
        }
        if let defect = Self.defect(of: members, quorum: replicationQuorum) { return defect }
        guard let outgoing else {
            return outgoingReplicationQuorum == nil ? nil : "a quorum of an outgoing half that is not there"
        }
        return Self.defect(of: outgoing, quorum: outgoingReplicationQuorum)
    }

    private static func defect(of members: [Member], quorum: Int?) -> String? {
        let voters = members.count { $0.role == .voter }
        if voters == 0 { return "no voter" }
        if members.count > capacity { return "more than \(capacity) members" }
        if let quorum, quorum < 1 || quorum > voters / 2 + 1 {
            return "a replication quorum of \(quorum), which is no minority or majority of \(voters) voters"
        }
        if Set(members.map(\.id)).count != members.count { return "a member twice" }
        if members.contains(where: { $0.rank < 0 || $0.rank > 1_000 }) { return "a rank outside of 0-1000" }
        return nil
    }
}
