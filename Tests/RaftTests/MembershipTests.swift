// Owns changes of the group: founding, joint consensus, observers, transfer (Raft §6; thesis §3.10, §4).
import Raft
import Testing
import Topology

struct MembershipTests {
    /// Five empty nodes are not a group until one founds it; the others learn of it from their logs.
    @Test(arguments: [1, 3, 5])
    func formsFromEmptyNodes(_ count: Int) throws {
        var cluster = Cluster(voters: 0)
        for place in 0..<count { cluster.add(place) }
        cluster.run(.seconds(10))
        #expect(cluster.leader == nil)
        cluster.give(.form(Configuration(cluster: 9, members: cluster.nodes.map(\.member))), to: 0)
        let elected = cluster.elect()
        let leader = try #require(elected)
        #expect(cluster.nodes[leader].core?.term ?? .zero >= Term(2))
        cluster.propose("x", at: leader)
        cluster.run(.seconds(1))
        for node in cluster.nodes { #expect(node.values == ["x"]) }
        // The second time it is ignored.
        cluster.give(.form(Configuration(cluster: 10, members: cluster.nodes.map(\.member))), to: 0)
        #expect(cluster.nodes[0].core?.configuration.cluster == 9)
    }

    /// The founder may die before anybody has heard of the group.
    @Test(arguments: [false, true])
    func founderThatCrashesFoundsAgain(_ isWritten: Bool) throws {
        var cluster = Cluster(voters: 0)
        for place in 0..<3 { cluster.add(place) }
        cluster.nodes[0].disk.isHeld = true
        let first = Configuration(cluster: 9, members: cluster.nodes.map(\.member))
        cluster.give(.form(first), to: 0)
        cluster.run(.seconds(5))
        #expect(cluster.nodes[1].core?.last == .zero)
        if isWritten { cluster.syncFirst(0) }
        cluster.crash(0)
        cluster.network = []
        cluster.nodes[0].disk.isHeld = false
        cluster.start(0)
        if !isWritten { cluster.give(.form(first), to: 0) }
        let elected = cluster.elect()
        #expect(elected != nil)
        #expect(cluster.nodes[2].core?.configuration.cluster == 9)
    }

    /// The founder's disk may take longer for the first entry than a leader's write may take.
    @Test func founderWhoseDiskStallsFoundsAgain() throws {
        var cluster = Cluster(voters: 0)
        for place in 0..<3 { cluster.add(place) }
        cluster.nodes[0].disk.isHeld = true
        cluster.give(.form(Configuration(cluster: 9, members: cluster.nodes.map(\.member))), to: 0)
        cluster.run(.seconds(5))
        #expect(cluster.nodes[0].core?.role != .leader)
        #expect(cluster.nodes[1].core?.last == .zero)
        cluster.nodes[0].disk.isHeld = false
        cluster.sync(0)
        let elected = cluster.elect()
        #expect(elected != nil)
        #expect(cluster.nodes[2].core?.configuration.cluster == 9)
    }

    /// The founder may lose its lead when only one other node has heard of the group. The two are no majority, so those
    /// that have heard nothing have to vote. Found by a seed of the simulation, in which nobody could lead any more.
    @Test func founderThatLosesItsLeadEarlyIsReplaced() throws {
        var cluster = Cluster(voters: 0)
        for place in 0..<5 { cluster.add(place) }
        for place in 2..<5 { cluster.disconnect(0, place) }
        cluster.give(.form(Configuration(cluster: 9, members: cluster.nodes.map(\.member))), to: 0)
        let isKnown = cluster.run { $0.nodes[1].core?.configuration.cluster == 9 }
        #expect(isKnown)
        // All messages are lost until the founder has given up.
        cluster.isolate(0)
        cluster.run(.seconds(10))
        cluster.heal()
        cluster.crash(0)
        let elected = cluster.elect()
        #expect(elected == 1)
        cluster.restart(0)
        cluster.run(.seconds(5))
        for node in cluster.nodes { #expect(node.core?.configuration.cluster == 9) }
    }

    /// A node that has not heard of the group is asked only by members whose configuration names it.
    @Test func emptyNodeVotesOnceATerm() {
        let empty = SingleCore { $0 = RestoredState() }
        let later = VoteRequest(last: position(1, 4), commit: LogIndex(1), mode: .raft, isTransfer: false)
        #expect(empty.hear(.preVote(later), term: 2).verdicts == [.granted])
        #expect(empty.hear(.vote(later), term: 2).verdicts == [.granted])
        #expect(empty.hear(.vote(request(position(1, 9))), term: 2, from: 2).verdicts == [.voted])
        let corrupt = SingleCore { $0 = RestoredState(isCorrupt: true) }
        #expect(corrupt.hear(.vote(later), term: 2).verdicts == [.unable])
    }

    /// The founder and one other node know that the first entry is committed. The founder's disk is lost, and the third
    /// has heard nothing.
    @Test func survivorOfTheFounderIsElectedByAnEmptyNode() throws {
        var cluster = Cluster(voters: 0)
        for place in 0..<3 { cluster.add(place) }
        cluster.isolate(2)
        cluster.give(.form(Configuration(cluster: 9, members: cluster.nodes.map(\.member))), to: 0)
        let isCommitted = cluster.run { $0.nodes[1].core?.commit ?? .zero > .zero }
        #expect(isCommitted)
        cluster.crash(0)
        cluster.heal()
        let elected = cluster.elect()
        #expect(elected == 1)
        cluster.run(.seconds(5))
        #expect(cluster.nodes[2].core?.configuration.cluster == 9)
    }

    /// A new voter first follows, then counts; the configuration is joint in between.
    @Test func addsAVoterThroughAJointConfiguration() throws {
        var cluster = Cluster(voters: 3)
        let elected = cluster.elect()
        let leader = try #require(elected)
        cluster.propose("before", at: leader)
        cluster.add(3)
        cluster.transcript = Transcript()
        let change = cluster.ask(leader) { [members = cluster.nodes.map(\.member)] in
            .changeMembers($0, MembershipChange(members: members))
        }
        let second = cluster.ask(leader) { [members = cluster.nodes.map(\.member)] in
            .changeMembers($0, MembershipChange(members: members))
        }
        #expect(cluster.nodes[leader].answers[second] == .refused("another change is under way"))
        _ = cluster.run { $0.nodes[leader].answers[change] != nil }
        try #require(cluster.transcript).compare(with: "adding-a-voter")
        cluster.run(.seconds(1))
        #expect(cluster.nodes[leader].answers[change] == .applied(LogIndex(6)))
        for node in cluster.nodes {
            #expect(node.values == ["before"])
            #expect(node.core?.configuration.members.map(\.id.text) == ["a", "b", "c", "d"])
            #expect(node.core?.configuration.isJoint == false)
        }
    }

    @Test func voterThatNeverAnswersIsNotAdded() throws {
        var cluster = Cluster(voters: 3)
        let elected = cluster.elect()
        let leader = try #require(elected)
        let members = cluster.nodes.map(\.member) + [Cluster.member(3)]
        let change = cluster.ask(leader) { .changeMembers($0, MembershipChange(members: members)) }
        cluster.run(.seconds(12))
        #expect(cluster.nodes[leader].answers[change] == .refused("the new voters do not catch up"))
        #expect(cluster.nodes[leader].core?.configuration.members.count == 3)
    }

    /// Raft §6: a leader that is not in the new configuration steps down once that is committed.
    @Test func leaderThatIsRemovedStepsDown() throws {
        var cluster = Cluster(voters: 3)
        let elected = cluster.elect()
        let leader = try #require(elected)
        let members = cluster.nodes.indices.filter { $0 != leader }.map { cluster.nodes[$0].member }
        let change = cluster.ask(leader) { .changeMembers($0, MembershipChange(members: members)) }
        cluster.run(.seconds(5))
        #expect(cluster.nodes[leader].answers[change] == .applied(LogIndex(4)))
        let next = try #require(cluster.leader)
        #expect(next != leader)
        cluster.propose("after", at: next)
        cluster.run(.seconds(1))
        #expect(cluster.nodes[next].values == ["after"])
        #expect(cluster.nodes[leader].values == [])
    }

    /// A new leader finishes the change that an old one began. Thesis §4.2.2: only the log of the removed leader has
    /// the latest configuration. The other node cannot be elected while that log is ahead, so the removed one has to
    /// campaign. Found by a seed of the simulation.
    @Test func leaderThatLeavesIsNeededUntilAllIsCommitted() throws {
        var cluster = Cluster(voters: 2, policy: .raft)
        let elected = cluster.elect()
        let leader = try #require(elected)
        let other = 1 - leader
        let members = [cluster.nodes[other].member]
        cluster.ask(leader) { .changeMembers($0, MembershipChange(members: members)) }
        let isAppended = cluster.run {
            $0.nodes[leader].core.map { $0.configuration.members == members && !$0.configuration.isJoint } ?? false
        }
        #expect(isAppended)
        cluster.isolate(leader)
        cluster.network = []
        cluster.run(.seconds(2))
        cluster.crash(leader)
        cluster.restart(leader)
        #expect(cluster.nodes[leader].core?.configuration.isJoint == false)
        #expect(cluster.nodes[other].core?.configuration.isJoint == true)
        cluster.heal()
        cluster.run(.seconds(10))
        #expect(cluster.leader == other)
        #expect(cluster.nodes[other].core?.configuration.members == members)
        #expect(cluster.nodes[leader].core?.role == .follower)
        let request = cluster.propose("x", at: other)
        cluster.run(.seconds(1))
        #expect(cluster.nodes[other].answers[request] != nil)
    }

    @Test func jointConfigurationIsFinishedByTheNextLeader() throws {
        var cluster = Cluster(voters: 5)
        let elected = cluster.elect()
        let leader = try #require(elected)
        let gone = (leader + 1) % 5
        let members = cluster.nodes.indices.filter { $0 != gone }.map { cluster.nodes[$0].member }
        cluster.ask(leader) { .changeMembers($0, MembershipChange(members: members)) }
        _ = cluster.run { cluster in
            cluster.nodes.count { $0.core?.configuration.isJoint ?? false } >= 3
        }
        cluster.crash(leader)
        cluster.run(.seconds(10))
        let next = try #require(cluster.leader)
        #expect(cluster.nodes[next].core?.configuration.isJoint == false)
        #expect(cluster.nodes[next].core?.configuration.members.count == 4)
    }

    @Test func observersFollowAndCountNowhere() throws {
        var cluster = Cluster(voters: 1, observers: 2)
        cluster.isolate(1)
        cluster.isolate(2)
        let elected = cluster.elect()
        let leader = try #require(elected)
        #expect(leader == 0)
        let request = cluster.propose("x", at: 0)
        cluster.run(.seconds(3))
        #expect(cluster.nodes[0].answers[request] == .applied(LogIndex(3)))
        cluster.heal()
        cluster.run(.seconds(1))
        #expect(cluster.nodes[1].values == ["x"])
        cluster.crash(0)
        cluster.run(.seconds(10))
        #expect(cluster.nodes[1].core?.role == .follower)
        #expect(cluster.nodes[1].core?.leader == nil)
    }

    /// Thesis §4.1: a node grants even if its own log does not yet say that it is a voter; otherwise nobody could lead.
    @Test func voterThatDoesNotKnowThatItIsOneGrants() {
        var members = (0..<3).map { Cluster.member($0) }
        members[0].role = .observer
        let node = SingleCore(configuration: Configuration(cluster: 7, members: members))
        #expect(node.hear(.vote(request(position(1, 1))), term: 2).verdicts == [.granted])
        members[0].incarnation = 1
        let wiped = SingleCore(configuration: Configuration(cluster: 7, members: members))
        #expect(wiped.hear(.vote(request(position(1, 1))), term: 2).verdicts == [.unable])
    }

    @Test func transfersLeadership() throws {
        var cluster = Cluster(voters: 3)
        let elected = cluster.elect()
        let leader = try #require(elected)
        let target = (leader + 1) % 3
        let name = cluster.nodes[target].member.id
        cluster.transcript = Transcript()
        let request = cluster.ask(leader) { .transfer($0, to: name) }
        let late = cluster.propose("late", at: leader)
        cluster.run(.milliseconds(50))
        try #require(cluster.transcript).compare(with: "transfer")
        #expect(cluster.nodes[leader].answers[request] == .transferred(to: name))
        #expect(cluster.nodes[leader].answers[late] == .refused("leadership is being handed over"))
        #expect(cluster.leader == target)
    }

    @Test func transferToASilentNodeIsGivenUp() throws {
        var cluster = Cluster(voters: 3)
        let elected = cluster.elect()
        let leader = try #require(elected)
        let target = (leader + 1) % 3
        let name = cluster.nodes[target].member.id
        cluster.crash(target)
        let request = cluster.ask(leader) { .transfer($0, to: name) }
        cluster.run(.seconds(3))
        #expect(cluster.nodes[leader].answers[request] == .refused("\(name) did not take over in time"))
        let after = cluster.propose("after", at: leader)
        cluster.run(.seconds(1))
        #expect(cluster.nodes[leader].answers[after] == .applied(LogIndex(3)))
    }
}
