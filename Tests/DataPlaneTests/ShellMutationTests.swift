// Owns the proof that the tests see: every bug that can be seeded into exchanges and tunnels is found by a scenario.
import Proactor
import Testing

@testable import DataPlane

@Suite("Seeded bugs of exchanges") struct ShellMutationTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let mutation: ShellMutation
        /// The title of the scenario that must see it.
        let seenBy: String
        var testDescription: String { mutation.rawValue }

        init(_ mutation: ShellMutation, seenBy title: String) {
            self.mutation = mutation
            seenBy = title
        }
    }

    static let cases = [
        Case(.sendsOldEpoch, seenBy: "a held request goes on with the epoch of the order that lets it"),
        Case(.sendsOldEpoch, seenBy: "a GET that is cut is sent to the next primary, with its epoch"),
        Case(.writesWithoutPermit, seenBy: "no head is written once the lease is over"),
        Case(.writesWithoutPermit, seenBy: "no more of a body is written once the lease is over"),
        Case(.writesWithoutPermit, seenBy: "a connection that is used again asks by the order of its request"),
        Case(.tunnelsWithoutPermit, seenBy: "no more of a tunnel is written once the lease is over"),
        Case(.keepsPiecesTwice, seenBy: "a body that is kept is sent again, once"),
        Case(.replaysNothing, seenBy: "the rest of a body follows what is kept of it"),
        Case(.pipesWhatIsKept, seenBy: "what is kept of a long body is sent again whole"),
        Case(.leaksPermit, seenBy: "an order is confirmed when nothing older is in flight"),
        Case(.leaksInFlight, seenBy: "a request and its answer pass"),
        Case(.leaksReplayBytes, seenBy: "a body that is kept is sent again, once"),
        Case(.leaksReplayBytes, seenBy: "a body over the limit is not sent again, nor a part of it"),
        Case(.leaksHolding, seenBy: "who leaves while it is held does not wait on"),
        Case(.leaksTunnel, seenBy: "a tunnel ends for each side when all is out"),
        Case(.endsTunnelBeforeItIsOut, seenBy: "a tunnel ends for each side when all is out"),
        Case(.dropsEarlyBytes, seenBy: "an upgrade keeps what both sides have said early"),
        Case(.dropsEarlyBytes, seenBy: "what comes behind the header of a session reaches its backend"),
        Case(
            .deliversHalfSentRequest,
            seenBy: "half a request that was answered early does not reach the old primary later"),
        Case(.pausesNothing, seenBy: "a client that takes nothing holds the backend back"),
        Case(.cutsNothing, seenBy: "a POST that is cut is 502"),
        Case(
            .keepsComersOfClosedListeners,
            seenBy: "who comes from a closed listener gets one answer, with or without a header"),
        Case(.overfillsEndpoint, seenBy: "a request waits for room, and goes on when there is some"),
    ]

    private static let scenarios = ExchangeTests.scenarios + PrimaryTests.scenarios + EntranceTests.scenarios

    @Test func everyMutationIsSeen() {
        let seen = Set(Self.cases.map(\.mutation))
        #expect(ShellMutation.allCases.filter { !seen.contains($0) } == [])
    }

    @Test func everyScenarioHasATitleOfItsOwn() {
        let titles = Dictionary(grouping: Self.scenarios, by: { $0.title })
        #expect(titles.filter { $1.count > 1 }.keys.sorted() == [])
    }

    @Test(arguments: cases, IOKind.allCases) func isSeen(_ test: Case, _ io: IOKind) throws {
        let scenario = try #require(Self.scenarios.first { $0.title == test.seenBy }, "no scenario \(test.seenBy)")
        #expect(scenario.violations(io) == [])
        #expect(ShellMutation.$seeded.withValue(test.mutation) { scenario.violations(io) } != [])
    }
}
