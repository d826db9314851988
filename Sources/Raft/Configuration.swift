// Owns the membership of the group as an entry of the log carries it.
public import Topology

/// One member of the group. A node that lost its disk comes back with another incarnation, which makes it another
/// member.
public struct Member: Hashable, Sendable {
    public enum Role: String, Hashable, Sendable, CaseIterable {
        case voter
        /// Follows the log; has no vote and counts in no quorum.
        case observer
    }

    public var id: NodeID
    /// Random, made with the data directory.
    public var incarnation: UInt64
    public var role: Role
    public var address: Address
    public var datacenter: DatacenterName
    /// The rank of its election timeout: rank r waits r × 0.5 × the base longer; 0 is the top priority.
    public var rank: Int

    public init(
        id: NodeID, incarnation: UInt64, role: Role, address: Address, datacenter: DatacenterName, rank: Int = 0
    ) {
        self.id = id
        self.incarnation = incarnation
        self.role = role
        self.address = address
        self.datacenter = datacenter
        self.rank = rank
    }
}

/// The timing that every node of the group uses: replicated, so that no two nodes differ.
public struct GroupTiming: Hashable, Sendable {
    public var heartbeat: Duration
    /// The base of the election timeout: each election waits 1-2 times this.
    public var electionTimeout: Duration
    /// How long a routing lease lives; Raft itself only carries it.
    public var lease: Duration

    public init(
        heartbeat: Duration = .milliseconds(100), electionTimeout: Duration = .seconds(1), lease: Duration = .seconds(6)
    ) {
        self.heartbeat = heartbeat
        self.electionTimeout = electionTimeout
        self.lease = lease
    }
}

/// Who belongs to the group, and how many of them a decision takes.
///
/// While `outgoing` is not nil the configuration is joint (Raft §6): every decision needs a quorum of the voters of
/// both halves. A configuration is in force from the moment it is in the log, committed or not.
public struct Configuration: Hashable, Sendable {
    /// Random, made at the first formation; 0 before.
    public var cluster: UInt64
    /// Sorted by id, each member once, observers included.
    public var members: [Member]
    /// The members of the half that is leaving, while the configuration is joint.
    public var outgoing: [Member]?
    /// Flexible quorums: how many voters must hold an entry, at most a majority; an election then takes
    /// n - q + 1, and never less than a majority. nil: majorities.
    public var replicationQuorum: Int?
    /// The replication quorum of the half that is leaving, while the configuration is joint.
    public var outgoingReplicationQuorum: Int?
    public var timing: GroupTiming

    /// The configuration of a node that has never been in a group.
    public static let empty = Configuration(cluster: 0, members: [])

    public init(
        cluster: UInt64, members: [Member], outgoing: [Member]? = nil, replicationQuorum: Int? = nil,
        timing: GroupTiming = GroupTiming(), outgoingReplicationQuorum: Int? = nil
    ) {
        self.cluster = cluster
        self.members = members
        self.outgoing = outgoing
        self.replicationQuorum = replicationQuorum
        self.timing = timing
        self.outgoingReplicationQuorum = outgoingReplicationQuorum
    }

    public var isJoint: Bool { outgoing != nil }
}
