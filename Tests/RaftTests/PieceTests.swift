// Owns the small parts: quorums, checksums, sessions, the log.
import Testing
import Topology

@testable import Raft

struct PieceTests {
    /// (voters, replication quorum) → (to commit, to elect); every election meets every commit and every other
    /// election.
    @Test(arguments: [
        (1, nil, 1, 1), (2, nil, 2, 2), (3, nil, 2, 2), (4, nil, 3, 3), (5, nil, 3, 3), (5, 2, 2, 4), (5, 1, 1, 5),
        (4, 2, 2, 3),
    ])
    func quorums(_ voters: Int, _ wanted: Int?, _ commit: Int, _ elect: Int) {
        let quorum = Quorum(
            Configuration(cluster: 1, members: (0..<voters).map { Cluster.member($0) }, replicationQuorum: wanted))
        let names = quorum.voters
        for count in 0...voters {
            let some = names.prefix(count)
            #expect(quorum.canCommit(some.contains) == (count >= commit))
            #expect(quorum.canElect(some.contains) == (count >= elect))
        }
        #expect(commit + elect > voters && 2 * elect > voters)
    }

    /// Raft §6: both halves.
    @Test func jointQuorumNeedsBothHalves() {
        let members = (0..<6).map { Cluster.member($0) }
        let quorum = Quorum(
            Configuration(cluster: 1, members: Array(members[3...]), outgoing: Array(members[..<3])))
        let names = members.map(\.id)
        #expect(!quorum.canElect(names[..<3].contains))
        #expect(!quorum.canCommit(names[2...].contains))
        #expect(quorum.canCommit(names[1...4].contains))
        let reached: [UInt64] = [9, 9, 1, 5, 4, 1]
        #expect(quorum.reached { name in names.firstIndex(of: name).map { reached[$0] } ?? 0 } == 4)
        #expect(Quorum(.empty).canElect { _ in true } == false)
    }

    /// RFC 3720 B.4, and the check value of the catalogue of CRCs.
    @Test func checksums() {
        #expect(CRC32C.of([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
        #expect(CRC32C.of([UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
        #expect(CRC32C.of(0..<32 as Range<UInt8>) == 0x46DD_794E)
        #expect(CRC32C.of("123456789".utf8) == 0xE306_9283)
        var pieces = CRC32C()
        pieces.update("1234".utf8)
        pieces.update("56789".utf8)
        #expect(pieces.value == 0xE306_9283)
    }

    @Test func sessionsRememberWhatWasApplied() throws {
        var table = SessionTable()
        var index = LogIndex.zero
        func apply(_ session: UInt64, _ sequence: UInt64) -> SessionTable.Verdict {
            index = index.next
            return table.apply(Command(session: session, sequence: sequence, bytes: []), at: index)
        }
        #expect(apply(1, 1) == .new)
        #expect(apply(1, 3) == .new)
        #expect(apply(1, 2) == .new)
        #expect(apply(1, 3) == .duplicate(of: LogIndex(2)))
        for sequence in 4...UInt64(SessionTable.window + 1) { #expect(apply(1, sequence) == .new) }
        #expect(apply(1, 1) == .expired)
        #expect(apply(1, 2) == .duplicate(of: LogIndex(3)))
        // The least recently used session is forgotten, and remembered as forgotten.
        for session in 2...UInt64(SessionTable.capacity + 1) { #expect(apply(session, 1) == .new) }
        #expect(table.count == SessionTable.capacity)
        #expect(apply(1, 200) == .expired)
        #expect(apply(2, 1) == .duplicate(of: LogIndex(UInt64(SessionTable.window) + 5)))

        let bytes = table.encoded
        let decoded = try #require(SessionTable.decode(bytes + [1, 2, 3]))
        #expect(decoded.table == table)
        #expect(decoded.length == bytes.count)
        #expect(SessionTable.decode(Array(bytes.dropLast())) == nil)
        #expect(SessionTable.decode([]) == nil)
    }

    @Test func logFindsWhatCanBeCommon() {
        var log = RaftLog(startingAfter: position(1, 4), configuration: .empty)
        for entry in [(1, 5), (3, 6), (3, 7), (6, 8)] as [(UInt64, UInt64)] {
            log.append(LogEntry(position(entry.0, entry.1), .noop))
        }
        #expect(log.position(atMost: position(9, 99)) == position(6, 8))
        #expect(log.position(atMost: position(5, 99)) == position(3, 7))
        #expect(log.position(atMost: position(5, 6)) == position(3, 6))
        #expect(log.position(atMost: position(2, 8)) == position(1, 5))
        #expect(log.position(atMost: position(1, 4)) == position(1, 4))
        #expect(log.position(atMost: position(9, 3)) == nil)
        #expect(log.position(at: LogIndex(3)) == nil)
        #expect(log.bytes(after: LogIndex(6)) == 64)
        #expect(log.entries(after: LogIndex(5), cost: 64).map(\.position) == [position(3, 6), position(3, 7)])
        #expect(log.entries(after: LogIndex(5), cost: 0).map(\.position) == [position(3, 6)])
        log.compact(through: LogIndex(6))
        #expect(log.before == position(3, 6))
        #expect(log.bytes(after: LogIndex(6)) == 64)
        log.cut(from: LogIndex(8))
        #expect(log.last == position(3, 7))
    }

    @Test func cuttingALogTakesItsConfigurationAway() {
        let one = Configuration(cluster: 1, members: [Cluster.member(0)])
        let two = Configuration(cluster: 1, members: [Cluster.member(0), Cluster.member(1)])
        var log = RaftLog(startingAfter: .zero, configuration: .empty)
        log.append(LogEntry(position(1, 1), .configuration(one)))
        log.append(LogEntry(position(1, 2), .configuration(two)))
        #expect(log.configuration == two)
        #expect(log.configuration(at: LogIndex(1)) == one)
        log.cut(from: LogIndex(2))
        #expect(log.configuration == one)
        log.compact(through: LogIndex(1))
        #expect(log.configuration == one)
    }
}
