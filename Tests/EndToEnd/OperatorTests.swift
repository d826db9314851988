// Owns the proof that operators' changes take effect under load, and cost no request.
import Foundation
import Testing

extension EndToEnd {
    @Suite struct Operators {
        /// How soon all workers know a change.
        private static let propagation = Duration.milliseconds(100)

        /// Lets the promised time pass: what counts is what happens after it.
        private func awaitPropagation() { Thread.sleep(forTimeInterval: Self.propagation / .seconds(1)) }

        private func twoPlaces(_ a: Nginx, _ b: Nginx, _ service: String = "") -> String {
            shop(service, ["west": endpoints(a.ports), "east": endpoints(b.ports)])
        }

        @Test(arguments: InputOutput.available)
        func weightIsSeenByAllWorkersWithinItsTime(_ inputOutput: InputOutput) throws {
            let west = try Nginx.withSites(["west"])
            let east = try Nginx.withSites(["east"])
            let proxy = try Proxy(inputOutput, twoPlaces(west, east))
            let load = Load(proxy.port)
            try load.progress(by: 1_000)
            let changed = try proxy.admin(
                "PUT", "/v1/services/shop/datacenters/east/weight", #"{"weight":0,"reason":"test"}"#)
            let off = ContinuousClock.now + Self.propagation
            #expect(changed.status == 200, "\(changed.text)")
            try load.progress(by: 2_000, after: off)
            let dark = ContinuousClock.now
            let reset = try proxy.admin("DELETE", "/v1/services/shop/datacenters/east/weight")
            let on = ContinuousClock.now + Self.propagation
            #expect(reset.status == 200, "\(reset.text)")
            try load.progress(by: 2_000, after: on)
            let tally = try load.stop()
            #expect(tally.failures == [])
            #expect(Set(tally.statuses.keys) == [200])
            let during = tally.answers.filter { $0.began > off && $0.ended < dark }
            #expect(during.count > 100)
            #expect(during.allSatisfy { $0.body == "west" })
            let after = tally.answers.filter { $0.began > on }
            let share = Double(after.count { $0.body == "east" }) / Double(after.count)
            #expect(abs(share - 0.5) < 0.1, "\(share)")
        }

        /// Through the command: 1:1, then 3:1, then the file's again.
        @Test(arguments: InputOutput.available)
        func splitFollowsWeightsWhileLoaded(_ inputOutput: InputOutput) throws {
            let west = try Nginx.withSites(["west"])
            let east = try Nginx.withSites(["east"])
            let proxy = try Proxy(inputOutput, twoPlaces(west, east))
            let load = Load(proxy.port)
            var marks: [(from: ContinuousClock.Instant, to: ContinuousClock.Instant, east: Double)] = []
            for (words, east) in [
                (["weight", "set", "shop", "west", "3"], 0.25), (["weight", "reset", "shop", "west"], 0.5),
            ] {
                let result = try ChildProcess.run(
                    [Binary.path] + words + ["--admin", "http://127.0.0.1:\(proxy.adminPort)"])
                #expect(result.exit == .code(0), "\(result.output)")
                let from = ContinuousClock.now + Self.propagation
                try load.progress(by: 4_000, after: from)
                marks.append((from, ContinuousClock.now, east))
            }
            let tally = try load.stop()
            #expect(tally.failures == [])
            #expect(Set(tally.statuses.keys) == [200])
            for mark in marks {
                let answers = tally.answers.filter { $0.began > mark.from && $0.ended < mark.to }
                #expect(answers.count > 1_000)
                let share = Double(answers.count { $0.body == "east" }) / Double(answers.count)
                #expect(abs(share - mark.east) < 0.07, "\(share) instead of \(mark.east)")
            }
        }

        @Test(arguments: InputOutput.available)
        func endpointWeightsAndDrainsAreFollowed(_ inputOutput: InputOutput) throws {
            let nginx = try Nginx.withSites(["a", "b"])
            let proxy = try Proxy(inputOutput, shop("endpoint_policy: weighted,", ["west": endpoints(nginx.ports)]))
            let place = "west/127.0.0.1:\(nginx.ports[1])"
            #expect(try proxy.command("weight", "set", "shop", place, "4").exit == .code(0))
            awaitPropagation()
            let weighted = try Load.run(5_000, to: proxy.port)
            #expect(abs((weighted.shares["b"] ?? 0) - 4_000) <= 20, "\(weighted.shares)")
            #expect(try proxy.command("drain", "shop", place).exit == .code(0))
            awaitPropagation()
            #expect(try Load.run(1_000, to: proxy.port).shares == ["a": 1_000])
            #expect(try proxy.state(of: "127.0.0.1:\(nginx.ports[1])") == "draining")
            #expect(try proxy.command("undrain", "shop", place).exit == .code(0))
            awaitPropagation()
            let undrained = try Load.run(1_000, to: proxy.port)
            #expect((undrained.shares["b"] ?? 0) >= 700, "\(undrained.shares)")
        }

        @Test(arguments: InputOutput.available)
        func primaryMovesWhileLoaded(_ inputOutput: InputOutput) throws {
            let west = try Nginx.withSites(["west"])
            let east = try Nginx.withSites(["east"])
            let proxy = try Proxy(inputOutput, twoPlaces(west, east, "datacenter_policy: primary,"))
            let load = Load(proxy.port)
            try load.progress(by: 1_000)
            #expect(try proxy.command("primary", "show", "shop").output.contains("west"))
            let moved = try proxy.command("primary", "set", "shop", "east", "--reason", "test")
            #expect(moved.exit == .code(0), "\(moved.output)")
            let changed = ContinuousClock.now + Self.propagation
            try load.progress(by: 1_000, after: changed)
            let tally = try load.stop()
            #expect(tally.failures == [])
            #expect(Set(tally.statuses.keys) == [200])
            // After the first answer from the new primary, and the time of requests then on their way, none of the old.
            #expect(tally.answers.filter { $0.began > changed }.allSatisfy { $0.body == "east" })
            #expect(tally.shares["west"] != nil && tally.shares["east"] != nil)
            #expect(try proxy.command("primary", "show", "shop").output.contains("east"))
            #expect(try proxy.status().services.first?.primary == "east")
        }

        /// Drained by force, the primary takes nothing, and nothing takes its place until somebody says so.
        @Test(arguments: InputOutput.available)
        func aDrainByForceStopsThePrimary(_ inputOutput: InputOutput) throws {
            let west = try Nginx.withSites(["west"])
            let east = try Nginx.withSites(["east"])
            let proxy = try Proxy(
                inputOutput, twoPlaces(west, east, "datacenter_policy: primary, failover: { hold: 200ms },"))
            #expect(try get(proxy.port).text == "west")
            #expect(try proxy.command("drain", "shop", "west").exit == .code(1))
            #expect(try proxy.command("drain", "shop", "west", "--force").exit == .code(0))
            try eventually("the drain") { try get(proxy.port).status == 503 }
            #expect(try proxy.command("primary", "set", "shop", "east").exit == .code(0))
            try eventually("the other primary") { try get(proxy.port).text == "east" }
        }

        /// What is refused says so, with its exit code, and changes nothing.
        @Test func refusedCommandsSayWhy() throws {
            let nginx = try Nginx.withSites(["west"])
            let proxy = try Proxy(.epoll, shop("", ["west": endpoints(nginx.ports)]))
            let refusals: [(words: [String], answer: String)] = [
                (["weight", "set", "shopp", "west", "3"], "no service"),
                (["weight", "set", "shop", "wset", "3"], "no datacenter"),
                (["primary", "set", "shop", "west"], "no primary"),
                (["drain", "shop", "west/127.0.0.1:1"], "no endpoint"),
            ]
            for refusal in refusals {
                let result = try ChildProcess.run(
                    [Binary.path] + refusal.words + ["--admin", "http://127.0.0.1:\(proxy.adminPort)"])
                #expect(result.exit == .code(1), "\(refusal.words): \(result)")
                #expect(result.output.contains(refusal.answer), "\(refusal.words): \(result)")
            }
            #expect(try proxy.command("weight", "set", "shop", "west").exit == .code(2))
            let tooMuch = try proxy.command("weight", "set", "shop", "west", "300")
            #expect(tooMuch.exit == .code(2))
            #expect(tooMuch.output.contains("0 to 256"))
            #expect(try ChildProcess.run([Binary.path, "status", "--admin", "http://127.0.0.1:1"]).exit == .code(1))
            #expect(try proxy.status().services.first?.datacenters.first?.weight == 1)
        }

        /// Who does not know whether it was done is told how to ask again, and then asks under the same key.
        @Test func unknownOutcomesCanBeAskedAgain() throws {
            let keys = Shared<[String]>([])
            let node = try ScriptedServer { connection in
                let head = try connection.receive(through: "\r\n\r\n")
                let field = head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("idempotency-key: ") }
                keys.update { $0.append(String(field?.dropFirst(17) ?? "none")) }
            }
            let words = [Binary.path, "weight", "reset", "shop", "west", "--admin", "http://\(node.address)"]
            let first = try ChildProcess.run(words)
            #expect(first.exit == .code(4), "\(first.output)")
            let key = try keys.value.first.unwrapped("a key")
            #expect(key.utf8.count == 32 && first.output.contains("--idempotency-key \(key)"), "\(first.output)")
            #expect(try ChildProcess.run(words + ["--idempotency-key", key]).exit == .code(4))
            #expect(keys.value == [key, key])
        }

