// Owns what a gate tells the workers, and what a worker does with one request by it.
public import Catalog
public import Topology

/// Why requests of a service wait.
public enum HoldReason: String, CaseIterable, Hashable, Sendable {
    /// The node has not applied that the service exists.
    case unregistered
    /// A switch is under way.
    case switching
    /// What this node has in flight towards another datacenter is not over.
    case draining
    /// The node has no lease: it started just now, or the group has no quorum that it can reach.
    case noLease
    /// The primary has no usable endpoint.
    case noUsableEndpoint
}

/// What the workers obey; each takes it at its next turn and keeps a copy.
public struct GateOrder: Hashable, Sendable {
    public enum Mode: Hashable, Sendable {
        /// New requests go to this datacenter, with this epoch.
        case serve(DatacenterName, Epoch)
        /// New requests wait until `holdUntil`, within the bounds of count and bytes; then they are refused.
        case hold(HoldReason)
    }

    /// Grows when the mode changes, not when only ticks do. An exchange belongs to the generation it was admitted under.
    public var generation: UInt64
    public var mode: Mode
    /// At or after this tick nothing new is admitted.
    public var admitUntil: Tick
    /// At or after this tick nothing is written to a backend of the service, whatever generation it is of.
    public var writeUntil: Tick
    /// When a held request is refused; `distantFuture` while nothing is held.
    public var holdUntil: Tick
    /// What `Retry-After` says when a request is refused.
    public var retryAfter: Duration
    /// How long a request whose endpoint cannot be reached waits for another; zero: it fails at once. A dead primary
    /// then costs waiting until it is found out, not failures (strict).
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
            // The control thread is late with its word that the lease ends.
            guard now < admitUntil else { return .hold(until: holdUntil, .noLease) }
            return .serve(datacenter, epoch, generation: generation)
        case .hold(let reason):
            return now < holdUntil ? .hold(until: holdUntil, reason) : .refuse(reason, retryAfter: retryAfter)
        }
    }

    /// What becomes of an exchange that was cut.
    ///
    /// - Parameters:
    ///   - isReplayable: its method is idempotent, and all of its request is still at hand.
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
    /// Keep it until then at most; ask again at every new order.
    case hold(until: Tick, HoldReason)
    /// 503 with `Retry-After`.
    case refuse(HoldReason, retryAfter: Duration)
}

/// What becomes of an exchange that was cut.
public enum CutOutcome: Hashable, Sendable {
    /// It goes back to those that wait.
    case holdAgain(until: Tick)
    /// 502: whether the backend acted is not known, or the request cannot be sent again.
    case badGateway
    /// The response has begun: all that is left is to close.
    case close
}
