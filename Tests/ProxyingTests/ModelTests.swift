// Tests that no sequence of events makes the core break what must hold for every request.
import Testing

@testable import Proxying

@Suite struct ModelTests {
    @Test func noSequenceOfEventsBreaksARule() {
        var sends = 0
        var retries = 0
        var holds = 0
        var cuts = 0
        var deadConnections = 0
        var answers = 0
        for seed in 1...10_000 as ClosedRange<UInt64> {
            var exchange = RandomExchange(seed: seed)
            exchange.run()
            let model = exchange.model
            if let violation = model.violations.first {
                Issue.record("seed \(seed): \(violation)\n\(exchange.history)")
                return
            }
            sends += model.sends
            retries += model.retries
            holds += model.holds
            cuts += model.cuts
            deadConnections += model.deadConnections
            answers += model.isAnswered ? 1 : 0
        }
        // The rules must not be kept by never doing anything.
        #expect(sends > 8_000)
        #expect(retries > 1_000)
        #expect(holds > 5_000)
        #expect(cuts > 300)
        #expect(deadConnections > 200)
        #expect(answers > 1_000)
    }

    @Test func theDeadlineIsTheMomentAtWhichATickActs() {
        for seed in 1...1_000 as ClosedRange<UInt64> {
            var exchange = RandomExchange(seed: seed)
            for _ in 0..<RandomExchange.length {
                exchange.advance()
                if let problem = exchange.unsoundDeadlines.first {
                    Issue.record("seed \(seed): \(problem)\n\(exchange.history)")
                    return
                }
            }
        }
    }

    /// The model is no proof of anything that it cannot see.
    @Test(arguments: [
        Mutation.repeatsUnsafeAfterReset, .repeatsUnsafeAfterStatus, .repeatsUnsafeAfterCut,
        .repeatsUnsafeOnDeadConnection, .repeatsAfterInterim, .takesDeadConnectionsInARow, .chargesForDeadConnections,
        .retriesWithoutLimit, .ignoresRetryBudget, .holdsWhatKillsBackends, .forgetsWhatAnswered,
        .holdsAfterResponseByte, .blamesEndpointForShortage, .forgetsSuccess, .passesTheGateUnasked,
        .replaysPartOfABody, .hoardsBodies, .answersTwice, .endsTwice, .forwardsHeadTwice, .passesInterimsForEver,
        .forgetsInterimsOfEarlierAttempts, .sendsInterimsToOldClients, .asksToContinueAgain, .upgradesUnasked,
        .believesAnyUpgrade, .upgradesHalfARequest,
    ])
    func theModelSees(_ mutation: Mutation) {
        Mutation.$seeded.withValue(mutation) {
            for seed in 1...10_000 as ClosedRange<UInt64> {
                var exchange = RandomExchange(seed: seed)
                exchange.run()
                if !exchange.model.violations.isEmpty { return }
            }
            Issue.record("\(mutation) was not seen")
        }
    }
}
