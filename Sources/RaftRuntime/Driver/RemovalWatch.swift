// Owns when a member that hears no leader asks whether it still is one.
internal import Raft
internal import Topology

/// Raft does not tell a member that it was removed while it was away: the others no longer send it entries, and refuse
/// their votes without a reason (thesis §4.2.3). So it asks.
struct RemovalWatch {
    /// How often to look.
    static let period = Duration.seconds(1)
    /// After this many looks without a leader it asks: more than an election takes.
    private static let timeout = 3

    private var looks = 0
    private(set) var isRemoved = false

    /// Takes a look, and returns whether to ask a peer now.
    mutating func look(hasLeader: Bool) -> Bool {
        looks = hasLeader ? 0 : looks + 1
        if hasLeader { isRemoved = false }
        return looks >= Self.timeout
    }

    /// A leader said whether this node is a member.
    ///
    /// - Returns: true when that is news.
    mutating func heard(isMember: Bool) -> Bool {
        defer { isRemoved = !isMember }
        return isRemoved == isMember
    }
}

/// The question whether the asker is a member, which only a leader answers, and its answer.
enum MembershipQuestion {
    static let call: UInt32 = 2

    static func answer(to peer: PeerIdentity, by configuration: Configuration) -> [UInt8] {
        let members = configuration.members + (configuration.outgoing ?? [])
        return [members.contains { $0.id == peer.node && $0.incarnation == peer.incarnation } ? 1 : 0]
    }

    /// - Returns: nil for anything but an answer.
    static func isMember(_ answer: [UInt8]) -> Bool? { answer.count == 1 ? answer[0] == 1 : nil }
}
