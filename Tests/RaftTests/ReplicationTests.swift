// Owns the tests of replication: pipelines, conflicts, restarts, failing disks, garbage (Raft §5.3-§5.5; thesis
// §10.2.1).
import Raft
import Testing
import Topology

struct ReplicationTests {
    /// The leader sends entries before its own write is done, and counts itself only afterwards (thesis §10.2.1).
    @Test func leaderCountsItselfOnlyWhenDurable() throws {
        var cluster = Cluster(voters: 3)
        let elected = cluster.elect()
        let leader = try #require(elected)
        cluster.crash((leader + 1) % 3)
        cluster.nodes[leader].disk.isHeld = true
        let request = cluster.propose("x", at: leader)
        cluster.run(.milliseconds(50))
        #expect(cluster.nodes[(leader + 2) % 3].core?.last.index == LogIndex(3))
        #expect(cluster.nodes[leader].answers[request] == nil)
        cluster.sync(leader)
        #expect(cluster.nodes[leader].answers[request] == .applied(LogIndex(3)))
    }

    /// An empty node may get its first configuration and committed commands at once: the state hears of the group
    /// first.
    @Test func configurationIsToldBeforeCommandsAreApplied() throws {
        var core = RaftCore(
            id: Cluster.name(0), incarnation: 100, random: RandomBits(seed: 1), restored: RestoredState(), now: .zero)
        var effects: [RaftEffect] = []
        core.step(.tick, now: .zero, into: &effects)
        effects = []
        let entries = Cluster.state(SingleCore.configuration, terms: [Term(1)]).entries
        let body = RaftMessage.Body.append(Append(previous: .zero, entries: entries, commit: LogIndex(2)))
        let message = RaftMessage(from: Cluster.name(1), to: Cluster.name(0), term: Term(1), body)
        core.step(.received(message), now: .zero, into: &effects)
        let told = try #require(effects.firstIndex(of: .changedConfiguration(SingleCore.configuration)))
        let applied = try #require(
            effects.firstIndex { effect in
                if case .apply = effect { true } else { false }
            })
        #expect(told < applied)
    }

    /// A follower's effects: one write, and the answer after it.
    @Test func followerAnswersAfterItsWrite() {
        let node = SingleCore()
        let entry = LogEntry(position(2, 2), .noop)
        let effects = node.hear(
            .append(Append(previous: position(1, 1), entries: [entry], commit: LogIndex(1))), term: 2)
        #expect(
            effects == [
                .persist(
                    PersistBatch(
                        token: PersistToken(1), entries: [entry], hardState: HardState(term: Term(2)))),
                .send(node.message(.appendReply(.matches(through: LogIndex(2))), term: 2), after: PersistToken(1)),
                .changedRole(RoleReport(role: .follower, term: Term(2), leader: Cluster.name(1))),
            ])
        // A heartbeat is answered while that write is in progress.
        let beat = node.hear(.heartbeat(Heartbeat(round: 4, commit: LogIndex(1))), term: 2)
        #expect(
            beat == [.send(node.message(.heartbeatReply(HeartbeatReply(round: 4)), term: 2), after: nil)])
    }

    /// Thesis §3.5: a whole term of conflicts is skipped in one step.
    @Test func conflictHintSkipsATerm() {
        let node = SingleCore(terms: [Term(1), Term(3), Term(3), Term(3)])
        let effects = node.hear(
            .append(Append(previous: position(2, 4), entries: [], commit: .zero)), term: 4)
        #expect(
            effects.messages == [
                node.message(.appendReply(.conflict(previous: LogIndex(4), hint: position(1, 2))), term: 4)
            ])
    }

    /// §5.3: entries that are already there are not cut by a late, older message.
    @Test func lateAppendCutsNothing() {
        let node = SingleCore()
        let entries = (2...4).map { LogEntry(position(2, $0), .noop) }
        _ = node.hear(.append(Append(previous: position(1, 1), entries: entries, commit: .zero)), term: 2)
        let effects = node.hear(
            .append(Append(previous: position(1, 1), entries: [entries[0]], commit: .zero)), term: 2)
        #expect(node.core.last == position(2, 4))
        #expect(
            effects == [
                .send(node.message(.appendReply(.matches(through: LogIndex(2))), term: 2), after: PersistToken(1))
            ])
    }

    @Test func conflictingEntriesAreReplacedInOneWrite() {
        let node = SingleCore(terms: [Term(1), Term(1)])
        let entry = LogEntry(position(2, 2), .noop)
        let effects = node.hear(
            .append(Append(previous: position(1, 1), entries: [entry], commit: .zero)), term: 2)
        #expect(
            effects.first
                == .persist(
                    PersistBatch(
                        token: PersistToken(1), cutFrom: LogIndex(2), entries: [entry],
                        hardState: HardState(term: Term(2)))))
    }

    /// Nothing that a peer sends cuts what is committed.
    @Test func committedEntriesStay() {
        let node = SingleCore(terms: [Term(1), Term(1)])
        _ = node.hear(.append(Append(previous: position(1, 3), entries: [], commit: LogIndex(3))), term: 2)
        #expect(node.core.commit == LogIndex(3))
        let entry = LogEntry(position(2, 2), .noop)
        let effects = node.hear(
            .append(Append(previous: position(1, 1), entries: [entry], commit: .zero)), term: 2)
        #expect(effects == [])
        #expect(node.core.rejectedMessages == 1)
        #expect(node.core.last == position(1, 3))
    }

    /// §5.4.2, figure 8: an entry of an earlier term is not committed by counting.
    @Test func entriesOfEarlierTermsAreNotCommittedByCounting() {
        let node = SingleCore(terms: [Term(1)])
        _ = node.tickAtDeadline()
        let promise = VoteReply(
            requestTerm: Term(2), verdict: .granted, last: position(1, 2), snapshot: .zero, bytesSinceCommit: 0)
        _ = node.hear(.preVoteReply(promise), term: 1)
        node.sync()
        _ = node.hear(.voteReply(promise), term: 2)
        node.sync()
        _ = node.hear(.appendReply(.matches(through: LogIndex(2))), term: 2)
        #expect(node.core.commit == .zero)
        _ = node.hear(.appendReply(.matches(through: LogIndex(3))), term: 2)
        #expect(node.core.commit == LogIndex(3))
    }

    @Test func pipelineIsBounded() throws {
        var limits = RaftLimits()
        limits.messagesInFlight = 3
        limits.waitingProposals = 20
        var cluster = Cluster(voters: 3, limits: limits)
        let elected = cluster.elect()
        let leader = try #require(elected)
        cluster.run(.milliseconds(50))
        let follower = cluster.nodes[(leader + 1) % 3].member.id
        cluster.keepsSent = true
        let requests = (0..<30).map { cluster.propose("\($0)", at: leader) }
        let sent = cluster.sent.filter { if case .append = $0.body { $0.to == follower } else { false } }
        #expect(sent.count == 3)
        #expect(cluster.nodes[leader].answers[requests[20]] == .refused("too many proposals wait"))
        cluster.run(.seconds(1))
        for node in cluster.nodes { #expect(node.values == (0..<20).map(String.init)) }
    }

    /// A restarted follower that has all entries gets only heartbeats, and learns from them what is committed.
    @Test func restartedFollowerAppliesInAnIdleGroup() throws {
        var cluster = Cluster(voters: 3)
        let elected = cluster.elect()
        let leader = try #require(elected)
        cluster.propose("x", at: leader)
        cluster.run(.seconds(1))
        let follower = (leader + 1) % 3
        cluster.restart(follower)
        cluster.run(.milliseconds(500))
        #expect(cluster.nodes[follower].values == ["x"])
    }

    @Test func wholeGroupRestarts() throws {
        var cluster = Cluster(voters: 3)
        let elected = cluster.elect()
        let leader = try #require(elected)
        cluster.propose("x", at: leader)
        cluster.run(.seconds(1))
        for place in 0..<3 { cluster.crash(place) }
        for place in 0..<3 { cluster.start(place) }
        let again = cluster.elect()
        #expect(again != nil)
        cluster.run(.seconds(1))
        for node in cluster.nodes { #expect(node.values == ["x"]) }
    }

    /// A leader whose oldest write has waited longer than an election timeout steps down.
    @Test func leaderWithAStalledDiskStepsDown() throws {
        var cluster = Cluster(voters: 3)
        let elected = cluster.elect()
        let leader = try #require(elected)
        cluster.nodes[leader].disk.isHeld = true
        let request = cluster.propose("x", at: leader)
        cluster.run(.milliseconds(900))
        #expect(cluster.nodes[leader].core?.role == .leader)
        cluster.run(.seconds(4))
        #expect(cluster.nodes[leader].core?.role == .follower)
        #expect(cluster.leader != nil && cluster.leader != leader)
        // The others held it, so it was already committed.
        #expect(cluster.nodes[leader].answers[request] == .applied(LogIndex(3)))
    }

    @Test func leaderWithAFullDiskHandsOver() throws {
        var cluster = Cluster(voters: 3)
        let elected = cluster.elect()
        let leader = try #require(elected)
        cluster.give(.diskFull(true), to: leader)
        cluster.run(.milliseconds(500))
        #expect(cluster.leader != nil && cluster.leader != leader)
        let next = try #require(cluster.leader)
        cluster.propose("x", at: next)
        cluster.run(.milliseconds(500))
        #expect(cluster.nodes[leader].values == [])
        cluster.give(.diskFull(false), to: leader)
        cluster.run(.seconds(2))
        #expect(cluster.nodes[leader].values == ["x"])
    }

    /// A leader that cannot reach a quorum steps down (thesis §6.2).
    @Test func leaderWithoutAQuorumStepsDown() throws {
        var cluster = Cluster(voters: 3)
        let elected = cluster.elect()
        let leader = try #require(elected)
        cluster.isolate(leader)
        let request = cluster.propose("x", at: leader)
        let read = cluster.ask(leader) { .read($0) }
        cluster.run(.milliseconds(1_300))
        #expect(cluster.nodes[leader].core?.role != .leader)
        #expect(cluster.nodes[leader].answers[request] == .unknown)
        #expect(cluster.nodes[leader].answers[read] == .notLeader(nil))
    }

    /// Elections V7: a corrupt node has no vote until a leader has filled its log again.
    @Test func corruptNodeIsRepairedByTheLeader() throws {
        var cluster = Cluster(voters: 3)
        let elected = cluster.elect()
        let leader = try #require(elected)
        for count in 0..<5 { cluster.propose("\(count)", at: leader) }
        cluster.run(.seconds(1))
        let corrupt = (leader + 1) % 3
        cluster.crash(corrupt)
        cluster.nodes[corrupt].disk.state.entries.removeLast(3)
        cluster.nodes[corrupt].disk.state.isCorrupt = true
        cluster.start(corrupt)
        #expect(cluster.nodes[corrupt].core?.isCorrupt == true)
        cluster.run(.seconds(2))
        #expect(cluster.nodes[corrupt].core?.isCorrupt == false)
        #expect(cluster.nodes[corrupt].values == (0..<5).map(String.init))
    }

    /// Flexible quorums: two of five commit, and then it takes four to elect.
    @Test func flexibleQuorums() throws {
        var cluster = Cluster(voters: 5, replicationQuorum: 2)
        let elected = cluster.elect()
        let leader = try #require(elected)
        for step in 2..<5 { cluster.crash((leader + step) % 5) }
        let request = cluster.propose("x", at: leader)
        cluster.run(.seconds(2))
        #expect(cluster.nodes[leader].answers[request] == .applied(LogIndex(3)))
        cluster.crash(leader)
        cluster.start((leader + 2) % 5)
        cluster.start((leader + 3) % 5)
        cluster.run(.seconds(20))
        #expect(cluster.leader == nil)
        cluster.start((leader + 4) % 5)
        let next = cluster.elect()
        #expect(next != nil)
        cluster.run(.seconds(1))
        #expect(cluster.leader.map { cluster.nodes[$0].values } == ["x"])
    }
}
