// Owns the tests of how the limit of open files is divided.
import Testing

@testable import DataPlane

@Suite("Shares of descriptors")
struct DescriptorSharesTests {
    private func demand(_ change: (inout DescriptorShares.Demand) -> Void = { _ in }) -> DescriptorShares.Demand {
        var demand = DescriptorShares.Demand()
        change(&demand)
        return demand
    }

    @Test(
        "What a limit is divided into",
        arguments: [
            // limit, workers, endpoints, wanted; clients, backends, admin, checks, own
            (1024, 2, 3, nil, 384, 385, 58, 3, 90) as Row,
            (256, 2, 3, nil, 67, 68, 16, 3, 90),
            (1024, 2, 0, 100, 100, 672, 58, 0, 90),
            (1024, 2, 0, 5000, 386, 386, 58, 0, 90),
            (65_536, 4, 10_000, nil, 30_165, 30_165, 512, 4090, 92),
            (1_048_576, 8, 10, nil, 523_459, 523_459, 512, 10, 112),
        ])
    fileprivate func shares(_ row: Row) throws {
        let shares = try DescriptorShares(
            limit: row.0,
            demand {
                $0.workers = row.1
                $0.listeners = 1
                $0.endpoints = row.2
                $0.connections = row.3
                if row.1 == 2 { $0.listeners = 5 }
            })
        let all = shares.clients + shares.backends + shares.admin + shares.checks + shares.pipes + shares.own
        #expect(all == row.0)
        #expect(shares.pipes == 2 * row.1 * shares.pipesByWorker && shares.pipesByWorker <= 64)
        #expect(shares.clients <= shares.backends)
        #expect(
            [shares.clients, shares.backends, shares.admin, shares.checks, shares.own]
                == [row.4, row.5, row.6, row.7, row.8])
    }

    typealias Row = (Int, Int, Int, Int?, Int, Int, Int, Int, Int)

    @Test("A limit that is too small says what is needed, and that is enough", arguments: [0, 10, 64, 100])
    func shortage(_ limit: Int) throws {
        for demand in [
            demand(), demand { $0.workers = 256 }, demand { $0.listeners = 40 }, demand { $0.endpoints = 9_999 },
            demand { $0.members = 9 }, demand { $0.connections = 1 },
        ] {
            let shortage = #expect(throws: DescriptorShares.Shortage.self) {
                try DescriptorShares(limit: limit, demand)
            }
            let needed = try #require(shortage?.needed)
            let enough = try DescriptorShares(limit: needed, demand)
            #expect(enough.backends >= 16 && enough.admin >= 16)
            #expect(throws: DescriptorShares.Shortage.self) { try DescriptorShares(limit: needed - 1, demand) }
        }
    }

    @Test("The budget of connections to backends is never exceeded, and what is given back can be taken again")
    func budget() {
        let budget = ConnectionBudget()
        #expect(budget.take(), "without a limit there is always room")
        budget.limit = 3
        #expect(budget.take() && budget.take())
        #expect(budget.isFull)
        #expect(!budget.take())
        #expect(budget.count == 3)
        budget.giveBack()
        #expect(!budget.isFull && budget.take())
    }
}
