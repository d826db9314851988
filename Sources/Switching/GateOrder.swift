// Owns what a gate tells the workers, and what a worker does with a request because of it.
public import Catalog
public import Topology

/// Why requests of a service wait.
public enum HoldReason: String, CaseIterable, Hashable, Sendable {
    /// The node has not yet applied the service's registration.
    case unregistered
    /// A switch is under way.
    case switching
    /// This node still has exchanges in flight towards another datacenter.
    case draining
    /// The node has no lease: it has just started, or it cannot reach a quorum of the group.
    case noLease
    /// The primary has no usable endpoint.
    case noUsableEndpoint
}

/// The order that workers obey. Each picks it up at its next turn and keeps a copy.
public struct GateOrder: Hashable, Sendable {
    public enum Mode: Hashable, Sendable {
        /// New requests go to this datacenter, with this epoch.
        case serve(DatacenterName, Epoch)
        /// New requests wait until `holdUntil`, as far as the limits of count and bytes allow; then they are refused.
        case hold(HoldReason)
    }

    /// Grows when the mode changes, not when only ticks do. An exchange belongs to the generation it was admitted
    /// under.
    public var generation: UInt64
    public var mode: Mode
    /// From this tick on nothing new is admitted.
    public var admitUntil: Tick
    /// From this tick on nothing is written to a backend of the service, whatever its generation.
    public var writeUntil: Tick
    /// When a held request is refused; `distantFuture` while nothing is held.
    public var holdUntil: Tick
    /// What `Retry-After` says when a request is refused.
    public var retryAfter: Duration
    /// How long a request whose endpoint cannot be reached waits for another one; zero: it fails at once. For strict
    /// services a dead primary then causes waiting until it is detected, not failures.
    public var holdBudget: Duration

    public init(
        generation: UInt64, mode: Mode, admitUntil: Tick, writeUntil: Tick, holdUntil: Tick, retryAfter: Duration,
        holdBudget: Duration = .zero
    ) {
        self.generation = generation
        self.mode = mode
        self.admitUntil = admitUntil
        self.writeUntil = writeUntil
        self.holdUntil = holdUntil
        self.retryAfter = retryAfter
        self.holdBudget = holdBudget
    }

    /// What to do with a request, a new one or a retry, at `now`. O(1).
    public func decision(now: Tick) -> GateDecision {
        switch mode {
        case .serve(let datacenter, let epoch):
            // The control thread has not yet said that the lease is over.
            guard now < admitUntil else { return .hold(until: holdUntil, .noLease) }
            return .serve(datacenter, epoch, generation: generation)
        case .hold(let reason):
            return now < holdUntil ? .hold(until: holdUntil, reason) : .refuse(reason, retryAfter: retryAfter)
        }
    }

    /// What becomes of an exchange that was cut.
    ///
    /// - Parameters:
    ///   - isReplayable: whether its method is idempotent and all of its request is still at hand.
    ///   - sawResponse: whether a byte of the response came.
    public func afterCut(isReplayable: Bool, sawResponse: Bool, now: Tick) -> CutOutcome {
        if sawResponse { return .close }
        guard isReplayable else { return .badGateway }
        switch decision(now: now) {
        case .hold(let until, _): return .holdAgain(until: until)
        case .serve: return .holdAgain(until: now)
        case .refuse: return .badGateway
        }
    }
}

extension GateOrder.Mode {
    /// Whether requests wait.
    public var isHold: Bool {
        if case .hold = self { true } else { false }
    }
}

/// What a worker does with one request.
public enum GateDecision: Hashable, Sendable {
    /// Send it to this datacenter. The exchange carries the generation.
    case serve(DatacenterName, Epoch, generation: UInt64)
    /// Hold it until then at most, and ask again at every new order.
    case hold(until: Tick, HoldReason)
    /// 503 with `Retry-After`.
    case refuse(HoldReason, retryAfter: Duration)
}

/// What becomes of an exchange that was cut.
public enum CutOutcome: Hashable, Sendable {
    /// It is held again.
    case holdAgain(until: Tick)
    /// 502: the backend may have acted on it, or the request cannot be sent again.
    case badGateway
    /// The response has begun, so the connection can only be closed.
    case close
}
