// Owns the messages between nodes and the leader about routing leases and switches.
public import Catalog
public import Topology

/// Who may hold a routing lease: a member together with the incarnation of its data, since a node that lost its data is
/// another member.
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

/// A node's promise that it has nothing in flight towards any datacenter of this service, and will not before it has
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
    /// Random, drawn by each process. A grant to a process that has ended must match no request of its successor, which
    /// would count the lease from a later time.
    public var process: UInt64
    /// Counts the requests of a process.
    public var number: UInt64
    /// The index of the last entry that the node has applied.
    public var appliedIndex: UInt64
    /// What the node has acknowledged of switches in progress, because a new leader does not know.
    public var acknowledgements: [EpochAcknowledgement]

    public init(process: UInt64, number: UInt64, appliedIndex: UInt64, acknowledgements: [EpochAcknowledgement] = []) {
        self.process = process
        self.number = number
        self.appliedIndex = appliedIndex
        self.acknowledgements = acknowledgements
    }
}

/// The leader's answer. There is no refusal, only silence.
public struct LeaseGrant: Hashable, Sendable {
    /// Of the request.
    public var process: UInt64
    /// Of the request.
    public var number: UInt64
    /// The length; the node counts 0.99 of it from when it sent the request.
    public var lease: Duration
    /// The services that this grant does not cover, by name: those of which the node has not applied the latest begin
    /// or complete, and those that are being switched.
    public var without: [ServiceName]

    public init(process: UInt64, number: UInt64, lease: Duration, without: [ServiceName] = []) {
        self.process = process
        self.number = number
        self.lease = lease
        self.without = without
    }
}

extension Duration {
    /// How long a node counts a lease: less than the leader does, even if their clocks differ by 1 %.
    var countedByNode: Duration { .nanoseconds(wholeNanoseconds / 100 * 99) }

    /// How long the leader counts a lease.
    var countedByLeader: Duration {
        let nanoseconds = wholeNanoseconds
        return .nanoseconds(nanoseconds + nanoseconds / 100 + 1)
    }
}

/// Seeded bugs, for the tests that have to find them. Always empty in a shipped program.
package struct SwitchingMutations: OptionSet, Sendable {
    package let rawValue: Int
    package init(rawValue: Int) { self.rawValue = rawValue }

    /// The node counts its lease from when the grant arrived.
    package static let leaseCountedFromReceipt = SwitchingMutations(rawValue: 1)
    /// The leader renews for services whose begin or complete the node has not applied.
    package static let renewalBeforeApplied = SwitchingMutations(rawValue: 2)
    /// The leader forgets the leases of members that were removed.
    package static let removedMemberForgotten = SwitchingMutations(rawValue: 4)
    /// The node lets exchanges continue after the end of its lease.
    package static let inFlightOutlivesLease = SwitchingMutations(rawValue: 8)
    /// The leader grants without a quorum round after the request.
    package static let grantWithoutRound = SwitchingMutations(rawValue: 16)
    /// A new leader does not wait for the leases of its predecessors.
    package static let noGraceOfNewLeader = SwitchingMutations(rawValue: 32)
    /// The node acknowledges while exchanges are in flight.
    package static let acknowledgedTooEarly = SwitchingMutations(rawValue: 64)
    /// The node accepts grants that its predecessor asked for.
    package static let grantOfAnotherProcess = SwitchingMutations(rawValue: 128)
}
