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
    case repeatsAfterInterim
    case repeatsWhatIsMalformed
    case takesDeadConnectionsInARow
    case retriesAmongTheDying
    case chargesForDeadConnections
    case retriesWithoutLimit
    case ignoresRetryBudget
    case holdsWhatKillsBackends
    case forgetsWhatAnswered
    case holdsAfterResponseByte
    case blamesEndpointForShortage
    case forgetsSuccess
    // The gate and the queue (ExchangeCore+Attempt).
    case passesTheGateUnasked
    case holdsForEver
    case believesStaleWords
    // Bodies and endings.
    case replaysPartOfABody
    case hoardsBodies
    case givesUpUnsentBodies
    case passesHalfRequestsOn
    case answersTwice
    case endsTwice
    case forwardsHeadTwice
    case keepsTheLastResponse
    case keepsTheLastPolicy
    case cancelsUnsafeOnClose
    case cancelsAnswersOnClose
    case cancelsThoughItIsOff
    case forgetsWhoLeft
    // Interim answers and upgrades.
    case passesInterimsForEver
    case forgetsInterimsOfEarlierAttempts
    case sendsInterimsToOldClients
    case asksToContinueAgain
    case upgradesUnasked
    case believesAnyUpgrade
    case upgradesHalfARequest
    // Time.
    case connectsWithinOneTimeout
    case firstByteCutsAnswers
    case prolongsFirstByteByInterims
    case hurriesEventStreams
    case blamesBackendForOurPause
    case blamesClientForSilentBackend
    case countsTheWaitForContinue
    case countsPausedTime
    case blamesClientForOurPause
    case blamesBackendForOldSilence
    case stallsFromTheFirstByte
    case answersWhoDoesNotRead
    case forgetsRequestTimeoutWhileWaiting

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
