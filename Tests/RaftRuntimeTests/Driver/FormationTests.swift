// Owns the proof that a list of members makes one group, once.
import Raft
import RaftRuntime
import Testing
import Topology

@Suite struct FormationTests {
    static let digest: UInt64 = 77
    static let contacts = ["c", "a", "b"].map {
        MemberContact(
            id: NodeID($0), address: .host("127.0.0.1", port: 7000), datacenter: DatacenterName("dc-\($0)"), rank: 1)
    }

    static func identity(
        _ name: String, incarnation: UInt64 = 1, cluster: UInt64 = 0, digest: UInt64 = digest
    ) -> PeerIdentity {
        PeerIdentity(node: NodeID(name), incarnation: incarnation, cluster: cluster, membersDigest: digest)
    }

    static func formation(_ name: String, contacts: [MemberContact] = contacts) -> Formation {
        Formation(own: identity(name, incarnation: 10), contacts: contacts, timing: GroupTiming())
    }

    @Test func theLowestIdFoundsWhenAllAreThere() {
        let formation = Self.formation("a")
        let b = Self.identity("b", incarnation: 20)
        #expect(formation.step(peers: [], cluster: 5) == .wait("b is not reached yet"))
        #expect(formation.step(peers: [b], cluster: 5) == .wait("c is not reached yet"))
        guard
            case .found(let configuration) = formation.step(
                peers: [Self.identity("c", incarnation: 30), b], cluster: 5)
        else {
            Issue.record("not founded")
            return
        }
        #expect(configuration.cluster == 5)
        #expect(configuration.members.map(\.id.text) == ["a", "b", "c"])
        #expect(configuration.members.map(\.incarnation) == [10, 20, 30])
        #expect(configuration.members.allSatisfy { $0.role == .voter && $0.rank == 1 })
    }

    /// Why a member is not reached is what an operator needs to know.
    @Test func whoIsNotReachedIsToldWithTheCause() {
        let step = Self.formation("a").step(peers: [Self.identity("b")], cluster: 5) {
            $0.text == "c" ? "it is silent" : nil
        }
        #expect(step == .wait("c is not reached yet: it is silent"))
    }

    @Test func othersWaitForIt() {
        let peers = [Self.identity("a"), Self.identity("c")]
        #expect(Self.formation("b").step(peers: peers, cluster: 5) == .wait("a founds the group"))
    }

    @Test func anotherListOfMembersStopsIt() {
        let peers = [Self.identity("b"), Self.identity("c", digest: 78)]
        #expect(
            Self.formation("a").step(peers: peers, cluster: 5)
                == .wait("c has another list of members: make the files agree"))
    }

    /// A member that lost its disk finds the others in a group: it must not found a second one with them.
    @Test func aGroupThatIsThereIsJoined() {
        let formation = Self.formation("a")
        let c = Self.identity("c", cluster: 9)
        #expect(formation.step(peers: [Self.identity("b"), c], cluster: 5) == .join(cluster: 9))
        #expect(
            formation.step(peers: [Self.identity("b", cluster: 8), c], cluster: 5)
                == .wait("b and c belong to different groups: correct the list of members"))
    }

    @Test func aGroupOfOneFoundsAtOnce() {
        let formation = Self.formation("a", contacts: Self.contacts.filter { $0.id.text == "a" })
        guard case .found(let configuration) = formation.step(peers: [], cluster: 5) else {
            Issue.record("not founded")
            return
        }
        #expect(configuration.members.map(\.id.text) == ["a"])
    }

    @Test func strangersDoNotCount() {
        let strangers = (0..<100).map { Self.identity("stranger-\($0)") }
        #expect(Self.formation("a").step(peers: strangers, cluster: 5) == .wait("b is not reached yet"))
    }
}
