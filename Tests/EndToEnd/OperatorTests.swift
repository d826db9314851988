// Owns the proof that operators' changes take effect under load, and cost no request.
import Foundation
import Testing

extension EndToEnd {
    @Suite struct Operators {
        /// Waits until requests are split as they should be, and holds it to that: places take their turns at each of the
        /// two workers, so that a whole number of rounds is off by no more than the rounds that are under way.
        private func expectSplit(_ proxy: Proxy, _ share: Double, of name: String) throws {
            func isRight(_ count: Int) throws -> Bool {
                let tally = try Load.run(count, to: proxy.port)
                #expect(tally.failures == [] && tally.statuses == [200: count])
                return abs(Double(tally.shares[name] ?? 0) - share * Double(count)) <= 10
            }
            try eventually("a share of \(share)") { try isRight(400) }
            #expect(try isRight(4_000))
        }

        /// Waits until all workers send everything to one place.
        private func awaitOnly(_ proxy: Proxy, _ name: String) throws {
            try eventually("answers of \(name) only") { try fresh(64, proxy.port).allSatisfy { $0.text == name } }
        }

        private func twoPlaces(_ a: Nginx, _ b: Nginx, _ service: String = "") -> String {
            shop(service, ["west": endpoints(a.ports), "east": endpoints(b.ports)])
        }

        @Test(arguments: InputOutput.available)
        func weightIsSeenByAllWorkers(_ inputOutput: InputOutput) throws {
            let west = try Nginx.withSites(["west"])
            let east = try Nginx.withSites(["east"])
            let proxy = try Proxy(inputOutput, twoPlaces(west, east))
            let load = Load(proxy.port)
            try load.progress(by: 1_000)
            let changed = try proxy.admin(
                "PUT", "/v1/services/shop/datacenters/east/weight", #"{"weight":0,"reason":"test"}"#)
            #expect(changed.status == 200, "\(changed.text)")
            try awaitOnly(proxy, "west")
            let off = ContinuousClock.now
            try load.progress(by: 2_000)
            let dark = ContinuousClock.now
            let reset = try proxy.admin("DELETE", "/v1/services/shop/datacenters/east/weight")
            #expect(reset.status == 200, "\(reset.text)")
            try load.progress(by: 2_000)
            let tally = try load.stop()
            #expect(tally.failures == [])
            #expect(Set(tally.statuses.keys) == [200])
            let during = tally.answers.filter { $0.began > off && $0.ended < dark }
            #expect(during.count > 100)
            #expect(during.allSatisfy { $0.body == "west" })
            try expectSplit(proxy, 0.5, of: "east")
        }

        /// Through the command: 1:1, then 3:1, then the file's again.
        @Test(arguments: InputOutput.available)
        func splitFollowsWeightsWhileLoaded(_ inputOutput: InputOutput) throws {
            let west = try Nginx.withSites(["west"])
            let east = try Nginx.withSites(["east"])
            let proxy = try Proxy(inputOutput, twoPlaces(west, east))
            for (words, share) in [
                (["weight", "set", "shop", "west", "3"], 0.25), (["weight", "reset", "shop", "west"], 0.5),
            ] {
                let load = Load(proxy.port)
                try load.progress(by: 1_000)
                let result = try ChildProcess.run(
                    [Binary.path] + words + ["--admin", "http://127.0.0.1:\(proxy.adminPort)"])
                #expect(result.exit == .code(0), "\(result.output)")
                try load.progress(by: 1_000)
                let tally = try load.stop()
                #expect(tally.failures == [])
                #expect(Set(tally.statuses.keys) == [200])
                try expectSplit(proxy, share, of: "east")
            }
        }

        @Test(arguments: InputOutput.available)
        func endpointWeightsAndDrainsAreFollowed(_ inputOutput: InputOutput) throws {
            let nginx = try Nginx.withSites(["a", "b"])
            let proxy = try Proxy(inputOutput, shop("endpoint_policy: weighted,", ["west": endpoints(nginx.ports)]))
            let place = "west/127.0.0.1:\(nginx.ports[1])"
            #expect(try proxy.command("weight", "set", "shop", place, "4").exit == .code(0))
            try expectSplit(proxy, 0.8, of: "b")
            #expect(try proxy.command("drain", "shop", place).exit == .code(0))
            try awaitOnly(proxy, "a")
            #expect(try Load.run(1_000, to: proxy.port).shares == ["a": 1_000])
            #expect(try proxy.state(of: "127.0.0.1:\(nginx.ports[1])") == "draining")
            #expect(try proxy.command("undrain", "shop", place).exit == .code(0))
            try expectSplit(proxy, 0.8, of: "b")
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
            try awaitOnly(proxy, "east")
            let changed = ContinuousClock.now
            try load.progress(by: 1_000)
            let tally = try load.stop()
            #expect(tally.failures == [])
            #expect(Set(tally.statuses.keys) == [200])
            // Once all workers have answered from the new primary, none of the old.
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
