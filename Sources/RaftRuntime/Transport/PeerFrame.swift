// Owns what can be said on a connection between members.
internal import Raft
internal import Topology

/// One frame, in this program's own words; `PeerCodec` turns it into bytes.
enum PeerFrame: Hashable, Sendable {
    case hello(PeerHello)
    case welcome(PeerHello)
    case refusal(PeerRefusal)
    case raft(cluster: UInt64, term: Term, RaftMessage.Body)
    case call(number: UInt64, PeerCall, timeout: Duration)
    case reply(number: UInt64, PeerReplyContent)
    case ping(UInt64)
    case pong(UInt64)
}

/// What both sides say first.
struct PeerHello: Hashable, Sendable {
    /// The version of this program's protocol, and the oldest that it still speaks.
    static let currentVersion: UInt32 = 1
    static let oldestVersion: UInt32 = 1

    var version = PeerHello.currentVersion
    var minimumVersion = PeerHello.oldestVersion
    var identity: PeerIdentity
    /// Whom the sender means to talk to.
    var to: NodeID
    var lane: PeerLaneKind

    /// Whether both sides speak a common version.
    func isCompatible(with other: PeerHello) -> Bool {
        version >= other.minimumVersion && other.version >= minimumVersion
    }
}

/// Two connections lead to each peer, so that nothing urgent waits behind what is large: not in a queue of ours, and not
/// in the kernel's.
enum PeerLaneKind: UInt8, Hashable, Sendable, CaseIterable {
    /// Heartbeats, votes, every reply, and small calls.
    case urgent
    /// Entries and snapshots, in order among themselves, and large calls.
    case bulk
}

extension RaftMessage.Body {
    /// Appends stay in one lane, also empty ones: overtaking another would look like a conflict to the follower.
    var lane: PeerLaneKind {
        switch self {
        case .append, .fetchReply, .snapshotChunk: .bulk
        default: .urgent
        }
    }

    /// About how many bytes it has on the wire.
    var cost: Int {
        switch self {
        case .append(let append): 64 + append.entries.reduce(0) { $0 + $1.cost }
        case .snapshotChunk(let chunk): 256 + chunk.bytes.count
        case .fetchReply(let reply):
            switch reply.content {
            case .entries(let entries): 96 + entries.reduce(0) { $0 + $1.cost }
            case .snapshot(let chunk): 256 + chunk.bytes.count
            case .conflict, .miss: 96
            }
        default: 64
        }
    }
}
