// Owns where the group has agreed to send a service's traffic: to one datacenter, or a switch between two.
public import Topology

/// The state of a service that follows a primary (see the article Life of a failover).
///
/// Legal transitions, and no others:
///
///     stable(a, e)          -> switching(a, b, e+1)   begin, strict
///     stable(a, e)          -> stable(b, e+1)         begin, in one commit
///     switching(a, b, e)    -> switching(a, c, e+1)   begin; c may be a
///     switching(a, b, e)    -> stable(b, e)           complete
///     switching(a, b, e)    -> stable(c, e+1)         begin, in one commit: the service is no longer strict
public enum PrimaryState: Hashable, Sendable {
    case stable(DatacenterName, Epoch)
    /// No proxy sends anything new. Traffic goes to `to` once no proxy writes towards `from` any more.
    case switching(from: DatacenterName, to: DatacenterName, Epoch)

    /// Grows by one with every begin; fences the old primary.
    public var epoch: Epoch {
        switch self {
        case .stable(_, let epoch), .switching(_, _, let epoch): epoch
        }
    }

    /// Where traffic goes, or went until the switch began.
    public var origin: DatacenterName {
        switch self {
        case .stable(let datacenter, _), .switching(let datacenter, _, _): datacenter
        }
    }

    /// Where traffic goes, or will go when the switch is complete.
    public var target: DatacenterName {
        switch self {
        case .stable(let datacenter, _), .switching(_, let datacenter, _): datacenter
        }
    }

    /// Whether a switch is under way.
    public var isSwitching: Bool {
        if case .switching = self { true } else { false }
    }
}

/// A move that the group decided on by itself.
public struct AutomaticMove: Hashable, Sendable {
    /// The proposer's wall clock.
    public var at: UnixTime
    public var from: DatacenterName
    public var to: DatacenterName
    /// The epoch that it began.
    public var epoch: Epoch
    /// Whether it came within the cooldown after the move before it: only for a primary that is at 0 %.
    public var wasWithinCooldown: Bool

    public init(
        at: UnixTime, from: DatacenterName, to: DatacenterName, epoch: Epoch, wasWithinCooldown: Bool
    ) {
        self.at = at
        self.from = from
        self.to = to
        self.epoch = epoch
        self.wasWithinCooldown = wasWithinCooldown
    }
}

/// What is agreed about the primary of one service.
public struct PrimaryRecord: Hashable, Sendable {
    /// How many automatic moves are remembered: enough for any sensible limit per hour.
    static let rememberedMoves = 8

    public internal(set) var state: PrimaryState
    /// Why the last begin was proposed.
    public internal(set) var cause: PrimaryCause
    /// The index of the latest begin or complete, or of the registration: a node that has not applied it gets no lease.
    public internal(set) var index: UInt64
    /// The datacenter that automation moved the traffic away from and would bring it back to; nil: it is where
    /// operators want it.
    public internal(set) var home: DatacenterName?
    /// The last automatic moves, oldest first; those that only replaced the target of a switch are not among them.
    public internal(set) var moves: [AutomaticMove] = []
}

/// What proxies and the leader need to know about switching one service.
public struct ServiceSwitch: Hashable, Sendable {
    public var service: ServiceName
    public var state: PrimaryState
    public var consistency: Consistency
    /// The index of the latest begin or complete, or of the registration.
    public var index: UInt64
    public var failover: FailoverSettings

    public init(
        service: ServiceName, state: PrimaryState, consistency: Consistency, index: UInt64,
        failover: FailoverSettings = FailoverSettings()
    ) {
        self.service = service
        self.state = state
        self.consistency = consistency
        self.index = index
        self.failover = failover
    }
}
