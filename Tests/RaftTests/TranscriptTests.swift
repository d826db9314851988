// Owns whole conversations, kept as text beside the tests.
import Raft
import Testing
import Topology

struct TranscriptTests {
    @Test func electionAndWrite() throws {
        var cluster = Cluster(voters: 3)
        cluster.transcript = Transcript()
        let elected = cluster.elect()
        let leader = try #require(elected)
        cluster.transcript?.title("A write")
        cluster.propose("x", at: leader)
        cluster.run(.milliseconds(20))
        try #require(cluster.transcript).compare(with: "election-and-write")
    }

    @Test func collecting() throws {
        let ahead = [Term(1), Term(1), Term(2)]
        var cluster = Cluster(voters: 3, ranks: [0, 4, 4], policy: .paxos, entries: [[Term(1)], ahead, ahead])
        cluster.disconnect(1, 2)
        cluster.transcript = Transcript()
        _ = cluster.elect()
        try #require(cluster.transcript).compare(with: "collecting")
    }
}
