// Owns how an operator's request about members becomes a change of the configuration, and when it is refused.
internal import Raft
internal import Topology

/// The result of a request about members.
enum MembershipVerdict: Hashable {
    case change(MembershipChange)
    /// Everything is already as asked.
    case nothing
    case refused(LeaderRefusal)

    /// Makes a member a voter. A node becomes a member by asking for it itself, as an observer: only it knows its
    /// incarnation, and a vote given to a name alone could be claimed by two disks.
    ///
    /// - Parameter hasLostDisk: whether the node that now uses that name is not the member itself.
    static func addVoter(
        _ id: NodeID, in configuration: Configuration, hasLostDisk: Bool = false
    ) -> MembershipVerdict {
        guard let place = configuration.members.firstIndex(where: { $0.id == id }) else {
            let reason =
                "'\(id)' is no member of the group yet: start it with the group's members in its file, and it asks to join"
            return .refused(LeaderRefusal(kind: .notFound, reason: reason))
        }
        if hasLostDisk {
            let reason =
                "'\(id)' is a member with another disk than what runs under its name now: remove it, then add it again"
            return .refused(LeaderRefusal(kind: .conflict, reason: reason))
        }
        if configuration.members[place].role == .voter { return .nothing }
        var members = configuration.members
        members[place].role = .voter
        return .change(MembershipChange(members: members, replicationQuorum: configuration.replicationQuorum))
    }

    /// Takes a member out.
    ///
    /// - Parameters:
    ///   - answers: whether a member answers the leader; the leader itself does.
    ///   - force: whether to do it even if the remaining voters that answer would be no quorum.
    static func remove(
        _ id: NodeID, from configuration: Configuration, force: Bool, answers: (NodeID) -> Bool
    ) -> MembershipVerdict {
        guard configuration.members.contains(where: { $0.id == id }) else {
            return .refused(LeaderRefusal(kind: .notFound, reason: "'\(id)' is no member of the group"))
        }
        let members = configuration.members.filter { $0.id != id }
        let voters = members.filter { $0.role == .voter }
        guard !voters.isEmpty else {
            return .refused(LeaderRefusal(kind: .conflict, reason: "'\(id)' is the only voter of the group"))
        }
        let answering = voters.count { answers($0.id) }
        if !force, answering * 2 <= voters.count {
            let reason =
                "of the \(voters.count) voters that would be left only \(answering) answer, which is no quorum (use force)"
            return .refused(LeaderRefusal(kind: .conflict, reason: reason))
        }
        // A quorum smaller than a majority was chosen for the previous set of voters.
        let isKept = voters.count == configuration.members.count { $0.role == .voter }
        return .change(
            MembershipChange(members: members, replicationQuorum: isKept ? configuration.replicationQuorum : nil))
    }
}
