// Owns the outcomes of a check, active or passive, and why one failed.

/// Why a check failed.
public enum CheckFailure: Hashable, Sendable {
    /// The connect was refused: nothing listens.
    case connectRefused
    /// The connect or the exchange was reset.
    case connectionReset
    /// No route, no such name, or another network error before there was a connection.
    case unreachable
    /// No verdict within the check's timeout.
    case timedOut
    /// The peer closed the connection before it had answered.
    case closed
    /// An answer with a status that is not among the expected ones.
    case status(Int)
    /// The body lacks the text that it should contain.
    case bodyMismatch
    /// An answer that breaks the protocol.
    case malformed
    /// A gRPC health answer other than SERVING.
    case notServing
}

/// The outcome of one active check.
public enum CheckResult: Hashable, Sendable {
    case success
    case failure(CheckFailure)
}

/// What traffic itself showed of an endpoint; counts at once, without waiting for the next check.
public enum PassiveFailure: Hashable, Sendable {
    /// A request's connect was refused.
    case connectRefused
    /// A request's connect was reset.
    case connectReset

    /// The reason that an active check would give for it.
    public var asCheckFailure: CheckFailure {
        switch self {
        case .connectRefused: .connectRefused
        case .connectReset: .connectionReset
        }
    }
}
