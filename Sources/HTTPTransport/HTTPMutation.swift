// Owns the bugs that are put into HTTP/1 connections on purpose, to see that their tests find them.

/// A mistake in one rule of `H1Server` or `H1Client`. `HTTPMutationTests` names the test that must see each.
///
/// They exist in debug builds only; a release build has none of them, and no check for them.
package enum HTTPMutation: String, CaseIterable, Sendable {
    // Clients' connections.
    case forgetsRest
    case idlesWhileUnsent
    case closesBeforeAnswerIsOut
    case doesNotLinger
    case keepsHalfReadConnection
    case keepsConnectionWithoutFraming
    case sendsHeadAlone
    case sendsInterimsToOldClients
    case servesWhileDraining
    case readsBodyUnasked
    // Connections to backends.
    case poolsHalfSentRequest
    case poolsWithBytesBehind
    case poolsUnsent
    case resumesNothingAfterPause
    case losesBytesBehindInterim
    case readsWhilePaused
    case pipesBytesBehindBody
    case ignoresUnaskedBytes

    #if DEBUG
        /// The one that is in force, for the code that a test runs inside of `$seeded.withValue`.
        @TaskLocal package static var seeded: HTTPMutation?
        @inline(__always)
        package static func seeds(_ mutation: HTTPMutation) -> Bool { seeded == mutation }
    #else
        @inline(__always)
        package static func seeds(_ mutation: HTTPMutation) -> Bool { false }
    #endif
}
