// Tests what operators are told of a decision, and how reasons to hold are counted.
import Catalog
import Failover
import Testing
import Topology

@Suite struct ExplanationTests {
    private func explain(_ scenario: Scenario) throws -> FailoverExplanation {
        try #require(FailoverPlanner().explain(shop, scenario.situation))
    }

    @Test func itDecidesAsThePlannerDoes() throws {
        var scenario = Scenario()
        #expect(try explain(scenario).decision == promote(west))
        scenario.apply(.setFrozen(true))
        #expect(try explain(scenario).decision == scenario.decision)
        #expect(FailoverPlanner().explain(ServiceName("x"), scenario.situation) == nil)
    }

    @Test func votesAndConfirmationAreShown() throws {
        var scenario = Scenario()
        scenario.everyoneSees([down(east, for: .seconds(2)), up(west), up(south)])
        scenario.node(2, sees: [up(east), up(west), up(south)])
        let explanation = try explain(scenario)
        #expect(explanation.state == .stable(east, epoch(1)))
        #expect(explanation.downFor == .seconds(2) && explanation.confirm == .seconds(5))
        #expect(explanation.heard == 3 && explanation.voting == 3)
        let place = try #require(explanation.places.first)
        #expect(place.votes.map(\.vote) == [.up, .down, .down])
        #expect(place.votes.map(\.datacenter) == [south, west, east])
        #expect(place.objection == nil && place.downFor == .seconds(2))
    }

    @Test func candidatesAndTheirObjectionsAreShown() throws {
        var scenario = Scenario { $0.lagGate = .init(path: "/lag", limit: .seconds(2)) }
        scenario.everyoneSees([down(east), up(west, percent: 69), up(south)])
        scenario.observations[2].lag = [LagSample(lag: .seconds(1), age: .seconds(7))]
        // 50 % is enough if the primary is at 0 % for every voter.
        var places = try explain(scenario).places
        #expect(places.map(\.objection) == [nil, .lagUnknown, nil])
        #expect(places.map(\.percent) == [0, 69, 100])
        #expect(places[2].lag == .seconds(1) && places[2].lagAge == .seconds(7))
        // Candidates are judged even while the primary is fine, because operators may move it.
        scenario.everyoneSees([up(east), up(west, percent: 69), up(south)])
        places = try explain(scenario).places
        #expect(places.map(\.objection) == [nil, .unhealthy(percent: 69, minimum: 70), .lagUnknown])
    }

    @Test func observersAreShown() throws {
        var scenario = Scenario()
        scenario.observations.removeLast()
        scenario.node(1, sees: [down(east), down(west), down(south)])
        scenario.observations[0].receivedAt = at(1_000_000 - 1_600)
        let observers = try explain(scenario).observers
        #expect(observers.map(\.heardAgo) == [.milliseconds(1_600), .zero, nil])
        #expect(observers.map(\.counts) == [false, false, false])
        #expect(observers.map(\.isVoter) == [true, true, true])
    }

    @Test func aReasonIsCountedWhenItBegins() {
        var counts = HoldCounts()
        for _ in 0..<3 { counts.note(.hold([.frozen, .tied(down: 1, heard: 2)]), of: shop) }
        #expect(counts.totals == [shop: [.frozen: 1, .tied: 1]])
        counts.note(.hold([.frozen]), of: shop)
        counts.note(.hold([.frozen, .tied(down: 2, heard: 4)]), of: shop)
        #expect(counts.totals == [shop: [.frozen: 1, .tied: 2]])
        #expect(counts.present == [shop: [.frozen, .tied]])
        counts.note(promote(west), of: shop)
        #expect(counts.present == [shop: []])
        counts.notePromotion(.primaryDown, of: shop)
        counts.notePromotion(.primaryDown, of: shop)
        #expect(counts.promotions == [shop: [.primaryDown: 2]])
        counts.clearPresent()
        #expect(counts.present.isEmpty)
    }
}
