// Owns the proof that traffic goes on when backends die, hang or answer with errors.
import Foundation
import Testing

extension EndToEnd {
    @Suite struct Failures {
        /// Checks that find out quickly; nginx answers them under `/healthz`. Failed requests eject an endpoint as well, for
        /// 30 s, which checks that are good again end.
        private static let quickChecks =
            "health_check: { http: { path: /healthz }, interval: 200ms, timeout: 100ms, fall: 3, rise: 2 },"

        @Test(arguments: InputOutput.available)
        func killedBackendCostsNoRequest(_ inputOutput: InputOutput) throws {
            let nginx = try Nginx.separate(["a", "b", "c"])
            let proxy = try Proxy(inputOutput, shop(Self.quickChecks, ["west": endpoints(nginx.map(\.port))]))
            let load = Load(proxy.port)
            try load.progress(by: 2_000)
            try nginx[1].kill()
            try eventually("an endpoint out of service") { try proxy.state(of: nginx[1].address) != "up" }
            // Every worker has heard of it by then; from here on nothing is tried there.
            try load.progress(by: 2_000)
            func dead() throws -> Status.Endpoint {
                try proxy.status().endpoints.first { $0.address == nginx[1].address }.unwrapped("the endpoint")
            }
            let before = try dead()
            try load.progress(by: 2_000)
            let after = try dead()
            #expect(after.requests == before.requests && after.errors == before.errors)
            try nginx[1].restart()
            try eventually("an endpoint that is up") { try proxy.state(of: nginx[1].address) == "up" }
            let bright = ContinuousClock.now
            try load.progress(by: 2_000)
            let tally = try load.stop()
            #expect(tally.failures == [])
            #expect(Set(tally.statuses.keys) == [200])
            #expect(tally.answers.contains { $0.body == "b" && $0.began > bright })
        }

        /// A stopped process still has its connections taken by the kernel: only the silence tells.
        @Test(arguments: InputOutput.available)
        func hungBackendIsLeftOut(_ inputOutput: InputOutput) throws {
            let nginx = try Nginx.separate(["a", "b", "c"])
            let proxy = try Proxy(
                inputOutput,
                shop(Self.quickChecks + "timeouts: { first_byte: 500ms },", ["west": endpoints(nginx.map(\.port))]))
            let load = Load(proxy.port)
            try load.progress(by: 2_000)
            nginx[0].freeze()
            try eventually("an endpoint out of service") { try proxy.state(of: nginx[0].address) != "up" }
            // What hangs there is given up after its 500 ms; from then on nothing is sent there.
            func hung() throws -> Status.Endpoint {
                try proxy.status().endpoints.first { $0.address == nginx[0].address }.unwrapped("the endpoint")
            }
            try eventually("an end of what hangs") { try hung().inFlight == 0 }
            let before = try hung().requests
            try load.progress(by: 2_000)
            #expect(try hung().requests == before)
            let thawed = ContinuousClock.now
            nginx[0].thaw()
            try eventually("an endpoint that is up") { try proxy.state(of: nginx[0].address) == "up" }
            let up = ContinuousClock.now
            try load.progress(by: 2_000)
            let tally = try load.stop()
            #expect(tally.failures == [])
            #expect(Set(tally.statuses.keys) == [200])
            // What hung was answered by others, and not when it was over.
            #expect(!tally.answers.contains { $0.began < thawed && $0.ended > thawed && $0.body == "a" })
            #expect(tally.answers.contains { $0.body == "a" && $0.began > up })
        }

        /// 500 is the backend's own answer: it is passed on, and five of them take the endpoint out.
        @Test(arguments: InputOutput.available)
        func erroringBackendIsEjected(_ inputOutput: InputOutput) throws {
            let nginx = try Nginx.withSites(["a", "b"])
            let broken = try ScriptedServer.answering("broken", status: 500)
            let proxy = try Proxy(inputOutput, shop("", ["west": endpoints(nginx.ports + [broken.port])]))
            let load = Load(proxy.port)
            try load.progress(by: 20)
            try eventually("an ejected endpoint") { try proxy.state(of: broken.address) == "ejected" }
            // All workers know when nobody of as many new clients as meet each of them is sent there.
            try eventually("no answer from there") { try fresh(64, proxy.port).allSatisfy { $0.status == 200 } }
            let ejected = ContinuousClock.now
            try load.progress(by: 5_000)
            let tally = try load.stop()
            #expect(tally.failures == [])
            #expect(Set(tally.statuses.keys) == [200, 500])
            #expect(!tally.answers.contains { $0.status == 500 && $0.began > ejected })
            #expect(tally.answers.count { $0.status == 500 } >= 5)
        }

