// Owns the rules of voters and candidates, one by one (Raft §5.2, §5.4.1; thesis §3.10, §4.2.3, §9.6; Elections V1-V7).
import Raft
import Testing
import Topology

struct ElectionTests {
    /// Thesis §9.6: without an answer to a lower term the candidate would use that term forever.
    @Test func lowTermPreVoteIsAnswered() {
        let voter = SingleCore { $0.hardState.term = Term(5) }
        let effects = voter.hear(.preVote(request(position(1, 1))), term: 3)
        let reply = VoteReply(
            requestTerm: Term(3), verdict: .stale, last: position(1, 1), snapshot: .zero,
            bytesSinceCommit: 32 + 128 * 3)
        #expect(effects == [.send(voter.message(.preVoteReply(reply), term: 5), after: nil)])

        let asker = SingleCore()
        _ = asker.tickAtDeadline()
        #expect(asker.core.role == .preCandidate)
        _ = asker.hear(.preVoteReply(reply), term: 5)
        #expect(asker.core.term == Term(5))
        asker.sync()
        _ = asker.tickAtDeadline()
        #expect(asker.core.role == .preCandidate)
    }

    /// No other node could lead: a proxy that is a group of one serves as soon as its vote is durable.
    @Test func theOnlyVoterWaitsForNobody() {
        let node = SingleCore(configuration: Configuration(cluster: 7, members: [Cluster.member(0)]))
        node.sync()
        node.sync()
        #expect(node.core.role == .leader)
        #expect(node.core.leadsFully)
        #expect(node.now == .zero)
    }

    @Test func preCandidateForgetsItsLeader() {
        let node = SingleCore()
        _ = node.hear(.heartbeat(Heartbeat(round: 1, commit: .zero)), term: 2)
        #expect(node.core.leader == Cluster.name(1))
        node.sync()
        _ = node.tickAtDeadline()
        #expect(node.core.role == .preCandidate)
        #expect(node.core.leader == nil)
        #expect(node.hear(.preVote(request(position(1, 1))), term: 3, from: 2).verdicts == [.granted])
    }

    @Test func grantingAPreVoteDoesNotResetTheTimer() {
        let node = SingleCore()
        let deadline = node.core.nextDeadline
        node.now = node.now + .milliseconds(700)
        #expect(node.hear(.preVote(request(position(1, 1))), term: 2).verdicts == [.granted])
        #expect(node.core.nextDeadline == deadline)
        #expect(node.core.term == Term(1))
        #expect(node.hear(.vote(request(position(1, 1))), term: 2).verdicts == [.granted])
        #expect(node.core.nextDeadline > deadline)
    }

    /// A process that was not scheduled for a while gets its timer and the leader's heartbeat in the same turn.
    @Test func heartbeatThatHasComeCountsBeforeTimeIsJudged() {
        let node = SingleCore()
        node.now = node.core.nextDeadline + .seconds(1)
        let heartbeat = RaftMessage.Body.heartbeat(Heartbeat(round: 1, commit: .zero))
        let message = RaftMessage(from: Cluster.name(1), to: Cluster.name(0), term: Term(1), heartbeat)
        let effects = node.give(.tick, .received(message))
        #expect(node.core.role == .follower)
        #expect(node.core.leader == Cluster.name(1))
        #expect(effects.messages.count == 1)
        #expect(node.core.nextDeadline > node.now)
    }

    /// Thesis §3.10.
    @Test func transferSkipsPreVote() {
        let node = SingleCore()
        _ = node.hear(.heartbeat(Heartbeat(round: 1, commit: .zero)), term: 2)
        _ = node.give(.persisted(PersistToken(1)))
        let effects = node.hear(.campaignNow, term: 2)
        let ask = RaftMessage.Body.vote(request(position(1, 1), isTransfer: true))
        #expect(
            effects == [
                .persist(
                    PersistBatch(
                        token: PersistToken(2), hardState: HardState(term: Term(3), votedFor: Cluster.name(0)))),
                .send(node.message(ask, term: 3, to: 1), after: PersistToken(2)),
                .send(node.message(ask, term: 3, to: 2), after: PersistToken(2)),
                .changedRole(RoleReport(role: .candidate, term: Term(3), leader: nil)),
            ])

