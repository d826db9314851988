// Owns the tests of what is left of a group whose majority is lost.
import Raft
import Testing
import Topology

@testable import RaftRuntime

struct RebuildingTests {
    private static let cluster: UInt64 = 0x1234_5678_0000_0007
    private static let here = NodeID("b")

    private func loaded(_ change: (inout LoadedLog) -> Void = { _ in }) -> LoadedLog {
        let members = ["a", "b", "c"].enumerated().map { place, name in
            Member(
                id: NodeID(name), incarnation: UInt64(100 + place), role: .voter, address: .host("10.0.0.1", port: 1),
                datacenter: DatacenterName("dc"), rank: place)
        }
        let configuration = Configuration(cluster: Self.cluster, members: members)
        var log = LoadedLog(
            incarnation: 101, hardState: HardState(term: Term(9), votedFor: NodeID("a")),
            entries: [
                LogEntry(LogPosition(term: Term(1), index: LogIndex(1)), .configuration(configuration)),
                LogEntry(LogPosition(term: Term(7), index: LogIndex(2)), .noop),
            ])
        change(&log)
        return log
    }

    @Test("The survivor alone is the group, under another identity, founded when the old one was")
    func alone() throws {
        for random in [5, 7] as [UInt32] {
            let rebuilding = try Rebuilding(loaded(), node: Self.here, random: random)
            #expect(rebuilding.gone == [NodeID("a"), NodeID("c")] && rebuilding.last == LogIndex(2))
            let entry = try #require(rebuilding.batch.entries.first)
            #expect(entry.position == LogPosition(term: Term(10), index: LogIndex(3)))
            guard case .configuration(let configuration) = entry.payload else { return #expect(Bool(false)) }
            #expect(configuration.members.map(\.id) == [Self.here] && !configuration.isJoint)
            #expect(configuration.members.first?.incarnation == 101)
            #expect(configuration.cluster != Self.cluster && configuration.cluster >> 32 == Self.cluster >> 32)
            #expect(rebuilding.batch.hardState == HardState(term: Term(10)))
        }
    }

    @Test("It leads at once, and has everything that it held")
    func leads() throws {
        let disk = SimulatedDisk()
        var (store, fresh) = try FileLogStore.open("/data", node: Self.here, fileSystem: disk)
        let log = loaded { log in
            guard case .configuration(var configuration) = log.entries[0].payload else { return }
            configuration.members[1].incarnation = fresh.incarnation
            log.entries[0].payload = .configuration(configuration)
            log.incarnation = fresh.incarnation
        }
        try store.persist([PersistBatch(token: PersistToken(1), entries: log.entries, hardState: log.hardState)])
        try store.persist([Rebuilding(log, node: Self.here, random: 5).batch])
        store.close()
        let again = try FileLogStore.open("/data", node: Self.here, fileSystem: disk).loaded
        var core = RaftCore(
            id: Self.here, incarnation: again.incarnation, random: RandomBits(seed: 1), restored: again.restored,
            now: .zero)
        var effects: [RaftEffect] = []
        core.step(.tick, now: .zero, into: &effects)
        core.step(.persisted(PersistToken(1)), now: .zero, into: &effects)
        core.step(.persisted(PersistToken(2)), now: .zero, into: &effects)
        #expect(core.role == .leader && core.commit >= LogIndex(3))
    }

    @Test("Refused is what no group can come of")
    func refusals() {
        let removed = loaded { $0.incarnation = 5 }
        let empty = LoadedLog(incarnation: 101)
        let damaged = loaded {
            $0.corruption = .init(file: "log-1", offset: 4, reason: "rot", acknowledgedThrough: LogIndex(2))
        }
        for log in [removed, empty, damaged] {
            #expect(throws: Rebuilding.Refusal.self) { try Rebuilding(log, node: Self.here, random: 5) }
        }
    }
}
