// Owns the proof of the rules about members: who gets a vote, who may be removed, what the group keeps of them.
import Catalog
import Raft
import Testing
import Topology

@testable import ControlPlane

@Suite struct MembershipTests {
    private func member(_ name: String, _ role: Member.Role = .voter) -> Member {
        Member(
            id: NodeID(name), incarnation: 7, role: role, address: .host("127.0.0.1", port: 1),
            datacenter: DatacenterName("west"))
    }

    private func configuration(_ members: Member...) -> Configuration {
        Configuration(cluster: 1, members: members, replicationQuorum: 1)
    }

    @Test func anObserverBecomesAVoter() {
        let group = configuration(member("a"), member("b", .observer))
        let verdict = MembershipVerdict.addVoter(NodeID("b"), in: group)
        #expect(
            verdict == .change(MembershipChange(members: [member("a"), member("b")], replicationQuorum: 1)))
        #expect(MembershipVerdict.addVoter(NodeID("a"), in: group) == .nothing)
        guard case .refused(let refusal) = MembershipVerdict.addVoter(NodeID("c"), in: group) else {
            Issue.record("a stranger got a vote")
            return
        }
        #expect(refusal.kind == .notFound && refusal.reason.contains("asks to join"))
    }

    /// A voter whose disk was wiped is no voter any more, whatever the configuration says about its name.
    @Test(arguments: [Member.Role.voter, .observer])
    func whoLostItsDiskGetsNoVote(_ role: Member.Role) {
        let group = configuration(member("a"), member("b", role))
        guard case .refused(let refusal) = MembershipVerdict.addVoter(NodeID("b"), in: group, hasLostDisk: true) else {
            Issue.record("a wiped disk got a vote")
            return
        }
        #expect(refusal.kind == .conflict && refusal.reason.contains("remove it, then add it again"))
    }

    @Test func aRemovalLeavesAQuorumThatAnswers() {
        let group = configuration(member("a"), member("b"), member("c"), member("d", .observer))
        func remove(_ name: String, dead: Set<String> = [], force: Bool = false) -> MembershipVerdict {
            MembershipVerdict.remove(NodeID(name), from: group, force: force) { !dead.contains($0.text) }
        }
        let left = [member("a"), member("b"), member("d", .observer)]
        #expect(remove("c") == .change(MembershipChange(members: left)))
        // The dead one may be removed; a live one may not while another is dead, unless it is forced.
        #expect(remove("c", dead: ["c"]) == .change(MembershipChange(members: left)))
        guard case .refused(let refusal) = remove("c", dead: ["b"]) else {
            Issue.record("the quorum was given away")
            return
        }
        #expect(refusal.kind == .conflict && refusal.reason.contains("use force"))
        #expect(remove("c", dead: ["b"], force: true) == .change(MembershipChange(members: left)))
        // Removing an observer changes no quorum.
        let voters = [member("a"), member("b"), member("c")]
        #expect(remove("d") == .change(MembershipChange(members: voters, replicationQuorum: 1)))
        guard case .refused(let unknown) = remove("x") else {
            Issue.record("a stranger was removed")
            return
        }
        #expect(unknown.kind == .notFound)
    }

    @Test func theLastVoterStays() {
        let group = configuration(member("a"), member("b", .observer))
        let verdict = MembershipVerdict.remove(NodeID("a"), from: group, force: true) { _ in true }
        guard case .refused(let refusal) = verdict else {
            Issue.record("the last voter was removed")
            return
        }
        #expect(refusal.kind == .conflict)
    }

    // MARK: What the group keeps of them

    private func description(_ name: String, incarnation: UInt64 = 7, admin: String? = nil) -> MemberDescription {
        MemberDescription(
            id: NodeID(name), incarnation: incarnation, datacenter: DatacenterName("west"), admin: admin,
            version: "1")
    }

    private func catalog(_ descriptions: MemberDescription...) -> Catalog {
        var catalog = Catalog(formation: 1)
        for (place, each) in descriptions.enumerated() {
            let command = CatalogCommand(
                .describeMember(each), author: "test", proposedAt: UnixTime(milliseconds: 1))
            _ = catalog.apply(command, at: UInt64(place + 1))
        }
        return catalog
    }

    @Test func aNodeDescribesItselfUntilTheGroupKnows() {
        var records = MemberRecords()
        let own = description("a", admin: "http://a")
        func ask(_ catalog: Catalog, at seconds: Int64) -> [CatalogChange] {
            records.changes(
                own: own, members: [(NodeID("a"), 7)], catalog, leads: false,
                now: Tick(nanoseconds: seconds * 1_000_000_000))
        }
        #expect(ask(catalog(), at: 1) == [.describeMember(own)])
        // Not repeated at once, but when the proposal may have been lost.
        #expect(ask(catalog(), at: 2) == [])
        #expect(ask(catalog(description("a")), at: 6) == [.describeMember(own)])
        #expect(ask(catalog(own), at: 20) == [])
        records.wasRefused(.describeMember(own))
        #expect(ask(catalog(), at: 40) == [])
    }

    @Test func theLeaderForgetsThoseWhoLeft() {
        let known = catalog(description("a"), description("b"), description("c", incarnation: 8))
        func ask(leads: Bool) -> [CatalogChange] {
            var records = MemberRecords()
            return records.changes(
                own: description("a"), members: [(NodeID("a"), 7), (NodeID("c"), 9)], known, leads: leads,
                now: Tick(nanoseconds: 1))
        }
        #expect(ask(leads: false) == [])
        #expect(
            ask(leads: true)
                == [.forgetMember(NodeID("b"), incarnation: 7), .forgetMember(NodeID("c"), incarnation: 8)])
    }
}
