// Owns the collecting election (Elections C1-C7), on whole groups.
import Raft
import Testing
import Topology

struct CollectTests {
    /// Five nodes, of which only a is connected to all others, and a lags.
    private func constrained(_ policy: ElectionPolicy) -> Cluster {
        let ahead = [Term(1), Term(1), Term(2)]
        var cluster = Cluster(voters: 5, policy: policy, entries: [[Term(1)], ahead, ahead, ahead, ahead])
        for one in 1..<5 {
            for other in 1..<5 where one != other { cluster.disconnect(one, other) }
        }
        return cluster
    }

    @Test func raftStaysLeaderlessWhereOnlyALaggingNodeIsConnected() {
        var cluster = constrained(.raft)
        cluster.run(.seconds(60))
        #expect(cluster.leader == nil)
    }

    @Test(arguments: [ElectionPolicy.auto, .paxos])
    func collectingElectsWhereOnlyALaggingNodeIsConnected(_ policy: ElectionPolicy) {
        var cluster = constrained(policy)
        let elected = cluster.elect()
        #expect(elected == 0)
        cluster.propose("after", at: 0)
        cluster.run(.seconds(1))
        for node in cluster.nodes { #expect(node.values == ["t1i2", "t1i3", "t2i4", "after"]) }
    }

    /// A crash after any write of an adoption leaves a valid log, and the group can still elect.
    @Test(arguments: 0..<12)
    func crashInMidAdoption(_ writes: Int) {
        var limits = RaftLimits()
        limits.messageBytes = 1
        var cluster = Cluster(
            voters: 3, policy: .paxos, limits: limits,
            entries: [[Term(1), Term(1)], Array(repeating: Term(2), count: 8), [Term(1)]])
        cluster.disconnect(1, 2)
        cluster.nodes[0].disk.isHeld = true
        _ = cluster.run { $0.nodes[0].disk.writes.isEmpty == false }
        for _ in 0..<writes {
            cluster.run(.milliseconds(20))
            cluster.syncFirst(0)
        }
        cluster.crash(0)
        cluster.crash(2)
        cluster.nodes[0].disk.isHeld = false
        cluster.start(0)
        let elected = cluster.elect()
        #expect(elected != nil)
        cluster.heal()
        cluster.start(2)
        cluster.run(.seconds(10))
        #expect(cluster.leader != nil)
        for node in cluster.nodes { #expect(node.values.count == 8, "\(node.member.id)") }
    }

    /// Three nodes: one dead, one late, and one that has compacted past all that the late one holds; only the late
    /// one's rank lets it campaign in time.
    @Test func holderHasCompacted() throws {
        var limits = RaftLimits()
        limits.logBytesBeforeSnapshot = 300
        limits.entriesKeptBehindSnapshot = 0
        limits.chunkBytes = 100
        var cluster = Cluster(voters: 3, ranks: [0, 0, 8], policy: .paxos, limits: limits)
        cluster.isolate(0)
        _ = cluster.run { $0.nodes[1].core?.leadsFully ?? false }
        for count in 0..<40 {
            cluster.propose("value \(count)", at: 1)
            cluster.run(.milliseconds(20))
        }
        cluster.crash(1)
        cluster.heal()
        cluster.keepsSent = true
        let leads = cluster.run(atMost: .seconds(60)) { $0.leader == 0 }
        #expect(leads)
        let chunks = cluster.sent.count {
            guard case .fetchReply(let reply) = $0.body, case .snapshot = reply.content else { return false }
            return true
        }
        #expect(chunks > 2)
        cluster.start(1)
        cluster.run(.seconds(2))
        for node in cluster.nodes { #expect(node.values == (0..<40).map { "value \($0)" }) }
    }

    /// C5: the adopted log says that the group is {a, b} joint with {c, d, e}. The candidate knew only the first half,
    /// so its two votes are no quorum, and it asks the others in the same term.
    @Test func staleConfigurationAtTheCandidate() throws {
        let members = (0..<5).map { Cluster.member($0) }
        let old = Configuration(cluster: 7, members: Array(members[..<2]))
        let joint = Configuration(cluster: 7, members: Array(members[2...]), outgoing: Array(members[..<2]))
        let node = SingleCore(policy: .paxos, configuration: old)
        _ = node.tickAtDeadline()
        let promise = VoteReply(
            requestTerm: Term(2), verdict: .granted, last: position(1, 2), snapshot: .zero, bytesSinceCommit: 500)
        _ = node.hear(.preVoteReply(promise), term: 1)
        node.sync()
        let fetch = Fetch(previous: position(1, 1), target: position(1, 2))
        #expect(node.hear(.voteReply(promise), term: 2).messages.contains(node.message(.fetch(fetch), term: 2)))
        #expect(node.core.role == .collecting)
        let entry = LogEntry(position(1, 2), .configuration(joint))
        let reply = FetchReply(target: fetch.target, previous: fetch.previous, content: .entries([entry]))
        _ = node.hear(.fetchReply(reply), term: 2)
        let asked = node.give(.persisted(PersistToken(2))).messages.filter {
            if case .vote = $0.body { true } else { false }
        }
        #expect(asked.map(\.to) == [Cluster.name(2), Cluster.name(3), Cluster.name(4)])
        #expect(asked.allSatisfy { $0.term == Term(2) })
        let grant = VoteReply(
            requestTerm: Term(2), verdict: .granted, last: position(1, 1), snapshot: .zero, bytesSinceCommit: 0)
        _ = node.hear(.voteReply(grant), term: 2, from: 2)
        #expect(node.core.role == .collecting)
        _ = node.hear(.voteReply(grant), term: 2, from: 4)
        #expect(node.core.role == .leader)
    }

    /// C7: a collection without progress yields to raft mode.
    @Test func silentHolderIsGivenUp() {
        let node = SingleCore(policy: .paxos)
        _ = node.tickAtDeadline()
        let promise = VoteReply(
            requestTerm: Term(2), verdict: .granted, last: position(1, 2), snapshot: .zero, bytesSinceCommit: 50)
        _ = node.hear(.preVoteReply(promise), term: 1)
        node.sync()
        _ = node.hear(.voteReply(promise), term: 2)
        #expect(node.core.role == .collecting)
        while node.core.role == .collecting { _ = node.tickAtDeadline() }
        #expect(node.core.role == .follower)
        #expect(node.now < .zero + .seconds(4))
        let asked = node.tickAtDeadline().messages.compactMap { message -> VoteRequest.Mode? in
            guard case .preVote(let request) = message.body else { return nil }
            return request.mode
        }
        #expect(asked == [.raft, .raft])
    }

    @Test(arguments: 0..<10)
    func twoCollectors(_ seed: UInt64) {
        let ahead = [Term(1), Term(2)]
        var cluster = Cluster(
            voters: 5, policy: .paxos, seed: seed, entries: [[], [Term(1)], ahead, ahead, ahead])
        cluster.give(.tick, to: 0)
        let elected = cluster.elect()
        #expect(elected != nil)
        cluster.run(.seconds(2))
        for node in cluster.nodes { #expect(node.values == ["t1i2", "t2i3"]) }
    }
}
