// Owns the proof that proxies of a group agree: what is changed at one holds at all, and outlives their deaths.
import Foundation
import Testing

extension EndToEnd {
    @Suite struct Groups {
        @Test(arguments: InputOutput.available)
        func whatOneNodeIsToldHoldsAtAll(_ inputOutput: InputOutput) throws {
            let nginx = try Nginx.withSites(["one", "two", "three"])
            let group = try ProxyGroup(inputOutput, backends: nginx.ports)
            let leader = try group.awaitLeader(seenBy: [0, 1, 2])
            let follower = (leader + 1) % 3
            // Told to a follower, which passes it on.
            try group.change(follower, "weight", "set", "shop", "dc2", "7", "--reason", "test")
            try group.eventuallyAll([0, 1, 2], "the weight") { $0.weight(of: "dc2") == 7 }
            try group.change(follower, "primary", "set", "shop", "dc3")
            try group.eventuallyAll([0, 1, 2], "the primary") { $0.primary == "dc3" }
            // Every proxy sends its traffic there.
            for node in group.nodes {
                let tally = try Load.run(50, to: node.port)
                #expect(tally.shares == ["three": 50])
            }
        }

        /// The leader is killed: changes go on at the others, and it has them all when it is back.
        @Test(arguments: InputOutput.available)
        func changesGoOnWithoutTheLeader(_ inputOutput: InputOutput) throws {
            let nginx = try Nginx.withSites(["one", "two", "three"])
            let group = try ProxyGroup(inputOutput, backends: nginx.ports)
            let leader = try group.awaitLeader(seenBy: [0, 1, 2])
            let others = [0, 1, 2].filter { $0 != leader }
            try group.change(leader, "weight", "set", "shop", "dc1", "11")
            try group.kill(leader)
            try group.awaitLeader(seenBy: others)
            for (place, value) in [("dc1", "21"), ("dc2", "22"), ("dc3", "23")] {
                try group.change(others[0], "weight", "set", "shop", place, value)
            }
            try group.restart(leader)
            try group.eventuallyAll([0, 1, 2], "all weights") {
                $0.weight(of: "dc1") == 21 && $0.weight(of: "dc2") == 22 && $0.weight(of: "dc3") == 23
            }
        }

        /// One of three is not enough to change anything, but enough to go on serving.
        @Test(arguments: InputOutput.available)
        func withoutAQuorumNothingChangesAndTrafficFlows(_ inputOutput: InputOutput) throws {
            let nginx = try Nginx.withSites(["one", "two", "three"])
            let group = try ProxyGroup(inputOutput, backends: nginx.ports, consistency: "available")
            let leader = try group.awaitLeader(seenBy: [0, 1, 2])
            try group.change(leader, "primary", "set", "shop", "dc2")
            try group.eventuallyAll([0, 1, 2], "the primary") { $0.primary == "dc2" }
            let (last, gone) = (leader, [0, 1, 2].filter { $0 != leader })
            for index in gone { try group.kill(index) }
            try group.eventuallyAll([last], "the loss of the quorum") { !$0.quorum }
            let refused = try group.command(last, "weight", "set", "shop", "dc1", "99")
            #expect(refused.exit == .code(3), "\(refused.output)")
            #expect(refused.output.contains("nothing was changed"), "\(refused.output)")
            #expect(try Load.run(50, to: group.nodes[last].port).shares == ["two": 50])
            try group.restart(gone[0])
            try group.awaitLeader(seenBy: [last, gone[0]])
            #expect(try group.state(last)?.weight(of: "dc1") == 1)
            try group.change(gone[0], "weight", "set", "shop", "dc1", "98")
            try group.eventuallyAll([last, gone[0]], "the weight") { $0.weight(of: "dc1") == 98 }
        }

        /// All nodes are killed at once: what was acknowledged is on their disks.
        @Test(arguments: InputOutput.available)
        func theStateOutlivesAllNodes(_ inputOutput: InputOutput) throws {
            let nginx = try Nginx.withSites(["one", "two", "three"])
            let group = try ProxyGroup(inputOutput, backends: nginx.ports)
            let leader = try group.awaitLeader(seenBy: [0, 1, 2])
            try group.change(leader, "weight", "set", "shop", "dc3", "33")
            try group.change(leader, "primary", "set", "shop", "dc3")
            let epoch = try #require(try group.state(leader)?.services.first?.epoch)
            for index in 0..<3 { try group.kill(index) }
            for index in 0..<3 { try group.restart(index) }
            try group.awaitLeader(seenBy: [0, 1, 2])
            try group.eventuallyAll([0, 1, 2], "the state before") {
                $0.weight(of: "dc3") == 33 && $0.primary == "dc3" && $0.services.first?.epoch == epoch
            }
        }

        /// Killed backends refuse at once; on a busy machine, living ones may take a while to answer.
        private static let quickChecks =
            "health_check: { http: { path: /healthz }, interval: 200ms, timeout: 2s, fall: 2, rise: 2 },"