        let voter = SingleCore()
        _ = voter.hear(.heartbeat(Heartbeat(round: 1, commit: .zero)), term: 2)
        #expect(voter.hear(.vote(request(position(1, 1))), term: 3, from: 2).verdicts == [.leaderAlive])
        #expect(voter.core.term == Term(2))
        #expect(voter.hear(.vote(request(position(1, 1), isTransfer: true)), term: 3, from: 2).verdicts == [.granted])
    }

    @Test func preVoteRepliesNeverCountAsVotes() {
        let node = SingleCore()
        _ = node.tickAtDeadline()
        let promise = VoteReply(
            requestTerm: Term(2), verdict: .granted, last: position(1, 1), snapshot: .zero, bytesSinceCommit: 0)
        _ = node.hear(.preVoteReply(promise), term: 1)
        #expect(node.core.role == .candidate)
        _ = node.give(.persisted(PersistToken(1)))
        _ = node.hear(.preVoteReply(promise), term: 1, from: 2)
        #expect(node.core.role == .candidate)
        _ = node.hear(.voteReply(promise), term: 2, from: 2)
        #expect(node.core.role == .leader)
    }

    /// V4: the reply waits for the vote's write, and with it for appends before it.
    @Test func voteWaitsForTheDisk() {
        let node = SingleCore()
        let effects = node.hear(.vote(request(position(1, 1))), term: 2)
        let reply = VoteReply(
            requestTerm: Term(2), verdict: .granted, last: position(1, 1), snapshot: .zero,
            bytesSinceCommit: 32 + 128 * 3)
        #expect(
            effects == [
                .persist(
                    PersistBatch(
                        token: PersistToken(1), hardState: HardState(term: Term(2), votedFor: Cluster.name(1)))),
                .send(node.message(.voteReply(reply), term: 2), after: PersistToken(1)),
                .changedRole(RoleReport(role: .follower, term: Term(2), leader: nil)),
            ])
        #expect(node.hear(.vote(request(position(1, 1))), term: 2, from: 2).verdicts == [.voted])
    }

    /// V3 and V7 (Raft §5.4.1).
    @Test func comparesLogsOnlyInModeRaft() {
        let node = SingleCore(terms: [Term(2)])
        #expect(node.hear(.vote(request(position(1, 9))), term: 3).verdicts == [.logBehind])
        #expect(node.hear(.vote(request(position(1, 9), mode: .collect)), term: 3).verdicts == [.granted])
        let corrupt = SingleCore { $0.isCorrupt = true }
        #expect(corrupt.hear(.vote(request(position(1, 9))), term: 3).verdicts == [.unable])
    }

    /// V5: what an old leader sends after the vote changes nothing.
    @Test func oldLeadersAppendAfterTheVoteIsRefused() {
        let node = SingleCore()
        _ = node.hear(.vote(request(position(1, 1), mode: .collect)), term: 2, from: 2)
        let entry = LogEntry(position(1, 2), .noop)
        let effects = node.hear(
            .append(Append(previous: position(1, 1), entries: [entry], commit: LogIndex(2))), term: 1)
        #expect(
            effects == [.send(node.message(.heartbeatReply(HeartbeatReply(round: 0)), term: 2), after: nil)])
        #expect(node.core.last == position(1, 1))
    }

    /// V6.
    @Test func voterThatAdvancedItsTermAnswersNoFetch() {
        let node = SingleCore(terms: [Term(1)])
        _ = node.hear(.vote(request(position(1, 1), mode: .collect)), term: 2, from: 1)
        let fetch = RaftMessage.Body.fetch(Fetch(previous: position(1, 1), target: position(1, 2)))
        #expect(node.hear(fetch, term: 2).messages.count == 1)
        _ = node.hear(.vote(request(position(1, 1), mode: .collect)), term: 3, from: 2)
        #expect(node.hear(fetch, term: 2) == [])
    }

    /// Thesis §4.2.3.
    @Test func removedServerCannotDisrupt() throws {
        var cluster = Cluster(voters: 4)
        let elected = cluster.elect()
        let leader = try #require(elected)
        let removed = (leader + 1) % 4
        let members = cluster.nodes.indices.filter { $0 != removed }.map { cluster.nodes[$0].member }
        let change = cluster.ask(leader) { .changeMembers($0, MembershipChange(members: members)) }
        cluster.run(.seconds(1))
        guard case .applied = cluster.nodes[leader].answers[change] else {
            Issue.record("the change did not end: \(String(describing: cluster.nodes[leader].answers[change]))")
            return
        }
        let term = cluster.nodes[leader].core?.term
        cluster.restart(removed)
        cluster.run(.seconds(20))
        #expect(cluster.leader == leader)
        #expect(cluster.nodes[leader].core?.term == term)
    }

    /// No change of the configuration before an entry of the leader's own term is committed.
    @Test func noConfigurationBeforeAnOwnCommit() throws {
        var cluster = Cluster(voters: 3)
        _ = cluster.run { $0.leader != nil }
        let leader = try #require(cluster.leader)
        let members = cluster.nodes.indices.filter { $0 != (leader + 1) % 3 }.map { cluster.nodes[$0].member }
        let early = cluster.ask(leader) { .changeMembers($0, MembershipChange(members: members)) }
        #expect(
            cluster.nodes[leader].answers[early]
                == .refused("the leader has not committed an entry of its term yet"))
    }
}
