// Owns the form of the group itself: who belongs to it, who votes and leads, how each is reached.
internal import Catalog
internal import ControlPlane
internal import HTTPTransport
internal import Topology

/// The answer of GET /v1/cluster.
struct ClusterDocument: Encodable {
    struct Member: Encodable {
        var id: String
        var datacenter: String
        var role: String
        /// For the other members.
        var address: String?
        /// The rank of its election timeout; 0 is the top priority.
        var rank: Int
        /// Whether this node has a connection to it.
        var reachable: Bool
        var applied: UInt64?
        /// What it says of itself; absent until it has.
        var version: String?
        /// The URL of its admin API, where it publishes one.
        var admin: String?
        var incarnation: String
    }

    var node: String
    var leader: String?
    var term: UInt64
    var quorum: Bool
    /// Whether a change of members is under way.
    var changing: Bool
    /// Why the node belongs to no group yet; absent when it does.
    var forming: String?
    var voters: Int
    /// How many voters may be lost.
    var spareVoters: Int
    var members: [Member]

    init(_ snapshot: ControlSnapshot, node: NodeID) {
        let standing = snapshot.standing
        self.node = node.text
        leader = standing.leader?.text
        term = standing.term
        quorum = standing.hasQuorum
        changing = standing.isChanging
        forming = standing.forming
        voters = standing.members.count { $0.isVoter }
        spareVoters = max(0, voters - 1) / 2
        members = standing.members.map { member in
            let said = snapshot.catalog.members.first { $0.id == member.id && $0.incarnation == member.incarnation }
            return Member(
                id: member.id.text, datacenter: member.datacenter.text, role: member.isVoter ? "voter" : "observer",
                address: member.address?.description, rank: member.rank, reachable: member.isReachable,
                applied: member.applied, version: said?.version, admin: said?.admin,
                incarnation: String(member.incarnation, radix: 16))
        }
    }
}