        /// All backends of the primary die: the group agrees that they are down, and moves the primary by itself.
        @Test(arguments: InputOutput.available)
        func thePrimaryMovesWhenItsBackendsDie(_ inputOutput: InputOutput) throws {
            let nginx = try Nginx.separate(["one", "two", "three"])
            let group = try ProxyGroup(
                inputOutput, backends: nginx.map(\.port), service: Self.quickChecks, failover: "confirm: 500ms,")
            try group.awaitLeader(seenBy: [0, 1, 2])
            try group.eventuallyAll([0, 1, 2], "the first primary") { $0.primary == "dc1" }
            try nginx[0].kill()
            try group.eventuallyAll([0, 1, 2], "the next primary") { $0.primary == "dc2" }
            for node in group.nodes { #expect(try Load.run(50, to: node.port).shares == ["two": 50]) }
            for node in group.nodes { try Self.theLogTellsOfTheMove(node) }
            // It comes back: nothing moves without an operator.
            try nginx[0].restart()
            for node in group.nodes { #expect(try Load.run(50, to: node.port).shares == ["two": 50]) }
            #expect(try group.state(0)?.primary == "dc2")
            try group.eventuallyAll([0, 1, 2], "the old primary's health") { $0.healthy(of: "dc1") == 1 }
            // The leader hears of it a little later than the others see it.
            try eventually("the leader's consent") {
                try group.command(1, "primary", "set", "shop", "dc1").exit == .code(0)
            }
            for node in group.nodes {
                try eventually("traffic at the old primary") { try Load.run(10, to: node.port).shares == ["one": 10] }
            }
        }

        /// Every node says what it saw and what was decided, each once.
        private static func theLogTellsOfTheMove(_ node: ProxyGroup.Node) throws {
            let lines = node.process.output.split(separator: "\n")
            for words in [
                ["warning an endpoint is down", "datacenter=\"dc1\"", "reason=\""],
                ["error a service has no usable endpoint left", "primary=\"dc1\"", "service=\"shop\""],
                [
                    "notice the primary begins to move", "author=\"failover\"", "from=\"dc1\"", "to=\"dc2\"",
                    "epoch=\"2\"",
                ],
                ["notice the primary moved", "cause=\"failover\"", "from=\"dc1\"", "to=\"dc2\"", "epoch=\"2\""],
                ["notice a service has a usable endpoint again", "primary=\"dc2\""],
            ] {
                let told = lines.count { line in words.allSatisfy { line.contains($0) } }
                #expect(told == 1, "\(words)\n\(node.process.output)")
            }
        }

        /// A whole datacenter goes: its backend and its proxy, which leads the group.
        @Test(arguments: InputOutput.available)
        func thePrimaryMovesWhenItsDatacenterDies(_ inputOutput: InputOutput) throws {
            let nginx = try Nginx.separate(["one", "two", "three"])
            let group = try ProxyGroup(
                inputOutput, backends: nginx.map(\.port), service: Self.quickChecks, failover: "confirm: 500ms,")
            let leader = try group.awaitLeader(seenBy: [0, 1, 2])
            let others = [0, 1, 2].filter { $0 != leader }
            try group.change(others[0], "primary", "set", "shop", "dc\(leader + 1)")
            try group.eventuallyAll([0, 1, 2], "the primary of the leader") { $0.primary == "dc\(leader + 1)" }
            try nginx[leader].kill()
            try group.kill(leader)
            try group.eventuallyAll(others, "another primary") { $0.primary != "dc\(leader + 1)" }
            let primary = try #require(try group.state(others[0])?.primary)
            for index in others {
                let shares = try Load.run(50, to: group.nodes[index].port).shares
                #expect(shares == [["dc1": "one", "dc2": "two", "dc3": "three"][primary]: 50])
            }
        }

        /// With nowhere to go the primary stays, until there is a place.
        @Test(arguments: InputOutput.available)
        func nothingMovesWithoutATarget(_ inputOutput: InputOutput) throws {
            let nginx = try Nginx.separate(["one", "two", "three"])
            let group = try ProxyGroup(
                inputOutput, backends: nginx.map(\.port), service: Self.quickChecks, failover: "confirm: 500ms,")
            let leader = try group.awaitLeader(seenBy: [0, 1, 2])
            // The only other fit datacenter drained, and the third at no weight: nowhere to go.
            try group.change(leader, "drain", "shop", "dc2")
            try group.change(leader, "weight", "set", "shop", "dc3", "0", "--force")
            try nginx[0].kill()
            try eventually("the primary seen down") { try group.state(leader)?.healthy(of: "dc1") == 0 }
            // The time of confirmation is over, and what is left are the reasons why there is no target.
            try eventually("the reasons of both other datacenters") {
                let explained = try group.command(leader, "explain", "shop").output
                return ["dc2", "dc3"].allSatisfy { name in
                    explained.split(separator: "\n").contains { $0.contains(name) && $0.contains("[target_") }
                } && !explained.contains("[unconfirmed]")
            }
            #expect(try group.state(leader)?.primary == "dc1")
            try group.change(leader, "undrain", "shop", "dc2")
            try group.eventuallyAll([0, 1, 2], "the next primary") { $0.primary == "dc2" }
        }
    }
}
