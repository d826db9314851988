// Owns the tests of which data directories go with which files.
import Raft
import Testing
import Topology

@testable import RaftRuntime

struct LoadedLogTests {
    private static let here = NodeID("n1")

    private func loaded(_ names: [String], _ address: Address, inSnapshot: Bool = false) -> LoadedLog {
        let members = names.map {
            Member(
                id: NodeID($0), incarnation: 1, role: .voter, address: address, datacenter: DatacenterName("dc"),
                rank: 0)
        }
        let configuration = Configuration(cluster: 7, members: members)
        let position = LogPosition(term: Term(1), index: LogIndex(1))
        guard inSnapshot else {
            return LoadedLog(incarnation: 1, entries: [LogEntry(position, .configuration(configuration))])
        }
        let identity = SnapshotIdentity(position: position, configuration: configuration, byteCount: 0, checksum: 0)
        return LoadedLog(incarnation: 1, snapshot: Snapshot(identity: identity, bytes: []))
    }

    private func listed(_ names: String...) -> [NodeID] { names.map { NodeID($0) } }

    @Test("A proxy that ran alone brings nothing into a group")
    func ranAlone() throws {
        for inSnapshot in [false, true] {
            let alone = loaded(["n1"], .unix(path: "/data/peers.sock"), inSnapshot: inSnapshot)
            #expect(alone.conflict(node: Self.here, listed: nil) == nil)
            #expect(alone.conflict(node: Self.here, listed: listed("n1")) == nil)
            let conflict = try #require(alone.conflict(node: Self.here, listed: listed("n1", "n2", "n3")))
            #expect(conflict.contains("ran alone") && conflict.contains("n2, n3"))
        }
    }

    @Test("A member of a group needs its section")
    func member() throws {
        let member = loaded(["n1", "n2"], .host("10.0.0.1", port: 1))
        #expect(member.conflict(node: Self.here, listed: listed("n1", "n2")) == nil)
        // Afterwards the list is only a list of contacts.
        #expect(member.conflict(node: Self.here, listed: listed("n1", "n9")) == nil)
        let conflict = try #require(member.conflict(node: Self.here, listed: nil))
        #expect(conflict.contains("n2") && conflict.contains("'cluster'"))
    }

    @Test("A group of one that has an address may grow, and a group may have shrunk to one")
    func one() {
        let one = loaded(["n1"], .host("10.0.0.1", port: 1))
        #expect(one.conflict(node: Self.here, listed: listed("n1", "n2")) == nil)
        #expect(one.conflict(node: Self.here, listed: nil) == nil)
    }

    @Test("An empty directory goes with everything")
    func empty() {
        let empty = LoadedLog(incarnation: 1)
        #expect(empty.conflict(node: Self.here, listed: nil) == nil)
        #expect(empty.conflict(node: Self.here, listed: listed("n1", "n2")) == nil)
    }
}