        @Test func statusTellsWhatStands() throws {
            let nginx = try Nginx.withSites(["west"])
            let proxy = try Proxy(.epoll, shop("", ["west": "weight: 7, " + endpoints(nginx.ports, weights: [3])]))
            try eventually("a verdict") { try proxy.state(of: nginx.address) == "up" }
            let result = try proxy.command("status", "--json")
            #expect(result.exit == .code(0))
            let status = try Status(Data(result.output.utf8))
            #expect(status.node == "n1")
            let datacenter = try status.services.first?.datacenters.first.unwrapped("a datacenter")
            #expect(datacenter?.weight == 7 && datacenter?.healthy == 1)
            #expect(status.endpoints.map(\.weight) == [3])
            #expect(try proxy.command("status").output.contains("shop"))
        }

        /// A page that a browser shows must not be able to change anything here.
        @Test func adminRefusesOtherOriginsAndHosts() throws {
            let nginx = try Nginx.withSites(["west"])
            let proxy = try Proxy(.epoll, shop("", ["west": endpoints(nginx.ports)]))
            let body = #"{"weight":0}"#
            let path = "/v1/services/shop/datacenters/west/weight"
            for (host, origin, status) in [
                ("127.0.0.1:\(proxy.adminPort)", "http://evil.example", 403), ("evil.example", nil, 421),
            ] as [(String, String?, Int)] {
                let client = try Connection(proxy.adminPort)
                let fields = origin.map { "Origin: \($0)\r\n" } ?? ""
                try client.send(
                    "PUT \(path) HTTP/1.1\r\nHost: \(host)\r\n\(fields)Content-Type: application/json\r\n"
                        + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
                #expect(try client.receiveResponse().status == status)
            }
            #expect(try proxy.status().services.first?.datacenters.first?.weight == 1)
        }
    }
}
