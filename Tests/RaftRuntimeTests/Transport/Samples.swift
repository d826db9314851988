// Owns one of every message, for the tests of the codec.
import Raft
import Topology

@testable import RaftRuntime

/// What a frame can hold, each kind at least once.
enum Samples {
    static let members = [
        Member(
            id: NodeID("aps1-a"), incarnation: 0xAAAA_BBBB_CCCC_DDDD, role: .observer,
            address: .host("2001:db8::1", port: 7946), datacenter: DatacenterName("ap-south"), rank: 2),
        Member(
            id: NodeID("use1-a"), incarnation: 7, role: .voter, address: .host("use1.example.com", port: 7946),
            datacenter: DatacenterName("us-east")),
    ]
    static let configuration = Configuration(
        cluster: 0x0102_0304_0506_0708, members: members, outgoing: [members[1]], replicationQuorum: 1,
        timing: GroupTiming(
            heartbeat: .milliseconds(50), electionTimeout: .milliseconds(300), lease: .milliseconds(1200)),
        outgoingReplicationQuorum: 2)

    static func position(_ term: UInt64, _ index: UInt64) -> LogPosition {
        LogPosition(term: Term(term), index: LogIndex(index))
    }

    static let entries = [
        LogEntry(position(3, 11), .noop),
        LogEntry(position(3, 12), .configuration(configuration)),
        LogEntry(position(4, 13), .command(Command(session: .max, sequence: 9, bytes: [1, 2, 3]))),
        LogEntry(position(4, 14), .command(Command(session: 0, sequence: 0, bytes: []))),
    ]

    static let chunk = SnapshotChunk(
        identity: SnapshotIdentity(
            position: position(2, 8), configuration: configuration, byteCount: 10, checksum: 0xDEAD_BEEF),
        offset: 4, bytes: [9, 8, 7])

    static let bodies: [RaftMessage.Body] =
        [
            .preVote(VoteRequest(last: position(1, 2), commit: LogIndex(1), mode: .raft, isTransfer: false)),
            .vote(VoteRequest(last: position(1, 2), commit: LogIndex(2), mode: .collect, isTransfer: true)),
            .fetch(Fetch(previous: position(1, 2), target: position(3, 4), snapshotOffset: 1 << 40)),
            .fetchReply(FetchReply(target: position(5, 20), previous: position(3, 10), content: .entries(entries))),
            .fetchReply(FetchReply(target: position(5, 20), previous: position(3, 10), content: .entries([]))),
            .fetchReply(FetchReply(target: position(5, 20), previous: .zero, content: .conflict(position(2, 3)))),
            .fetchReply(FetchReply(target: position(5, 20), previous: .zero, content: .conflict(.zero))),
            .fetchReply(FetchReply(target: position(5, 20), previous: .zero, content: .snapshot(chunk))),
            .fetchReply(FetchReply(target: position(5, 20), previous: .zero, content: .miss)),
            .collecting,
            .append(Append(previous: position(3, 10), entries: entries, commit: LogIndex(9))),
            .append(Append(previous: .zero, entries: [], commit: .zero)),
            .appendReply(.matches(through: .zero)),
            .appendReply(.matches(through: LogIndex(77))),
            .appendReply(.conflict(previous: LogIndex(10), hint: position(1, 6))),
            .heartbeat(Heartbeat(round: 5, commit: LogIndex(6))),
            .heartbeatReply(HeartbeatReply(round: 5)),
            .snapshotChunk(chunk),
            .snapshotReply(.next(offset: 0, of: position(2, 8))),
            .snapshotReply(.installed(position(2, 8))),
            .campaignNow,
        ]
        + [VoteReply.Verdict.granted, .stale, .voted, .leaderAlive, .logBehind, .unable].flatMap {
            let reply = VoteReply(
                requestTerm: Term(4), verdict: $0, last: position(3, 9), snapshot: LogIndex(2), bytesSinceCommit: 1_000)
            return [RaftMessage.Body.preVoteReply(reply), .voteReply(reply)]
        }

    static let identity = PeerIdentity(
        node: NodeID("use1-a"), incarnation: 0x1122_3344_5566_7788, cluster: 0x0102_0304_0506_0708,
        membersDigest: 0xFFFF_FFFF_FFFF_FFFF, formatLevel: 3)

    static let frames: [PeerFrame] =
        [
            .hello(PeerHello(identity: identity, to: NodeID("euw1-a"), lane: .bulk)),
            .welcome(
                PeerHello(
                    version: 9, minimumVersion: 3,
                    identity: PeerIdentity(node: NodeID("b"), incarnation: 0, cluster: 0), to: NodeID("a"),
                    lane: .urgent)),
            .call(number: 3, PeerCall(kind: 12, bytes: [1, 2]), timeout: .milliseconds(1_500)),
            .call(number: .max, PeerCall(kind: 0, bytes: []), timeout: .zero),
            .reply(number: 3, .bytes([])),
            .reply(number: 4, .bytes([5])),
            .reply(number: 5, .refusal("not now")),
            .ping(0), .ping(.max), .pong(1),
        ] + PeerRefusalReason.allCases.map { .refusal(PeerRefusal($0, "because of é")) }
        + bodies.map { .raft(cluster: 0x0102_0304_0506_0708, term: Term(4), $0) }
        + [.raft(cluster: 0, term: .zero, .campaignNow)]
}
