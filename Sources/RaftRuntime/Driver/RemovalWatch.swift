// Owns when a member that hears no leader asks whether it still is one.
internal import Raft
internal import Topology

/// A member that was removed while it was away is told nothing by Raft: the others no longer send it entries, and refuse its
/// votes without a word of why (thesis §4.2.3). So it asks.
struct RemovalWatch {
    /// How often is looked.
    static let period = Duration.seconds(1)
    /// So many looks without a leader make it ask: more than an election takes.
    private static let timeout = 3

    private var looks = 0
    private(set) var isRemoved = false

    /// Takes a look; whether to ask a peer now.
    mutating func look(hasLeader: Bool) -> Bool {
        looks = hasLeader ? 0 : looks + 1
        if hasLeader { isRemoved = false }
        return looks >= Self.timeout
    }

    /// A leader has said whether this node is a member.
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

    /// - Returns: nil for what is no answer.
    static func isMember(_ answer: [UInt8]) -> Bool? { answer.count == 1 ? answer[0] == 1 : nil }
}
