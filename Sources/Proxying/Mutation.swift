// Owns the bugs that are put into the request path on purpose, to see that its tests find them.

/// A mistake in one rule of the request path. `MutationTests` names the test that must see each.
///
/// They exist in debug builds only; a release build has none of them, and no check for them.
package enum Mutation: String, CaseIterable, Sendable {
    // Retries (ExchangeCore+Failure).
    case repeatsUnsafeAfterReset
    case repeatsUnsafeAfterStatus
    case repeatsUnsafeAfterCut
    case repeatsUnsafeOnDeadConnection
    case takesDeadConnectionsInARow
    case retriesWithoutLimit
    case ignoresRetryBudget
    case holdsWhatKillsBackends
    case holdsForEver
    case blamesEndpointForShortage
    // Bodies and endings.
    case replaysPartOfABody
    case answersTwice
    // Interim answers and upgrades.
    case passesInterimsForEver
    case asksToContinueAgain
    case upgradesUnasked
    case believesAnyUpgrade
    // Time.
    case blamesClientForSilentBackend
    case countsPausedTime

    #if DEBUG
        /// The one that is in force, for the code that a test runs inside of `$seeded.withValue`.
        @TaskLocal package static var seeded: Mutation?
        @inline(__always)
        package static func seeds(_ mutation: Mutation) -> Bool { seeded == mutation }
    #else
        @inline(__always)
        package static func seeds(_ mutation: Mutation) -> Bool { false }
    #endif
}
