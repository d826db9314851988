// Owns the proof that the tests see: every bug that can be seeded into the path of a request is found by a scenario.
import Testing

@testable import Proxying

@Suite("Seeded bugs") struct MutationTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let mutation: Mutation
        /// The title of the scenario that must see it.
        let seenBy: String
        var testDescription: String { mutation.rawValue }

        init(_ mutation: Mutation, seenBy title: String) {
            self.mutation = mutation
            seenBy = title
        }
    }

    static let cases = retries + admission + bodies + endings + answers + time

    private static let retries = [
        Case(.repeatsUnsafeAfterReset, seenBy: "a POST is not sent again after a reset"),
        Case(.repeatsUnsafeAfterStatus, seenBy: "503 for a POST is passed on"),
        Case(.repeatsUnsafeAfterCut, seenBy: "a POST that is cut is 502"),
        Case(
            .repeatsUnsafeOnDeadConnection, seenBy: "a POST may have reached the backend on a pooled connection"),
        Case(.repeatsAfterInterim, seenBy: "nothing is sent again after an interim answer"),
        Case(.repeatsWhatIsMalformed, seenBy: "a malformed answer is not asked for again"),
        Case(.takesDeadConnectionsInARow, seenBy: "a dead pooled connection is nobody's retry"),
        Case(.chargesForDeadConnections, seenBy: "a dead pooled connection is nobody's retry"),
        Case(
            .retriesAmongTheDying, seenBy: "a retry after a reset waits a moment where requests may wait"),
        Case(.retriesWithoutLimit, seenBy: "retries are limited by the policy"),
        Case(.ignoresRetryBudget, seenBy: "retries are limited by the budget"),
        Case(.holdsWhatKillsBackends, seenBy: "what may kill backends is not held"),
        Case(.forgetsWhatAnswered, seenBy: "what a backend answered with 502 has reached one"),
        Case(.holdsAfterResponseByte, seenBy: "a GET that is cut after a byte of an answer is 502"),
        Case(.blamesEndpointForShortage, seenBy: "a want of ports while connecting is not tried again"),
        Case(.forgetsSuccess, seenBy: "200 is passed on as a success"),
    ]

    private static let admission = [
        Case(.passesTheGateUnasked, seenBy: "a held request asks the gate when it is let go on"),
        Case(.passesTheGateUnasked, seenBy: "a request waits for room and asks the gate again"),
        Case(.passesTheGateUnasked, seenBy: "a retry asks the gate, which may hold it"),
        Case(.holdsForEver, seenBy: "a request without an endpoint is held as long as the service says"),
        Case(.believesStaleWords, seenBy: "words that come too early or too late change nothing"),
    ]

    private static let bodies = [
        Case(.replaysPartOfABody, seenBy: "a body over the replay limit is not sent again"),
        Case(.replaysPartOfABody, seenBy: "a body for which there is no room is not sent again"),
        Case(.replaysPartOfABody, seenBy: "a cut PUT whose body is not kept is 502"),
        Case(.hoardsBodies, seenBy: "a body over the replay limit is not sent again"),
        Case(.givesUpUnsentBodies, seenBy: "what no backend got is held without room to keep it"),
        Case(.passesHalfRequestsOn, seenBy: "half a request is not passed on as a whole one"),
    ]

    private static let endings = [
        Case(.answersTwice, seenBy: "half of an answer is cut off"),
        Case(.endsTwice, seenBy: "a body that turns malformed after the end changes nothing"),
        Case(.forwardsHeadTwice, seenBy: "one answer is enough"),
        Case(.keepsTheLastResponse, seenBy: "a second request begins with nothing of the first"),
        Case(.keepsTheLastPolicy, seenBy: "a second request begins with nothing of the first"),
        Case(.cancelsUnsafeOnClose, seenBy: "who leaves before an answer does not cancel a POST"),
        Case(
            .cancelsAnswersOnClose, seenBy: "a client that has said all it has to say gets the rest of its answer"),
        Case(.cancelsThoughItIsOff, seenBy: "who leaves does not cancel anything when that is off"),
        Case(.forgetsWhoLeft, seenBy: "who leaves before an answer cancels a GET"),
    ]

    private static let answers = [
        Case(.passesInterimsForEver, seenBy: "the seventeenth interim answer is one too many"),
        Case(.passesInterimsForEver, seenBy: "100 that nobody waits for is swallowed, and counts"),
        Case(.forgetsInterimsOfEarlierAttempts, seenBy: "interim answers count over all attempts"),
        Case(.sendsInterimsToOldClients, seenBy: "HTTP/1.0 gets no interim answer"),
        Case(.asksToContinueAgain, seenBy: "who was told to continue is not asked to wait again"),
        Case(.asksToContinueAgain, seenBy: "100 reaches a client that waits for it, once"),
        Case(.upgradesUnasked, seenBy: "101 that nobody asked for is refused"),
        Case(.believesAnyUpgrade, seenBy: "101 in other words than WebSocket's is refused"),
        Case(.upgradesHalfARequest, seenBy: "101 before the request has ended is refused"),
    ]

    private static let time = [
        Case(.connectsWithinOneTimeout, seenBy: "every connect has its own time"),
        Case(.firstByteCutsAnswers, seenBy: "the first byte does not count once an answer has begun"),
        Case(.firstByteCutsAnswers, seenBy: "a head that has begun has met the first byte"),
        Case(.prolongsFirstByteByInterims, seenBy: "interim answers do not prolong the first byte"),
        Case(.hurriesEventStreams, seenBy: "an event stream may pause longer"),
        Case(.blamesBackendForOurPause, seenBy: "while the client holds an answer back the backend owes nothing"),
        Case(
            .blamesBackendForOurPause,
            seenBy: "the client that does not take interim answers is no fault of the backend's"),
        Case(
            .blamesClientForSilentBackend, seenBy: "a backend that does not say whether to continue is silent"),
        Case(.countsTheWaitForContinue, seenBy: "the wait for 100 does not count against the client"),
        Case(.countsPausedTime, seenBy: "what we do not receive is nobody's pause"),
        Case(.blamesClientForOurPause, seenBy: "what we do not receive is nobody's pause"),
        Case(.blamesBackendForOldSilence, seenBy: "the first byte counts from the end of a body"),
        Case(.stallsFromTheFirstByte, seenBy: "a client that takes a little is not cut off"),
        Case(.answersWhoDoesNotRead, seenBy: "who does not take interim answers is not answered"),
        Case(
            .forgetsRequestTimeoutWhileWaiting, seenBy: "the whole of a request has its time in the queue"),
        Case(
            .forgetsRequestTimeoutWhileWaiting, seenBy: "the whole of a request has its time while it is held"),
    ]

    private static let scenarios =
        AdmissionTests.scenarios + RetryTests.scenarios + BodyTests.scenarios + EndingTests.scenarios
        + ResponseTests.scenarios + CutTests.scenarios + TimeTests.scenarios

    @Test func everyMutationIsSeen() {
        let seen = Set(Self.cases.map(\.mutation))
        #expect(Mutation.allCases.filter { !seen.contains($0) } == [])
    }

    @Test func everyScenarioHasATitleOfItsOwn() {
        let titles = Dictionary(grouping: Self.scenarios, by: \.title)
        #expect(titles.filter { $1.count > 1 }.keys.sorted() == [])
    }

    @Test(arguments: cases) func isSeen(_ test: Case) throws {
        let scenario = try #require(Self.scenarios.first { $0.title == test.seenBy }, "no scenario \(test.seenBy)")
        #expect(scenario.violations() == [])
        #expect(Mutation.$seeded.withValue(test.mutation) { scenario.violations() } != [])
    }
}
