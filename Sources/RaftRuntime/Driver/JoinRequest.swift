// Owns how a node asks to be admitted to a group, and what the leader answers.
internal import Raft
internal import Topology

/// What a node that wants to join says about itself. Its connection has proved which node it is.
struct JoinRequest: Hashable {
    var address: Address
    var datacenter: DatacenterName
    var rank: Int

    /// One line each.
    var encoded: [UInt8] { Array("\(address)\n\(datacenter)\n\(rank)".utf8) }

    init(_ contact: MemberContact) {
        address = contact.address
        datacenter = contact.datacenter
        rank = contact.rank
    }

    /// - Returns: nil for what `encoded` never gives.
    init?(_ bytes: [UInt8]) {
        guard bytes.count <= 1_024, let text = String(validating: bytes, as: UTF8.self) else { return nil }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count == 3, let address = Address(String(lines[0])), NameRule.allows(String(lines[1])),
            let rank = Int(lines[2]), (0...100).contains(rank)
        else { return nil }
        self.address = address
        datacenter = DatacenterName(String(lines[1]))
        self.rank = rank
    }
}

/// The result of a request to join.
enum Admission: Hashable {
    /// These are the members from now on: the new one observes until an operator makes it a voter.
    case change(MembershipChange)
    /// It is already a member.
    case known
    case refused(String)

    /// Judges a request by the configuration in force.
    init(_ request: JoinRequest, by peer: PeerIdentity, _ configuration: Configuration) {
        if let member = configuration.members.first(where: { $0.id == peer.node }) {
            self =
                member.incarnation == peer.incarnation
                ? .known
                : .refused("\(peer.node) has lost its disk: remove it from the cluster, then add it again")
            return
        }
        guard configuration.members.count < 64 else {
            self = .refused("the group has \(configuration.members.count) members, which is the limit")
            return
        }
        var members = configuration.members
        members.append(
            Member(
                id: peer.node, incarnation: peer.incarnation, role: .observer, address: request.address,
                datacenter: request.datacenter, rank: request.rank))
        self = .change(MembershipChange(members: members.sorted { $0.id < $1.id }))
    }
}
