// Owns how the document about the group is put together.
internal import Catalog
internal import ControlPlane
internal import Topology

extension ClusterDocument {
    init(_ snapshot: ControlSnapshot, node: NodeID) {
        let standing = snapshot.standing
        self.node = node.text
        leader = standing.leader?.text
        term = standing.term
        quorum = standing.hasQuorum
        changing = standing.isChanging
        forming = standing.forming
        voters = standing.voters
        reachableVoters = standing.reachableVoters
        spareVoters = standing.spareVoters
        members = standing.members.map { member in
            let said = snapshot.catalog.members.first { $0.id == member.id && $0.incarnation == member.incarnation }
            return Member(
                id: member.id.text, datacenter: member.datacenter.text, role: member.isVoter ? "voter" : "observer",
                address: member.address?.description, rank: member.rank, reachable: member.isReachable,
                failure: member.failure, applied: member.applied, version: said?.version, admin: said?.admin,
                incarnation: String(member.incarnation, radix: 16))
        }
    }
}
