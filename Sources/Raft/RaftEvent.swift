// Owns what can happen to a member of the group.
public import Topology

/// The name of a proposal, a read or a change of members at the node that asked; never on the wire.
public struct RequestID: Hashable, Comparable, Sendable {
    public var number: UInt64
    public init(_ number: UInt64) { self.number = number }
    public static func < (left: RequestID, right: RequestID) -> Bool { left.number < right.number }
}

/// The name of a write to the disk; later writes have greater ones, and they become durable in that order.
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
    case propose(RequestID, Command)
    /// Founds the group with this configuration: only on an empty node that is a voter in it, and only on one node of
    /// the group. Where it may not be done nothing happens.
    case form(Configuration)
    case changeMembers(RequestID, MembershipChange)
    /// Hands leadership over: to this member, or to the best of the others.
    case transfer(RequestID, to: NodeID?)
    /// Asks from which index on a read sees everything that was acknowledged before now (thesis §6.4). Answered only after
    /// a round of heartbeats that begins after this event; a routing lease is granted by the same proof.
    case read(RequestID)
    /// The state machine's bytes at this applied index: answers `RaftEffect.takeSnapshot`.
    case snapshotTaken(LogIndex, [UInt8])
    /// The disk is full (true): step down, accept no entries; or has room again.
    case diskFull(Bool)
}
