// Owns snapshots on their way to followers (Raft §7).
import Raft
import Testing
import Topology

struct SnapshotTests {
    private func limits() -> RaftLimits {
        var limits = RaftLimits()
        limits.logBytesBeforeSnapshot = 400
        limits.entriesKeptBehindSnapshot = 2
        limits.chunkBytes = 150
        limits.chunksInFlight = 2
        return limits
    }

    /// A group whose third node missed everything that the snapshot covers, and its leader.
    private func lateFollower(_ cluster: inout Cluster) throws -> (leader: Int, late: Int) {
        let elected = cluster.elect()
        let leader = try #require(elected)
        let late = (leader + 1) % 3
        cluster.isolate(late)
        for count in 0..<30 {
            cluster.propose("value \(count)", at: leader)
            cluster.run(.milliseconds(10))
        }
        return (leader, late)
    }

    @Test func lateFollowerGetsASnapshotInPieces() throws {
        var cluster = Cluster(voters: 3, limits: limits())
        let (leader, late) = try lateFollower(&cluster)
        cluster.run(.milliseconds(500))
        cluster.transcript = Transcript()
        cluster.heal()
        _ = cluster.run(atMost: .seconds(5)) { $0.nodes[late].values.count == 30 }
        #expect(cluster.nodes[late].values == cluster.nodes[leader].values)
        try #require(cluster.transcript).compare(with: "snapshot-in-pieces")
    }

    /// Lost, repeated and reordered pieces cost time but nothing else.
    @Test(arguments: 0..<20)
    func snapshotSurvivesLosses(_ seed: UInt64) throws {
        var cluster = Cluster(voters: 3, seed: seed + 1, limits: limits())
        let (leader, late) = try lateFollower(&cluster)
        cluster.heal()
        var losses = RandomBits(seed: seed)
        cluster.loses = { message in
            switch message.body {
            case .snapshotChunk, .snapshotReply: losses.below(4) == 0
            default: false
            }
        }
        cluster.delay = { .microseconds(200 + $0.below(6_000)) }
        cluster.run(.seconds(30))
        #expect(cluster.nodes[late].values == cluster.nodes[leader].values)
    }

    /// A receiver that restarts asks for all pieces again.
    @Test func receiverThatRestartsBeginsAgain() throws {
        var cluster = Cluster(voters: 3, limits: limits())
        let (leader, late) = try lateFollower(&cluster)
        cluster.keepsSent = true
        cluster.heal()
        _ = cluster.run(atMost: .seconds(5)) { cluster in
            cluster.sent.contains { if case .snapshotReply(.next) = $0.body { true } else { false } }
        }
        cluster.restart(late)
        cluster.run(.seconds(5))
        #expect(cluster.nodes[late].values == cluster.nodes[leader].values)
    }

    /// A flipped bit is found before anything takes effect.
    @Test func flippedBitTakesNoEffect() throws {
        let node = SingleCore()
        let bytes = [UInt8](repeating: 7, count: 100)
        let identity = SnapshotIdentity(
            position: position(1, 9), configuration: SingleCore.configuration, byteCount: 100,
            checksum: CRC32C.of(bytes) ^ 1)
        let effects = node.hear(
            .snapshotChunk(SnapshotChunk(identity: identity, offset: 0, bytes: bytes)), term: 2)
        #expect(
            effects.messages == [
                node.message(.snapshotReply(.next(offset: 0, of: position(1, 9))), term: 2)
            ])
        #expect(node.core.last == position(1, 1))
    }
}
