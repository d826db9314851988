// Owns the proof that users are served while parts of a group fail: no request is lost that need not be.
import Foundation
import Testing

extension EndToEnd {
    @Suite struct Failovers {
        enum Consistency: String, CaseIterable { case strict, available }

        /// Killed backends refuse at once; on a busy machine, living ones may take a while to answer.
        private static let checks =
            "health_check: { http: { path: /healthz }, interval: 200ms, timeout: 2s, fall: 2, rise: 2 },"

        /// Three datacenters whose backends die one by one, and whose first primary is `dc1`.
        private static func start(
            _ inputOutput: InputOutput, _ consistency: Consistency, failover: String = ""
        ) throws -> (group: ProxyGroup, nginx: [Nginx], leader: Int) {
            let nginx = try Nginx.separate(["one", "two", "three"])
            let group = try ProxyGroup(
                inputOutput, backends: nginx.map(\.port), service: checks,
                failover: "confirm: 500ms, drain: 500ms, " + failover, consistency: consistency.rawValue)
            let leader = try group.awaitLeader(seenBy: [0, 1, 2])
            try group.eventuallyAll([0, 1, 2], "all backends up and the first primary") { state in
                state.primary == "dc1" && ["dc1", "dc2", "dc3"].allSatisfy { state.healthy(of: $0) == 1 }
            }
            // A strict service is served once the node has its lease.
            for node in group.nodes { #expect(try Load.run(4, to: node.port).statuses == [200: 4]) }
            return (group, nginx, leader)
        }

        /// Clients of each of these proxies that send one request every few milliseconds.
        private static func load(_ group: ProxyGroup, _ indexes: [Int], method: String = "GET") -> [Load] {
            var options = Load.Options()
            options.method = method
            if method == "POST" { options.fields = "Content-Length: 0\r\n" }
            options.connections = 4
            options.pause = .milliseconds(5)
            return indexes.map { Load(group.nodes[$0].port, options) }
        }

        private static func stop(_ loads: [Load]) throws -> Tally {
            try loads.reduce(into: Tally()) { $0.add(try $1.stop()) }
        }

        /// All backends of the primary die under load: requests wait until another datacenter takes over.
        @Test(arguments: InputOutput.available)
        func noReadFailsWhileThePrimaryMoves(_ inputOutput: InputOutput) throws {
            let (group, nginx, _) = try Self.start(inputOutput, .strict)
            let loads = Self.load(group, [0, 1, 2])
            for load in loads { try load.progress(by: 50) }
            try nginx[0].kill()
            try group.eventuallyAll([0, 1, 2], "the next primary") { $0.primary == "dc2" }
            for node in group.nodes {
                try eventually("answers of the next primary only") {
                    try fresh(16, node.port).allSatisfy { $0.text == "two" }
                }
            }
            for load in loads { try load.progress(by: 100) }
            let tally = try Self.stop(loads)
            #expect(tally.failures.isEmpty)
            #expect(tally.statuses.keys.sorted() == [200])
            #expect(tally.shares.keys.sorted() == ["one", "two"])
            // Once a request was answered by the new primary, none is by the old one.
            let first = try #require(tally.answers.filter { $0.body == "two" }.map(\.ended).min())
            #expect(tally.answers.allSatisfy { $0.body == "two" || $0.began < first })
        }

        /// The leader's proxy dies: who uses the others notices nothing, and nothing moves.
        @Test(arguments: InputOutput.available, Consistency.allCases)
        func theLeadersDeathIsNotNoticed(_ inputOutput: InputOutput, _ consistency: Consistency) throws {
            let (group, nginx, leader) = try Self.start(inputOutput, consistency)
            defer { withExtendedLifetime(nginx) {} }
            let others = [0, 1, 2].filter { $0 != leader }
            let loads = Self.load(group, others) + Self.load(group, others, method: "POST")
            for load in loads { try load.progress(by: 50) }
            try group.kill(leader)
            let next = try group.awaitLeader(seenBy: others)
            for load in loads { try load.progress(by: 100) }
            let tally = try Self.stop(loads)
            #expect(tally.failures.isEmpty)
            #expect(tally.statuses.keys.sorted() == [200])
            #expect(tally.shares.keys.sorted() == ["one"])
            #expect(try group.state(next)?.services.first?.epoch == 1)
        }

        /// An operator moves the primary around under load: no request of any method fails.
        @Test(arguments: InputOutput.available, Consistency.allCases)
        func aPlannedSwitchFailsNothing(_ inputOutput: InputOutput, _ consistency: Consistency) throws {
            let (group, nginx, leader) = try Self.start(inputOutput, consistency)
            defer { withExtendedLifetime(nginx) {} }
            let loads = Self.load(group, [0, 1, 2]) + Self.load(group, [0, 1, 2], method: "POST")
            for load in loads { try load.progress(by: 50) }
            for (target, index) in [("dc3", leader), ("dc1", (leader + 1) % 3), ("dc2", (leader + 2) % 3)] {
                try group.change(index, "primary", "set", "shop", target, "--reason", "test")
                try group.eventuallyAll([0, 1, 2], "the primary \(target)") { $0.primary == target }
                for load in loads { try load.progress(by: 20) }
            }
            let tally = try Self.stop(loads)
            #expect(tally.failures.isEmpty)
            #expect(tally.statuses.keys.sorted() == [200])
            #expect(tally.shares.keys.sorted() == ["one", "three", "two"])
        }

        /// Two of three proxies die: the last one changes nothing any more, and serves as it was told.
        @Test(arguments: InputOutput.available)
        func withoutAQuorumAnAvailableServiceGoesOn(_ inputOutput: InputOutput) throws {
            let (group, nginx, leader) = try Self.start(inputOutput, .available)
            defer { withExtendedLifetime(nginx) {} }
            let last = (leader + 1) % 3
            let loads = Self.load(group, [last])
            try Self.endTheOthers(of: last, group)
            for load in loads { try load.progress(by: 100) }
            let tally = try Self.stop(loads)
            #expect(tally.failures.isEmpty)
            #expect(tally.statuses.keys.sorted() == [200])
            #expect(tally.shares.keys.sorted() == ["one"])
        }

        /// The same with a strict service: it stops when the lease is over, for another primary may have been decided on.
        @Test(arguments: InputOutput.available)
        func withoutAQuorumAStrictServiceStops(_ inputOutput: InputOutput) throws {
            let (group, nginx, leader) = try Self.start(inputOutput, .strict, failover: "hold: 500ms,")
            defer { withExtendedLifetime(nginx) {} }
            let last = (leader + 1) % 3
            try Self.endTheOthers(of: last, group)
            try eventually("the end of the lease") { try Load.run(1, to: group.nodes[last].port).statuses == [503: 1] }
            try Self.theLackOfALeaseIsSaid(last, group)
            // With a quorum it is served again.
            try group.restart((leader + 2) % 3)
            try eventually("service again") { try Load.run(1, to: group.nodes[last].port).statuses == [200: 1] }
            try eventually("the end of the refusals in the log") {
                group.nodes[last].process.output.contains("strict services are served here again")
            }
            let status = try group.command(last, "status").output
            #expect(!status.contains("refused by this node"), "\(status)")
            #expect(try group.ask(last, "GET /metrics").text.contains("meridian_service_lease{service=\"shop\"} 1\n"))
        }

        /// Wherever an operator looks: the service is not well.
        private static func theLackOfALeaseIsSaid(_ last: Int, _ group: ProxyGroup) throws {
            let status = try group.command(last, "status").output
            #expect(status.contains("refused by this node: no lease for "), "\(status)")
            let explained = try group.command(last, "explain", "shop").output
            #expect(explained.contains("refuses its requests: it has had no lease for "), "\(explained)")
            let metrics = try group.ask(last, "GET /metrics").text
            #expect(metrics.contains("meridian_service_lease{service=\"shop\"} 0\n"), "\(metrics)")
            let connection = try Connection(group.nodes[last].port)
            try connection.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            let answer = try connection.receiveResponse().text
            #expect(answer.contains("503 Service Unavailable: this proxy has no lease"), "\(answer)")
            let log = group.nodes[last].process.output
            #expect(log.contains("error strict services are refused here"), "\(log)")
        }

        private static func endTheOthers(of last: Int, _ group: ProxyGroup) throws {
            for index in [0, 1, 2] where index != last { try group.kill(index) }
            try group.eventuallyAll([last], "the loss of the quorum") { !$0.quorum }
            let refused = try group.command(last, "primary", "set", "shop", "dc2")
            #expect(refused.exit == .code(3), "\(refused.output)")
        }
    }
}
