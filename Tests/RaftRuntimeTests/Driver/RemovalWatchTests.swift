// Owns the tests of when a member asks whether it still is one.
import Raft
import Testing
import Topology

@testable import RaftRuntime

struct RemovalWatchTests {
    @Test("It asks once no leader was heard for longer than an election takes, and until one is")
    func asks() {
        var watch = RemovalWatch()
        let looks = [true, false, false, false, false, true, false].map { watch.look(hasLeader: $0) }
        #expect(looks == [false, false, false, true, true, false, false])
    }

    @Test("News is told once; a leader that is heard ends it")
    func news() {
        var watch = RemovalWatch()
        for (isMember, isNews) in [(true, false), (false, true), (false, false), (true, true)] {
            let found = watch.heard(isMember: isMember)
            #expect(found == isNews && watch.isRemoved == !isMember)
        }
        _ = watch.heard(isMember: false)
        _ = watch.look(hasLeader: true)
        #expect(!watch.isRemoved)
    }

    @Test("A member is its disk, not its name; one that leaves is one still")
    func answers() {
        func member(_ name: String, _ incarnation: UInt64) -> Member {
            Member(
                id: NodeID(name), incarnation: incarnation, role: .voter, address: .host("127.0.0.1", port: 1),
                datacenter: DatacenterName("dc"), rank: 0)
        }
        var configuration = Configuration(cluster: 7, members: [member("a", 1)])
        configuration.outgoing = [member("b", 2)]
        func isMember(_ name: String, _ incarnation: UInt64) -> Bool? {
            let peer = PeerIdentity(node: NodeID(name), incarnation: incarnation, cluster: 7, membersDigest: 0)
            return MembershipQuestion.isMember(MembershipQuestion.answer(to: peer, by: configuration))
        }
        #expect(isMember("a", 1) == true && isMember("a", 2) == false && isMember("b", 2) == true)
        #expect(isMember("c", 1) == false)
        #expect(MembershipQuestion.isMember([]) == nil)
    }
}
