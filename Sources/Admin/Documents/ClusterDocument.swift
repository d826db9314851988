// Owns the form of the group itself: who belongs to it, who votes and leads, how each is reached; and of its changes.

/// The answer of GET /v1/cluster.
package struct ClusterDocument: Codable, Sendable {
    package struct Member: Codable, Sendable {
        package var id: String
        package var datacenter: String
        package var role: String
        /// The address for the other members.
        package var address: String?
        /// The rank of its election timeout; 0 is the top priority.
        package var rank: Int
        /// Whether this node has a connection to it.
        package var reachable: Bool
        /// Why it has none, or what else is wrong with it; absent if nothing is known to be wrong.
        package var failure: String?
        package var applied: UInt64?
        /// The version it reports; absent until it has.
        package var version: String?
        /// The URL of its admin API, where it publishes one.
        package var admin: String?
        package var incarnation: String
    }

    package var node: String
    package var leader: String?
    package var term: UInt64
    package var quorum: Bool
    /// Whether a change of members is under way.
    package var changing: Bool
    /// Why the node belongs to no group, not yet or no longer; absent when it does.
    package var forming: String?
    package var voters: Int
    /// How many of them this node has a connection to, including itself.
    package var reachableVoters: Int
    /// How many of those may yet be lost before the group has no quorum.
    package var spareVoters: Int
    package var members: [Member]
}

/// Which member gets a vote, or leaves.
package struct MemberBody: Codable, Sendable {
    package var id: String
    package var reason: String?
    /// Whether to remove it even if too few voters answer.
    package var force: Bool?

    package init(id: String, reason: String? = nil, force: Bool? = nil) {
        self.id = id
        self.reason = reason
        self.force = force
    }
}

/// The member that is to lead.
package struct TransferBody: Codable, Sendable {
    /// nil: the best of the others.
    package var to: String?
    package var reason: String?

    package init(to: String? = nil, reason: String? = nil) {
        self.to = to
        self.reason = reason
    }
}
