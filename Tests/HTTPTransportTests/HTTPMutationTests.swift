// Owns the proof that the tests see: every bug that can be seeded into HTTP/1 connections is found by a scenario.
import Proactor
import Testing

@testable import HTTPTransport

@Suite("Seeded bugs of connections") struct HTTPMutationTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let mutation: HTTPMutation
        /// The title of the scenario that must see it.
        let seenBy: String
        var testDescription: String { mutation.rawValue }

        init(_ mutation: HTTPMutation, seenBy title: String) {
            self.mutation = mutation
            seenBy = title
        }
    }

    static let cases = [
        Case(.forgetsRest, seenBy: "requests that come at once are answered in their order"),
        Case(.forgetsRest, seenBy: "FIN behind two requests leaves both their answers"),
        Case(.idlesWhileUnsent, seenBy: "idleness begins when the last byte is with the kernel"),
        Case(.closesBeforeAnswerIsOut, seenBy: "a last answer is out whole before the connection ends"),
        Case(.doesNotLinger, seenBy: "an early answer arrives though its client goes on sending"),
        Case(.keepsHalfReadConnection, seenBy: "an early answer ends the connection, and says so"),
        Case(
            .keepsConnectionWithoutFraming,
            seenBy: "HTTP/1.0 gets a body without an end of its own until the connection ends"),
        Case(.sendsHeadAlone, seenBy: "a small body goes out with its head in one send"),
        Case(.sendsInterimsToOldClients, seenBy: "HTTP/1.0 gets no interim answer"),
        Case(.servesWhileDraining, seenBy: "a stop closes who is idle, and others after their answer"),
        Case(.readsBodyUnasked, seenBy: "a body waits until it is asked for"),
        Case(.poolsHalfSentRequest, seenBy: "an answer to half a request ends the connection"),
        Case(.poolsWithBytesBehind, seenBy: "bytes behind an answer end the connection"),
        Case(.poolsUnsent, seenBy: "an answer to a request that is not out ends the connection"),
        Case(.resumesNothingAfterPause, seenBy: "what came behind an interim answer waits while it is paused"),
        Case(.losesBytesBehindInterim, seenBy: "an interim answer and the final one may come at once"),
        Case(.readsWhilePaused, seenBy: "what came behind an interim answer waits while it is paused"),
        Case(.pipesBytesBehindBody, seenBy: "a pipe takes nothing that lies behind a body"),
        Case(.ignoresUnaskedBytes, seenBy: "bytes that answer no request end the connection"),
    ]

    private static let scenarios = H1ServerTests.scenarios + H1ServerAnswerTests.scenarios + H1ClientTests.scenarios

    @Test func everyMutationIsSeen() {
        let seen = Set(Self.cases.map(\.mutation))
        #expect(HTTPMutation.allCases.filter { !seen.contains($0) } == [])
    }

    @Test func everyScenarioHasATitleOfItsOwn() {
        let titles = Dictionary(grouping: Self.scenarios, by: { $0.title })
        #expect(titles.filter { $1.count > 1 }.keys.sorted() == [])
    }

    @Test(arguments: cases, IOKind.allCases) func isSeen(_ test: Case, _ io: IOKind) throws {
        let scenario = try #require(Self.scenarios.first { $0.title == test.seenBy }, "no scenario \(test.seenBy)")
        #expect(scenario.violations(io) == [])
        #expect(HTTPMutation.$seeded.withValue(test.mutation) { scenario.violations(io) } != [])
    }
}
