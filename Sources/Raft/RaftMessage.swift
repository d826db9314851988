// Owns the messages that members of the group exchange.
public import Topology

/// A message of one member to another. `term` is the sender's current term; a pre-vote carries the term it would
/// campaign in.
public struct RaftMessage: Hashable, Sendable {
    public var from: NodeID
    public var to: NodeID
    public var term: Term
    public var body: Body

    public enum Body: Hashable, Sendable {
        case preVote(VoteRequest)
        case preVoteReply(VoteReply)
        case vote(VoteRequest)
        case voteReply(VoteReply)
        case fetch(Fetch)
        case fetchReply(FetchReply)
        /// A candidate is adopting a log: restarts election timers, once in each term.
        case collecting
        case append(Append)
        case appendReply(AppendReply)
        case heartbeat(Heartbeat)
        case heartbeatReply(HeartbeatReply)
        case snapshotChunk(SnapshotChunk)
        case snapshotReply(SnapshotReply)
        /// The leader hands over: campaign at once, without a pre-vote (thesis §3.10).
        case campaignNow

        /// Whether it answers another message, as all that counts towards a quorum does.
        public var isReply: Bool {
            switch self {
            case .preVoteReply, .voteReply, .fetchReply, .appendReply, .heartbeatReply, .snapshotReply: true
            case .preVote, .vote, .fetch, .collecting, .append, .heartbeat, .snapshotChunk, .campaignNow: false
            }
        }
    }

    public init(from: NodeID, to: NodeID, term: Term, _ body: Body) {
        self.from = from
        self.to = to
        self.term = term
        self.body = body
    }
}

/// Asks for a vote or, in a pre-vote, whether one would be given.
public struct VoteRequest: Hashable, Sendable {
    public enum Mode: UInt8, Hashable, Sendable { case raft, collect }
    public var last: LogPosition
    public var commit: LogIndex
    public var mode: Mode
    /// The leader asked for it, so voters that hear the leader may grant all the same.
    public var isTransfer: Bool
    public init(last: LogPosition, commit: LogIndex, mode: Mode, isTransfer: Bool) {
        self.last = last
        self.commit = commit
        self.mode = mode
        self.isTransfer = isTransfer
    }
}

/// Answers `VoteRequest`. `last` is the end of the voter's durable log; afterwards it acknowledges no append of an
/// older term.
public struct VoteReply: Hashable, Sendable {
    public enum Verdict: UInt8, Hashable, Sendable {
        case granted, stale, voted, leaderAlive, logBehind
        /// The voter was never admitted to a group, its log is corrupt or its disk is full.
        case unable
    }
    /// The term that was asked about, which tells a late answer to an earlier campaign apart.
    public var requestTerm: Term
    public var verdict: Verdict
    public var last: LogPosition
    public var snapshot: LogIndex
    /// Bytes of the voter's entries after the candidate's commit index, as far as it holds them.
    public var bytesSinceCommit: Int
    public init(requestTerm: Term, verdict: Verdict, last: LogPosition, snapshot: LogIndex, bytesSinceCommit: Int) {
        self.requestTerm = requestTerm
        self.verdict = verdict
        self.last = last
        self.snapshot = snapshot
        self.bytesSinceCommit = bytesSinceCommit
    }
}

/// Asks the holder of the best log for what follows `previous` (rule C4 of the article Elections).
public struct Fetch: Hashable, Sendable {
    public var previous: LogPosition
    /// The holder answers only while this is its own last position.
    public var target: LogPosition
    /// The byte from which the holder's snapshot is wanted, if it has compacted past `previous`.
    public var snapshotOffset: Int
    public init(previous: LogPosition, target: LogPosition, snapshotOffset: Int = 0) {
        self.previous = previous
        self.target = target
        self.snapshotOffset = snapshotOffset
    }
}

public struct FetchReply: Hashable, Sendable {
    public enum Content: Hashable, Sendable {
        /// The entries after `previous`.
        case entries([LogEntry])
        /// `previous` is not in the holder's log: continue from here, at most its term's first index before the
        /// conflict.
        case conflict(LogPosition)
        /// The holder has compacted past `previous`: its snapshot comes in chunks instead.
        case snapshot(SnapshotChunk)
        /// The holder's log is no longer the target.
        case miss
    }
    public var target: LogPosition
    public var previous: LogPosition
    public var content: Content
    public init(target: LogPosition, previous: LogPosition, content: Content) {
        self.target = target
        self.previous = previous
        self.content = content
    }
}

/// Entries after `previous`, and how far the leader has committed.
public struct Append: Hashable, Sendable {
    public var previous: LogPosition
    public var entries: [LogEntry]
    public var commit: LogIndex
    public init(previous: LogPosition, entries: [LogEntry], commit: LogIndex) {
        self.previous = previous
        self.entries = entries
        self.commit = commit
    }
}

/// Answers `Append`, once the entries are durable.
public enum AppendReply: Hashable, Sendable {
    /// The follower's log equals the leader's up to here, durably.
    case matches(through: LogIndex)
    /// `previous` is not in the follower's log. `hint` is the last position that both may have (thesis §3.5, by terms).
    case conflict(previous: LogIndex, hint: LogPosition)
}

/// Tells followers that the leader is alive; carries no entries and never waits for a disk.
public struct Heartbeat: Hashable, Sendable {
    /// Counts the leader's rounds: a quorum of answers to a round proves that it led when the round began.
    public var round: UInt64
    /// The commit index, limited to what this follower is known to hold.
    public var commit: LogIndex
    public init(round: UInt64, commit: LogIndex) {
        self.round = round
        self.commit = commit
    }
}

public struct HeartbeatReply: Hashable, Sendable {
    public var round: UInt64
    public init(round: UInt64) { self.round = round }
}

/// A piece of a snapshot. The receiver keeps the pieces of one snapshot even if the sender changes, and says where to
/// continue.
public struct SnapshotChunk: Hashable, Sendable {
    public var identity: SnapshotIdentity
    public var offset: Int
    public var bytes: [UInt8]
    public init(identity: SnapshotIdentity, offset: Int, bytes: [UInt8]) {
        self.identity = identity
        self.offset = offset
        self.bytes = bytes
    }
}

public enum SnapshotReply: Hashable, Sendable {
    /// Send from here on.
    case next(offset: Int, of: LogPosition)
    /// The snapshot is whole, checked and durable, or not needed because the log reaches further.
    case installed(LogPosition)
}
