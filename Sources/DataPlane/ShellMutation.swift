// Owns the bugs that are put into the worker's part of the request path on purpose, to see that its tests find them.

/// A mistake in how exchanges, sessions, tunnels and pools carry out what the core decides. `ShellMutationTests` names
/// the test that must see each.
///
/// They exist in debug builds only; a release build has none of them, and no check for them.
enum ShellMutation: String, CaseIterable, Sendable {
    case sendsOldEpoch
    case writesWithoutPermit
    case tunnelsWithoutPermit
    case keepsPiecesTwice
    case replaysNothing
    case pipesWhatIsKept
    case leaksPermit
    case leaksInFlight
    case leaksReplayBytes
    case leaksHolding
    case leaksTunnel
    case endsTunnelBeforeItIsOut
    case dropsEarlyBytes
    case deliversHalfSentRequest
    case pausesNothing
    case cutsNothing
    case overfillsEndpoint
    case keepsComersOfClosedListeners

    #if DEBUG
        /// The one that is in force, for the code that a test runs inside of `$seeded.withValue`.
        @TaskLocal static var seeded: ShellMutation?
        @inline(__always)
        static func seeds(_ mutation: ShellMutation) -> Bool { seeded == mutation }
    #else
        @inline(__always)
        static func seeds(_ mutation: ShellMutation) -> Bool { false }
    #endif
}
