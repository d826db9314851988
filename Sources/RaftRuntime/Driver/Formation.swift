// Owns how a node without a group gets into one: by founding it with the others, or by asking to join.
public import Raft
public import Topology

/// A member as the settings list it: a contact before the group is formed, no more than a hint afterwards.
public struct MemberContact: Hashable, Sendable {
    public var id: NodeID
    public var address: Address
    public var datacenter: DatacenterName
    public var rank: Int

    public init(id: NodeID, address: Address, datacenter: DatacenterName, rank: Int = 0) {
        self.id = id
        self.address = address
        self.datacenter = datacenter
        self.rank = rank
    }
}

/// Decides when an empty node may found a group.
///
/// A group is founded once, by the listed member with the lowest id, when every listed member is connected, is empty
/// and has the same list. So one list cannot lead to two groups: the founder would have to be the same node, which is
/// no longer empty. A node that meets a member of a group asks to join that group instead.
public struct Formation: Sendable {
    public enum Step: Hashable, Sendable {
        /// Nothing to do yet; the reason is for the log and the status page.
        case wait(String)
        /// Write this configuration as the first entry of the log.
        case found(Configuration)
        /// Ask the leader of this group to be admitted; its members are among the peers.
        case join(cluster: UInt64)
    }

    private let own: PeerIdentity
    private let contacts: [MemberContact]
    private let timing: GroupTiming

    /// - Parameters:
    ///   - own: what the empty node says of itself; `membersDigest` is that of `contacts`.
    ///   - contacts: the members of the settings, this node among them.
    public init(own: PeerIdentity, contacts: [MemberContact], timing: GroupTiming) {
        self.own = own
        self.contacts = contacts.sorted { $0.id < $1.id }
        self.timing = timing
    }

    /// What to do now.
    ///
    /// - Parameters:
    ///   - peers: who is connected, and what they say of themselves.
    ///   - cluster: random, not 0: the identity of the group if it is founded.
    ///   - failure: why there is no connection to a contact, as far as that is known.
    public func step(
        peers: [PeerIdentity], cluster: UInt64, failure: (NodeID) -> String? = { _ in nil }
    ) -> Step {
        let groups = peers.filter { $0.cluster != 0 && $0.node != own.node }.sorted { $0.node < $1.node }
        if let first = groups.first {
            if let other = groups.first(where: { $0.cluster != first.cluster }) {
                return .wait(
                    "\(first.node) and \(other.node) belong to different groups: correct the list of members")
            }
            return .join(cluster: first.cluster)
        }
        let others = contacts.filter { $0.id != own.node }
        var members: [NodeID: UInt64] = [own.node: own.incarnation]
        for contact in others {
            guard let peer = peers.first(where: { $0.node == contact.id }) else {
                let reason = failure(contact.id).map { ": \($0)" } ?? ""
                return .wait("\(contact.id) is not reached yet\(reason)")
            }
            guard peer.membersDigest == own.membersDigest else {
                return .wait("\(contact.id) has another list of members: make the files agree")
            }
            members[contact.id] = peer.incarnation
        }
        guard let lowest = contacts.first, lowest.id == own.node else {
            return .wait("\(contacts.first?.id.text ?? "nobody") founds the group")
        }
        return .found(configuration(members, cluster))
    }

    private func configuration(_ incarnations: [NodeID: UInt64], _ cluster: UInt64) -> Configuration {
        let members = contacts.compactMap { contact -> Member? in
            guard let incarnation = incarnations[contact.id] else { return nil }
            return Member(
                id: contact.id, incarnation: incarnation, role: .voter, address: contact.address,
                datacenter: contact.datacenter, rank: contact.rank)
        }
        return Configuration(cluster: cluster, members: members, timing: timing)
    }
}
