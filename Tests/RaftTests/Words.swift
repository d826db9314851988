// Owns how transcripts and failures spell what nodes say and do.
import Raft
import Topology

extension RaftMessage {
    var words: String { "[\(term)] \(body.words)" }
}

extension RaftMessage.Body {
    var words: String {
        switch self {
        case .preVote(let request): "preVote \(request.words)"
        case .vote(let request): "vote \(request.words)"
        case .preVoteReply(let reply): "preVoteReply \(reply.words)"
        case .voteReply(let reply): "voteReply \(reply.words)"
        case .fetch(let fetch): "fetch after \(fetch.previous) of \(fetch.target)"
        case .fetchReply(let reply): "fetchReply after \(reply.previous): \(reply.content.words)"
        case .collecting: "collecting"
        case .append(let append): "append after \(append.previous): \(append.entries.words), commit \(append.commit)"
        case .appendReply(.matches(let index)): "matches \(index)"
        case .appendReply(.conflict(let previous, let hint)): "conflict at \(previous), hint \(hint)"
        case .heartbeat(let heartbeat): "heartbeat \(heartbeat.round), commit \(heartbeat.commit)"
        case .heartbeatReply(let reply): "heartbeatReply \(reply.round)"
        case .snapshotChunk(let chunk): "chunk \(chunk.words)"
        case .snapshotReply(.next(let offset, let position)): "next \(offset) of \(position)"
        case .snapshotReply(.installed(let position)): "installed \(position)"
        case .campaignNow: "campaignNow"
        }
    }
}

extension VoteRequest {
    var words: String { "\(mode) last \(last) commit \(commit)\(isTransfer ? " transfer" : "")" }
}

extension VoteReply {
    var words: String { "\(verdict) for \(requestTerm), last \(last), \(bytesSinceCommit) bytes" }
}

extension FetchReply.Content {
    var words: String {
        switch self {
        case .entries(let entries): entries.words
        case .conflict(let hint): "conflict, hint \(hint)"
        case .snapshot(let chunk): "chunk \(chunk.words)"
        case .miss: "miss"
        }
    }
}

extension SnapshotChunk {
    var words: String { "\(identity.position) \(offset)+\(bytes.count) of \(identity.byteCount)" }
}

extension [LogEntry] {
    var words: String { isEmpty ? "nothing" : map(\.words).joined(separator: " ") }
}

extension LogEntry {
    var words: String {
        switch payload {
        case .noop: "\(position)=noop"
        case .configuration(let configuration): "\(position)=(\(configuration.words))"
        case .command(let command): "\(position)=\(String(decoding: command.bytes, as: UTF8.self))"
        }
    }
}

extension Configuration {
    var words: String {
        guard cluster != 0 else { return "no configuration" }
        let quorum = replicationQuorum.map { " q\($0)" } ?? ""
        return members.words + quorum + (outgoing.map { " from " + $0.words } ?? "")
    }
}

extension [Member] {
    var words: String { map { $0.id.text + ($0.role == .observer ? "*" : "") }.joined(separator: ",") }
}

extension PersistBatch {
    var words: String {
        var parts: [String] = []
        if let snapshot { parts.append("snapshot \(snapshot.identity.position)") }
        if let cutFrom { parts.append("cut \(cutFrom)") }
        if !entries.isEmpty { parts.append(entries.words) }
        if let hardState { parts.append("term \(hardState.term) vote \(hardState.votedFor?.text ?? "-")") }
        return parts.joined(separator: "; ")
    }
}

extension RaftOutcome {
    var words: String {
        switch self {
        case .applied(let index): "applied at \(index)"
        case .duplicate(let index): "duplicate of \(index)"
        case .sessionExpired: "session expired"
        case .readable(let index): "readable at \(index)"
        case .transferred(let target): "transferred to \(target)"
        case .notLeader(let leader): "not the leader, \(leader.map { "which is \($0)" } ?? "which is unknown")"
        case .refused(let reason): "refused: \(reason)"
        case .unknown: "unknown"
        }
    }
}

extension RoleReport {
    var words: String { "\(role) in term \(term)" + (leader.map { ", led by \($0)" } ?? "") }
}
