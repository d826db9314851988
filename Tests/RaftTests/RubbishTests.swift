// Owns that no message, however made, ends a core or breaks what it holds.
import Raft
import Testing
import Topology

struct RubbishTests {
    @Test(arguments: 0..<20)
    func nothingThatAPeerSendsBreaksTheCore(_ seed: UInt64) {
        let node = SingleCore(terms: [Term(1), Term(2)], policy: ElectionPolicy.allCases[Int(seed % 3)])
        var rubbish = Rubbish(random: RandomBits(seed: seed))
        var commit = LogIndex.zero
        for turn in 0..<2_000 {
            _ = node.give(.received(rubbish.message(near: node.core.term)))
            if turn % 7 == 0 { node.sync() }
            if turn % 50 == 0 { _ = node.tickAtDeadline() }
            #expect(node.core.violation == nil)
            #expect(node.core.commit >= commit)
            commit = node.core.commit
        }
        #expect(node.core.rejectedMessages > 0)
    }
}

/// Makes messages from random parts, most of which are nearly plausible.
private struct Rubbish {
    var random: RandomBits

    mutating func number() -> UInt64 {
        switch random.below(12) {
        case 0: random.next()
        case 1: .max
        default: UInt64(random.below(8))
        }
    }

    mutating func position() -> LogPosition { LogPosition(term: Term(number()), index: LogIndex(number())) }

    mutating func message(near term: Term) -> RaftMessage {
        let names = (0..<4).map { Cluster.name($0) }
        let to = random.below(20) == 0 ? names[1] : names[0]
        let around = random.below(10) == 0 ? number() : term.number &+ UInt64(random.below(3)) &- 1
        return RaftMessage(from: names[random.below(4)], to: to, term: Term(around), body(near: term))
    }

    mutating func body(near term: Term) -> RaftMessage.Body {
        switch random.below(15) {
        case 0: .preVote(request())
        case 1: .preVoteReply(reply(near: term))
        case 2: .vote(request())
        case 3, 4: .voteReply(reply(near: term))
        case 5:
            .fetch(Fetch(previous: position(), target: position(), snapshotOffset: Int(truncatingIfNeeded: number())))
        case 6: .fetchReply(FetchReply(target: position(), previous: position(), content: content()))
        case 7: .collecting
        case 8: append()
        case 9: .appendReply(.matches(through: LogIndex(number())))
        case 10: .appendReply(.conflict(previous: LogIndex(number()), hint: position()))
        case 11: .heartbeat(Heartbeat(round: number(), commit: LogIndex(number())))
        case 12: .heartbeatReply(HeartbeatReply(round: number()))
        case 13: .snapshotChunk(chunk())
        default:
            random.below(2) == 0
                ? .campaignNow : .snapshotReply(.next(offset: Int(truncatingIfNeeded: number()), of: position()))
        }
    }

    mutating func request() -> VoteRequest {
        VoteRequest(
            last: position(), commit: LogIndex(number()), mode: random.below(2) == 0 ? .raft : .collect,
            isTransfer: random.below(3) == 0)
    }

    mutating func reply(near term: Term) -> VoteReply {
        VoteReply(
            requestTerm: Term(term.number &+ UInt64(random.below(2))),
            verdict: random.below(3) == 0 ? .logBehind : .granted,
            last: position(), snapshot: LogIndex(number()), bytesSinceCommit: Int(truncatingIfNeeded: number()))
    }

    mutating func append() -> RaftMessage.Body {
        let previous = position()
        return .append(Append(previous: previous, entries: entries(after: previous), commit: LogIndex(number())))
    }

    mutating func entries(after previous: LogPosition) -> [LogEntry] {
        (0..<random.below(4)).map { offset in
            let index = random.below(20) == 0 ? number() : previous.index.number &+ UInt64(offset + 1)
            return LogEntry(
                LogPosition(term: Term(previous.term.number &+ UInt64(offset / 2)), index: LogIndex(index)), payload())
        }
    }

    mutating func payload() -> LogEntry.Payload {
        switch random.below(6) {
        case 0:
            .configuration(Configuration(cluster: number(), members: (0..<random.below(4)).map { Cluster.member($0) }))
        case 1: .noop
        default: .command(Command(session: number(), sequence: number(), bytes: [1]))
        }
    }

    mutating func content() -> FetchReply.Content {
        switch random.below(4) {
        case 0: .entries(entries(after: position()))
        case 1: .conflict(position())
        case 2: .snapshot(chunk())
        default: .miss
        }
    }

    mutating func chunk() -> SnapshotChunk {
        let bytes = [UInt8](repeating: 0, count: random.below(30))
        let identity = SnapshotIdentity(
            position: position(), configuration: SingleCore.configuration,
            byteCount: random.below(2) == 0 ? bytes.count : Int(truncatingIfNeeded: number()),
            checksum: CRC32C.of(bytes))
        return SnapshotChunk(
            identity: identity, offset: random.below(3) == 0 ? Int(truncatingIfNeeded: number()) : 0, bytes: bytes)
    }
}
