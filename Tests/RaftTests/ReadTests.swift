// Owns linearizable reads and exactly-once proposals (thesis §6.3, §6.4).
import Raft
import Testing
import Topology

struct ReadTests {
    /// Answers to a round that began before the request prove nothing.
    @Test func readWaitsForARoundThatBeginsAfterIt() throws {
        var cluster = Cluster(voters: 3)
        let elected = cluster.elect()
        let leader = try #require(elected)
        cluster.propose("x", at: leader)
        cluster.run(.seconds(1))
        cluster.keepsSent = true
        let read = cluster.ask(leader) { .read($0) }
        #expect(cluster.nodes[leader].answers[read] == nil)
        let rounds = cluster.sent.compactMap { message -> UInt64? in
            guard case .heartbeat(let heartbeat) = message.body else { return nil }
            return heartbeat.round
        }
        #expect(rounds.count == 2)
        let second = cluster.ask(leader) { .read($0) }
        let third = cluster.ask(leader) { .read($0) }
        // They share the next round, which begins when the first one is answered.
        #expect(cluster.sent.count == 2)
        cluster.run(.milliseconds(10))
        for request in [read, second, third] {
            #expect(cluster.nodes[leader].answers[request] == .readable(LogIndex(3)))
        }
        let begun = cluster.sent.compactMap { message -> UInt64? in
            guard case .heartbeat(let heartbeat) = message.body else { return nil }
            return heartbeat.round
        }
        #expect(Set(begun).count == 2)
    }

    /// §8: a new leader knows what is chosen only once it has committed an entry of its own.
    @Test func newLeaderReadsAfterItsFirstCommit() throws {
        var cluster = Cluster(voters: 3)
        cluster.loses = { message in
            guard case .append = message.body else { return false }
            return true
        }
        _ = cluster.run { $0.leader != nil }
        let leader = try #require(cluster.leader)
        let read = cluster.ask(leader) { .read($0) }
        cluster.run(.milliseconds(500))
        #expect(cluster.nodes[leader].answers[read] == nil)
        cluster.loses = { _ in false }
        cluster.run(.seconds(2))
        #expect(cluster.nodes[leader].answers[read] == .readable(LogIndex(2)))
    }

    @Test func followersNameTheLeader() throws {
        var cluster = Cluster(voters: 3)
        let elected = cluster.elect()
        let leader = try #require(elected)
        let follower = (leader + 1) % 3
        let name = cluster.nodes[leader].member.id
        let read = cluster.ask(follower) { .read($0) }
        #expect(cluster.nodes[follower].answers[read] == .notLeader(name))
    }

    @Test func groupOfOneReadsAtOnce() throws {
        var cluster = Cluster(voters: 1)
        _ = cluster.elect()
        let read = cluster.ask(0) { .read($0) }
        #expect(cluster.nodes[0].answers[read] == .readable(LogIndex(2)))
    }

    @Test func proposalThatIsRepeatedIsAppliedOnce() throws {
        var cluster = Cluster(voters: 3)
        let elected = cluster.elect()
        let leader = try #require(elected)
        let command = Command(session: 5, sequence: 1, bytes: Array("x".utf8))
        let first = cluster.ask(leader) { .propose($0, command) }
        let second = cluster.ask(leader) { .propose($0, command) }
        cluster.run(.seconds(1))
        #expect(cluster.nodes[leader].answers[first] == .applied(LogIndex(3)))
        #expect(cluster.nodes[leader].answers[second] == .duplicate(of: LogIndex(3)))
        for node in cluster.nodes { #expect(node.values == ["x"]) }
    }

    /// The sessions are part of the snapshot.
    @Test func proposalIsRememberedAcrossASnapshotAndARestart() throws {
        var limits = RaftLimits()
        limits.logBytesBeforeSnapshot = 200
        limits.entriesKeptBehindSnapshot = 0
        var cluster = Cluster(voters: 1, limits: limits)
        _ = cluster.elect()
        let command = Command(session: 5, sequence: 1, bytes: Array("x".utf8))
        cluster.ask(0) { .propose($0, command) }
        for count in 0..<20 {
            cluster.propose("\(count)", at: 0)
            cluster.run(.milliseconds(10))
        }
        #expect(cluster.nodes[0].core?.snapshotPosition.index ?? .zero > LogIndex(10))
        cluster.restart(0)
        _ = cluster.elect()
        let again = cluster.ask(0) { .propose($0, command) }
        cluster.run(.milliseconds(10))
        #expect(cluster.nodes[0].answers[again] == .duplicate(of: LogIndex(3)))
        #expect(cluster.nodes[0].values == ["x"] + (0..<20).map(String.init))
    }
}
