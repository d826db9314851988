// Owns the proof that each policy splits traffic as it says.
import Foundation
import Testing

extension EndToEnd {
    @Suite struct Splits {
        private static let requests = 10_000
        private static let workers = 2

        /// The statistic of Pearson's test of observed counts against equal or given shares.
        private static func chiSquared(_ observed: [Int], _ shares: [Double]) -> Double {
            let total = Double(observed.reduce(0, +))
            let whole = shares.reduce(0, +)
            return zip(observed, shares).map { count, share in
                let expected = total * share / whole
                return (Double(count) - expected) * (Double(count) - expected) / expected
            }.reduce(0, +)
        }

        private func counts(
            _ inputOutput: InputOutput, _ configuration: String, of names: [String], _ options: Load.Options = .init()
        ) throws -> [Int] {
            let proxy = try Proxy(inputOutput, configuration, workers: Self.workers)
            let tally = try Load.run(Self.requests, to: proxy.port, options)
            #expect(tally.failures == [])
            #expect(tally.statuses == [200: Self.requests])
            return names.map { tally.shares[$0] ?? 0 }
        }

        /// Endpoints that take turns: each worker's counts are exact but for the turn it stopped in.
        @Test(arguments: InputOutput.available)
        func roundRobinGivesEqualTurns(_ inputOutput: InputOutput) throws {
            let nginx = try Nginx.withSites(["a", "b", "c"])
            let counts = try counts(
                inputOutput, shop("endpoint_policy: round_robin,", ["west": endpoints(nginx.ports)]),
                of: ["a", "b", "c"])
            for count in counts { #expect(abs(count * 3 - Self.requests) <= 3 * Self.workers, "\(counts)") }
        }

        @Test(arguments: InputOutput.available)
        func weightedFollowsItsWeights(_ inputOutput: InputOutput) throws {
            let nginx = try Nginx.withSites(["a", "b", "c"])
            let counts = try counts(
                inputOutput,
                shop("endpoint_policy: weighted,", ["west": endpoints(nginx.ports, weights: [5, 3, 2])]),
                of: ["a", "b", "c"])
            for (count, share) in zip(counts, [5_000, 3_000, 2_000]) {
                #expect(abs(count - share) <= 5 * Self.workers, "\(counts)")
            }
        }

        /// 27.6 is exceeded once in a million times with two degrees of freedom.
        @Test(arguments: InputOutput.available)
        func randomIsEvenUpToChance(_ inputOutput: InputOutput) throws {
            let nginx = try Nginx.withSites(["a", "b", "c"])
            let counts = try counts(
                inputOutput, shop("endpoint_policy: random,", ["west": endpoints(nginx.ports)]), of: ["a", "b", "c"])
            #expect(Self.chiSquared(counts, [1, 1, 1]) < 27.6, "\(counts)")
        }

        /// Among equals each gets its share; one that is slow holds more requests, and so gets fewer.
        @Test(arguments: InputOutput.available, ["least_requests", "peak_ewma"])
        func loadGoesWhereItIsDoneFaster(_ inputOutput: InputOutput, _ policy: String) throws {
            let nginx = try Nginx.withSites(["a", "b"])
            let slow = try ScriptedServer.answering("slow", after: .milliseconds(20))
            var options = Load.Options()
            options.connections = 12
            let counts = try counts(
                inputOutput, shop("endpoint_policy: \(policy),", ["west": endpoints(nginx.ports + [slow.port])]),
                of: ["a", "b", "slow"], options)
            #expect(counts[2] < Self.requests / 10, "\(counts)")
            #expect(counts[2] > 0, "\(counts)")
            #expect(min(counts[0], counts[1]) > Self.requests / 4, "\(counts)")
        }

        @Test(arguments: InputOutput.available)
        func maglevKeepsKeysAndSpreadsThem(_ inputOutput: InputOutput) throws {
            let names = ["a", "b", "c", "d"]
            let nginx = try Nginx.separate(names)
            // Killed backends refuse at once; a living one must not be taken for dead on a busy machine: its keys would move.
            let service =
                "endpoint_policy: maglev, hash: { header: X-User }, health_check: { interval: 100ms, timeout: 2s },"
            let proxy = try Proxy(
                inputOutput, shop(service, ["west": endpoints(nginx.map(\.port))]), workers: Self.workers)
            var options = Load.Options()
            options.fields = "X-User: user-#\r\n"
            let tally = try Load.run(Self.requests, to: proxy.port, options)
            let counts = names.map { tally.shares[$0] ?? 0 }
            #expect(tally.failures == [])
            #expect(counts.reduce(0, +) == Self.requests)
            // The table's shares differ by a few per cent, and the keys by chance.
            for count in counts { #expect(abs(count - Self.requests / 4) < Self.requests / 25, "\(counts)") }

            let users = (0..<200).map { "X-User: customer-\($0)\r\n" }
            let places = { try users.map { try get(proxy.port, "/", $0).text } }
            let before = try places()
            #expect(try places() == before)
            try nginx[3].kill()
            try eventually("an endpoint that is down") { try proxy.state(of: nginx[3].address) == "down" }
            let moved = try zip(before, places()).filter { $0 != "d" && $0 != $1 }.count
            // Only the keys of the endpoint that is gone have to move; Maglev moves a few more.
            #expect(moved <= 10, "\(moved) of 200 users moved")
        }

        // MARK: Datacenters

        private static let places = ["west", "east", "south"]

        private func placeCounts(_ inputOutput: InputOutput, _ policy: String, weights: [Int]) throws -> [Int] {
            let nginx = try Nginx.withSites(Self.places)
            let keys = zip(nginx.ports, weights).map { "weight: \($1), " + endpoints([$0]) }
            return try counts(
                inputOutput,
                shop("datacenter_policy: \(policy),", ["west": keys[0], "east": keys[1], "south": keys[2]]),
                of: Self.places)
        }

        @Test(arguments: InputOutput.available)
        func weightedDatacentersFollowTheirWeights(_ inputOutput: InputOutput) throws {
            let counts = try placeCounts(inputOutput, "weighted", weights: [5, 3, 2])
            // At random or in turn: both keep within what chance allows.
            #expect(Self.chiSquared(counts, [5, 3, 2]) < 27.6, "\(counts)")
        }

        @Test(arguments: InputOutput.available)
        func datacentersTakeTurns(_ inputOutput: InputOutput) throws {
            let counts = try placeCounts(inputOutput, "round_robin", weights: [1, 1, 1])
            for count in counts { #expect(abs(count * 3 - Self.requests) <= 3 * 2 * Self.workers, "\(counts)") }
        }

        @Test(arguments: InputOutput.available)
        func randomDatacentersAreEvenUpToChance(_ inputOutput: InputOutput) throws {
            let counts = try placeCounts(inputOutput, "random", weights: [1, 1, 1])
            #expect(Self.chiSquared(counts, [1, 1, 1]) < 27.6, "\(counts)")
        }

        @Test(arguments: InputOutput.available)
        func primaryTakesEverything(_ inputOutput: InputOutput) throws {
            let counts = try placeCounts(inputOutput, "primary", weights: [1, 1, 1])
            #expect(counts == [Self.requests, 0, 0])
        }

        /// On one machine all datacenters are equally near: the own one gets everything, at each worker and from the
        /// first request on.
        @Test(arguments: InputOutput.available)
        func nearestFillsTheOwnDatacenterFirst(_ inputOutput: InputOutput) throws {
            let nginx = try Nginx.separate(Self.places)
            let service = "datacenter_policy: nearest, health_check: { interval: 100ms, timeout: 2s },"
            let ports = nginx.map { endpoints([$0.port]) }
            let proxy = try Proxy(
                inputOutput, shop(service, ["west": ports[0], "east": ports[1], "south": ports[2]]),
                workers: Self.workers)
            for _ in 0..<4 {
                let tally = try Load.run(Self.requests, to: proxy.port)
                #expect(tally.failures == [])
                #expect(tally.shares == [Self.places[0]: Self.requests])
            }
            try nginx[0].kill()
            // Then the next that the settings list.
            try eventually("traffic elsewhere") { try Load.run(100, to: proxy.port).shares == [Self.places[1]: 100] }
        }
    }
}
