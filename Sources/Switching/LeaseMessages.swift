// Owns what nodes and the leader say to each other about routing leases and switches.
public import Catalog
public import Topology

/// Who may hold a routing lease: a member with the incarnation of its data, for a node that lost it is another member.
public struct LeaseHolder: Hashable, Comparable, Sendable {
    public var id: NodeID
    public var incarnation: UInt64

    public init(id: NodeID, incarnation: UInt64) {
        self.id = id
        self.incarnation = incarnation
    }

    public static func < (left: LeaseHolder, right: LeaseHolder) -> Bool {
        left.id == right.id ? left.incarnation < right.incarnation : left.id < right.id
    }
}

/// A node says: towards any datacenter of this service nothing of mine is in flight, and nothing will be before I have
/// applied the end of the switch.
public struct EpochAcknowledgement: Hashable, Sendable {
    public var service: ServiceName
    public var epoch: Epoch

    public init(service: ServiceName, epoch: Epoch) {
        self.service = service
        self.epoch = epoch
    }
}

/// A node asks for a lease.
public struct LeaseRequest: Hashable, Sendable {
    /// Random, made by each process: a grant to a process that ended must match no request of its successor, which
    /// would count it from a later time.
    public var process: UInt64
    /// Counts the requests of a process.
    public var number: UInt64
    /// The index of the last entry that the node has applied.
    public var appliedIndex: UInt64
    /// What the node has acknowledged of switches under way: a new leader does not know.
    public var acknowledgements: [EpochAcknowledgement]

    public init(process: UInt64, number: UInt64, appliedIndex: UInt64, acknowledgements: [EpochAcknowledgement] = []) {
        self.process = process
        self.number = number
        self.appliedIndex = appliedIndex
        self.acknowledgements = acknowledgements
    }
}

/// The leader's answer; there is no answer but a grant.
public struct LeaseGrant: Hashable, Sendable {
    /// Of the request.
    public var process: UInt64
    /// Of the request.
    public var number: UInt64
    /// The length; the node counts 0.99 of it from when it sent the request.
    public var lease: Duration
    /// The services that this grant is not for: the node has not applied their latest begin or complete, or they are
    /// being switched. By name.
    public var without: [ServiceName]

    public init(process: UInt64, number: UInt64, lease: Duration, without: [ServiceName] = []) {
        self.process = process
        self.number = number
        self.lease = lease
        self.without = without
    }
}

extension Duration {
    /// What a node counts of a lease: with clocks that differ by at most 1 %, less than the leader's count.
    var countedByNode: Duration { .nanoseconds(wholeNanoseconds / 100 * 99) }

    /// What the leader counts of a lease.
    var countedByLeader: Duration {
        let nanoseconds = wholeNanoseconds
        return .nanoseconds(nanoseconds + nanoseconds / 100 + 1)
    }
}

/// Seeded bugs, for the tests that must see them; none is ever on in a shipped program.
package struct SwitchingMutations: OptionSet, Sendable {
    package let rawValue: Int
    package init(rawValue: Int) { self.rawValue = rawValue }

    /// The node counts its lease from when the grant arrived.
    package static let leaseCountedFromReceipt = SwitchingMutations(rawValue: 1)
    /// The leader renews for services whose begin or complete the node has not applied.
    package static let renewalBeforeApplied = SwitchingMutations(rawValue: 2)
    /// The leader forgets the leases of members that were removed.
    package static let removedMemberForgotten = SwitchingMutations(rawValue: 4)
    /// The node lets exchanges go on beyond the end of its lease.
    package static let inFlightOutlivesLease = SwitchingMutations(rawValue: 8)
    /// The leader grants without a quorum round after the request.
    package static let grantWithoutRound = SwitchingMutations(rawValue: 16)
    /// A new leader does not wait for the leases of its predecessors.
    package static let noGraceOfNewLeader = SwitchingMutations(rawValue: 32)
    /// The node acknowledges while exchanges are in flight.
    package static let acknowledgedTooEarly = SwitchingMutations(rawValue: 64)
    /// The node takes grants that its predecessor asked for.
    package static let grantOfAnotherProcess = SwitchingMutations(rawValue: 128)
}
