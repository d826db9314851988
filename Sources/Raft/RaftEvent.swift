// Owns what can happen to a member of the group.
public import Topology

/// Identifies a proposal, a read or a change of members at the node that asked; never sent to others.
public struct RaftRequestID: Hashable, Comparable, Sendable {
    public var number: UInt64
    public init(_ number: UInt64) { self.number = number }
    public static func < (left: RaftRequestID, right: RaftRequestID) -> Bool { left.number < right.number }
}

/// Identifies a write. Later writes have greater numbers, and writes become durable in that order.
public struct PersistToken: Hashable, Comparable, Sendable {
    public var number: UInt64
    public init(_ number: UInt64) { self.number = number }
    public static func < (left: PersistToken, right: PersistToken) -> Bool { left.number < right.number }
}

/// Changes who belongs to the group, through a joint configuration; one at a time.
public struct MembershipChange: Hashable, Sendable {
    /// The members as they should be; the whole list.
    public var members: [Member]
    public var replicationQuorum: Int?
    public var timing: GroupTiming?
    public init(members: [Member], replicationQuorum: Int? = nil, timing: GroupTiming? = nil) {
        self.members = members
        self.replicationQuorum = replicationQuorum
        self.timing = timing
    }
}

public enum RaftEvent: Hashable, Sendable {
    /// Time has passed: `RaftCore.nextDeadline` was reached.
    case tick
    case received(RaftMessage)
    /// Everything up to and with this write is on the disk.
    case persisted(PersistToken)
    case propose(RaftRequestID, Command)
    /// Founds the group with this configuration, which only an empty node that is a voter in it can do. Only one node
    /// may be given this; elsewhere nothing happens.
    case form(Configuration)
    case changeMembers(RaftRequestID, MembershipChange)
    /// Hands leadership over: to this member, or to the best of the others.
    case transfer(RaftRequestID, to: NodeID?)
    /// Asks from which index on a read sees everything that was acknowledged before now (thesis §6.4). The answer comes
    /// only after a round of heartbeats that begins after this event. Routing leases rest on the same proof.
    case read(RaftRequestID)
    /// The state machine's bytes at this applied index: answers `RaftEffect.takeSnapshot`.
    case snapshotTaken(LogIndex, [UInt8])
    /// Whether the disk is full. A node with a full disk steps down and accepts no entries.
    case diskFull(Bool)
}
