// Owns the messages of Raft on the wire.
internal import FoundationEssentials
internal import Raft
internal import Topology

extension PeerCodec {
    static func wire(_ body: RaftMessage.Body) -> WireRaft {
        var message = WireRaft()
        switch body {
        case .preVote(let request): message.preVote = wire(request)
        case .preVoteReply(let reply): message.preVoteReply = wire(reply)
        case .vote(let request): message.vote = wire(request)
        case .voteReply(let reply): message.voteReply = wire(reply)
        case .fetch(let fetch):
            message.fetch.previous = wire(fetch.previous)
            message.fetch.target = wire(fetch.target)
            message.fetch.snapshotOffset = UInt64(clamping: fetch.snapshotOffset)
        case .fetchReply(let reply): message.fetchReply = wire(reply)
        case .collecting: message.collecting = WireNothing()
        case .append(let append):
            message.append.previous = wire(append.previous)
            message.append.entries = append.entries.map { wire($0) }
            message.append.commit = append.commit.number
        case .appendReply(.matches(let index)): message.appendReply.matchesThrough = index.number
        case .appendReply(.conflict(let previous, let hint)):
            message.appendReply.conflict.previous = previous.number
            message.appendReply.conflict.hint = wire(hint)
        case .heartbeat(let heartbeat):
            message.heartbeat.round = heartbeat.round
            message.heartbeat.commit = heartbeat.commit.number
        case .heartbeatReply(let reply): message.heartbeatReply.round = reply.round
        case .snapshotChunk(let chunk): message.snapshotChunk = wire(chunk)
        case .snapshotReply(.next(let offset, let position)):
            message.snapshotReply.next.offset = UInt64(offset)
            message.snapshotReply.next.of = wire(position)
        case .snapshotReply(.installed(let position)): message.snapshotReply.installed = wire(position)
        case .campaignNow: message.campaignNow = WireNothing()
        }
        return message
    }

    private static func wire(_ request: VoteRequest) -> WireVoteRequest {
        var message = WireVoteRequest()
        message.last = wire(request.last)
        message.commit = request.commit.number
        message.collect = request.mode == .collect
        message.isTransfer = request.isTransfer
        return message
    }

    private static func wire(_ reply: VoteReply) -> WireVoteReply {
        var message = WireVoteReply()
        message.requestTerm = reply.requestTerm.number
        message.verdict =
            switch reply.verdict {
            case .granted: .granted
            case .stale: .stale
            case .voted: .voted
            case .leaderAlive: .leaderAlive
            case .logBehind: .logBehind
            case .unable: .unable
            }
        message.last = wire(reply.last)
        message.snapshot = reply.snapshot.number
        message.bytesSinceCommit = UInt64(clamping: reply.bytesSinceCommit)
        return message
    }

    private static func wire(_ reply: FetchReply) -> WireFetchReply {
        var message = WireFetchReply()
        message.target = wire(reply.target)
        message.previous = wire(reply.previous)
        switch reply.content {
        case .entries(let entries): message.entries.entries = entries.map { wire($0) }
        case .conflict(let position): message.conflict = wire(position)
        case .snapshot(let chunk): message.snapshot = wire(chunk)
        case .miss: message.miss = WireNothing()
        }
        return message
    }

    // MARK: Decoding

    static func decode(_ message: WireRaft) throws(PeerCodecError) -> RaftMessage.Body {
        switch message.body {
        case nil: throw PeerCodecError("a message of Raft of no known kind")
        case .preVote(let request): return .preVote(try decode(request))
        case .preVoteReply(let reply): return .preVoteReply(try decode(reply))
        case .vote(let request): return .vote(try decode(request))
        case .voteReply(let reply): return .voteReply(try decode(reply))
        case .fetch(let fetch):
            return .fetch(
                Fetch(
                    previous: try position(fetch.hasPrevious, fetch.previous),
                    target: try position(fetch.hasTarget, fetch.target),
                    snapshotOffset: try size(fetch.snapshotOffset, "a snapshot")))
        case .fetchReply(let reply): return .fetchReply(try decode(reply))
        case .collecting: return .collecting
        case .append(let append):
            let previous = try position(append.hasPrevious, append.previous)
            return .append(
                Append(
                    previous: previous, entries: try entries(append.entries, after: previous),
                    commit: try index(append.commit)))
        case .appendReply(let reply): return .appendReply(try decode(reply))
        case .heartbeat(let heartbeat):
            return .heartbeat(
                Heartbeat(round: try number(heartbeat.round, "a round"), commit: try index(heartbeat.commit)))
        case .heartbeatReply(let reply):
            return .heartbeatReply(HeartbeatReply(round: try number(reply.round, "a round")))
        case .snapshotChunk(let chunk): return .snapshotChunk(try decode(chunk))
        case .snapshotReply(let reply): return .snapshotReply(try decode(reply))
        case .campaignNow: return .campaignNow
        }
    }

    private static func decode(_ request: WireVoteRequest) throws(PeerCodecError) -> VoteRequest {
        VoteRequest(
            last: try position(request.hasLast, request.last), commit: try index(request.commit),
            mode: request.collect ? .collect : .raft, isTransfer: request.isTransfer)
    }

    private static func decode(_ reply: WireVoteReply) throws(PeerCodecError) -> VoteReply {
        let verdict: VoteReply.Verdict
        switch reply.verdict {
        case .granted: verdict = .granted
        case .stale: verdict = .stale
        case .voted: verdict = .voted
        case .leaderAlive: verdict = .leaderAlive
        case .logBehind: verdict = .logBehind
        // What a newer version means by another number is no grant.
        case .unable, .UNRECOGNIZED: verdict = .unable
        }
        return VoteReply(
            requestTerm: Term(try number(reply.requestTerm, "a term")), verdict: verdict,
            last: try position(reply.hasLast, reply.last), snapshot: try index(reply.snapshot),
            bytesSinceCommit: try size(reply.bytesSinceCommit, "a log"))
    }

    private static func decode(_ reply: WireFetchReply) throws(PeerCodecError) -> FetchReply {
        let previous = try position(reply.hasPrevious, reply.previous)
        let content: FetchReply.Content
        switch reply.content {
        case nil: throw PeerCodecError("a fetch reply of no known kind")
        case .entries(let list): content = .entries(try entries(list.entries, after: previous))
        case .conflict(let wire): content = .conflict(try position(true, wire))
        case .snapshot(let chunk): content = .snapshot(try decode(chunk))
        case .miss: content = .miss
        }
        return FetchReply(target: try position(reply.hasTarget, reply.target), previous: previous, content: content)
    }

    private static func decode(_ reply: WireAppendReply) throws(PeerCodecError) -> AppendReply {
        switch reply.result {
        case nil: throw PeerCodecError("an append reply of no known kind")
        case .matchesThrough(let value): return .matches(through: try index(value))
        case .conflict(let conflict):
            return .conflict(
                previous: try index(conflict.previous), hint: try position(conflict.hasHint, conflict.hint))
        }
    }

    private static func decode(_ reply: WireSnapshotReply) throws(PeerCodecError) -> SnapshotReply {
        switch reply.result {
        case nil: throw PeerCodecError("a snapshot reply of no known kind")
        case .next(let next):
            return .next(offset: try size(next.offset, "a snapshot"), of: try position(next.hasOf, next.of))
        case .installed(let wire): return .installed(try position(true, wire))
        }
    }
}