        /// 503 of a backend is tried once elsewhere, within the budget of a fifth of all requests.
        @Test(arguments: InputOutput.available)
        func unavailableAnswersAreRetried(_ inputOutput: InputOutput) throws {
            let nginx = try Nginx.withSites((1...9).map { "site\($0)" })
            let busy = try ScriptedServer.answering("busy", status: 503)
            let proxy = try Proxy(
                inputOutput, shop("outlier: off,", ["west": endpoints(nginx.ports + [busy.port])]))
            let tally = try Load.run(5_000, to: proxy.port)
            #expect(tally.failures == [])
            #expect(tally.statuses == [200: 5_000])
            // Each retry was the second attempt of one request: a tenth of all met the busy endpoint first.
            #expect(busy.connectionCount > 0)
        }

        /// With every endpoint of a service failing, the budget keeps retries from doubling the load.
        @Test(arguments: InputOutput.available)
        func retriesKeepWithinTheirBudget(_ inputOutput: InputOutput) throws {
            let seen = Shared(0)
            let servers = try (0..<2).map { _ in
                try ScriptedServer { connection in
                    while true {
                        _ = try connection.receive(through: "\r\n\r\n")
                        seen.update { $0 += 1 }
                        try connection.send("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")
                    }
                }
            }
            let proxy = try Proxy(
                inputOutput, shop("outlier: off, health_check: off,", ["west": endpoints(servers.map(\.port))]))
            let tally = try Load.run(5_000, to: proxy.port)
            #expect(tally.failures == [])
            #expect(tally.statuses == [503: 5_000])
            #expect(seen.value <= 5_000 * 125 / 100, "\(seen.value) attempts at 5000 requests")
            #expect(seen.value >= 5_000 * 110 / 100, "\(seen.value) attempts at 5000 requests")
        }

        /// A request that may not be repeated reaches no second backend once bytes of it were sent.
        @Test(arguments: InputOutput.available)
        func postIsNeverSentTwice(_ inputOutput: InputOutput) throws {
            let seen = Shared(0)
            let servers = try (0..<2).map { _ in
                try ScriptedServer { connection in
                    _ = try connection.receive(through: "\r\n\r\nbody")
                    seen.update { $0 += 1 }
                }
            }
            let proxy = try Proxy(
                inputOutput, shop("outlier: off, health_check: off,", ["west": endpoints(servers.map(\.port))]))
            for _ in 0..<20 {
                let client = try Connection(proxy.port)
                try client.send("POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: 4\r\n\r\nbody")
                #expect(try client.receiveResponse().status == 502)
            }
            #expect(seen.value == 20)
        }

        // MARK: Datacenters

        /// All of the nearest datacenter's endpoints go: the others take over.
        @Test(arguments: InputOutput.available)
        func trafficSpillsOverToOtherDatacenters(_ inputOutput: InputOutput) throws {
            let west = try Nginx.separate(["west-1", "west-2"])
            let east = try Nginx.withSites(["east-1", "east-2"])
            let proxy = try Proxy(
                inputOutput,
                shop(
                    Self.quickChecks + "datacenter_policy: weighted,",
                    [
                        "west": "weight: 3, " + endpoints(west.map(\.port)),
                        "east": "weight: 1, " + endpoints(east.ports),
                    ]))
            let load = Load(proxy.port)
            try load.progress(by: 2_000)
            for nginx in west { try nginx.kill() }
            for nginx in west {
                try eventually("an endpoint out of service") { try proxy.state(of: nginx.address) != "up" }
            }
            try eventually("answers from the other datacenter only") {
                try fresh(64, proxy.port).allSatisfy { $0.text.hasPrefix("east") }
            }
            let dark = ContinuousClock.now
            try load.progress(by: 2_000)
            let tally = try load.stop()
            // A retry goes to another datacenter: control may not know yet that all of this one is dead.
            #expect(tally.failures == [])
            #expect(Set(tally.statuses.keys) == [200])
            let after = tally.answers.filter { $0.began > dark }
            #expect(after.count > 1_000)
            #expect(after.allSatisfy { $0.status == 200 && $0.body.hasPrefix("east") })
        }

        /// A primary never gives its traffic away by itself: that takes an operator, until the group decides.
        @Test(arguments: InputOutput.available)
        func primaryWithoutEndpointsRefuses(_ inputOutput: InputOutput) throws {
            let west = try Nginx.withSites(["west"])
            let east = try Nginx.withSites(["east"])
            let proxy = try Proxy(
                inputOutput,
                shop(
                    Self.quickChecks + "datacenter_policy: primary, failover: { consistency: available },",
                    ["west": endpoints(west.ports), "east": endpoints(east.ports)]))
            #expect(try get(proxy.port).text == "west")
            try west.kill()
            try eventually("an endpoint out of service") { try proxy.state(of: west.address) != "up" }
            for _ in 0..<20 {
                let response = try get(proxy.port)
                #expect([502, 503].contains(response.status), "\(response)")
                #expect(response["cache-control"] == "no-store")
                #expect(response["x-request-id"] != nil && response["date"] != nil)
            }
            let moved = try proxy.command("primary", "set", "shop", "east", "--reason", "west is gone")
            #expect(moved.exit == .code(0), "\(moved.output)")
            try eventually("answers from the new primary") { try get(proxy.port).text == "east" }
        }
    }
}
