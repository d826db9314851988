// Owns the plain life of a group: electing, replicating, restarting (Raft §5).
import Raft
import Testing
import Topology

struct BasicTests {
    @Test func electsAndCommits() throws {
        var cluster = Cluster(voters: 3)
        let elected = cluster.elect()
        let leader = try #require(elected)
        let request = cluster.propose("x", at: leader)
        cluster.run(.milliseconds(300))
        #expect(cluster.nodes[leader].answers[request] == .applied(LogIndex(3)))
        for node in cluster.nodes { #expect(node.values == ["x"]) }
    }
}
