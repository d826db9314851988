// Owns the proof of what operators do to a group: freeze it, ask it why, hand leadership on, read what is current.
import Foundation
import Testing

extension EndToEnd {
    @Suite struct GroupOperations {
        /// Killed backends refuse at once; on a busy machine, living ones may take a while to answer.
        private static let quickChecks =
            "health_check: { http: { path: /healthz }, interval: 200ms, timeout: 2s, fall: 2, rise: 2 },"

        /// While automation is frozen a dead primary stays, every node says so, and operators still move it.
        @Test(arguments: InputOutput.available)
        func aFreezeHoldsThePrimary(_ inputOutput: InputOutput) throws {
            let nginx = try Nginx.separate(["one", "two", "three"])
            let group = try ProxyGroup(
                inputOutput, backends: nginx.map(\.port), service: Self.quickChecks, failover: "confirm: 500ms,")
            let leader = try group.awaitLeader(seenBy: [0, 1, 2])
            let follower = (leader + 1) % 3
            try group.eventuallyAll([0, 1, 2], "the first primary") { $0.primary == "dc1" }
            try group.change(follower, "freeze", "on", "--reason", "test")
            try nginx[0].kill()
            // Any node tells the leader's reason.
            try eventually("the reason") {
                let explained = try group.command(follower, "explain", "shop")
                return explained.exit == .code(0) && explained.output.contains("[frozen]")
            }
            #expect(try group.state(follower)?.primary == "dc1")
            try group.eventuallyAll([0, 1, 2], "all votes") { $0.votes(on: "dc1") == ["down", "down", "down"] }
            // Not to where nothing is healthy, but to where something is.
            let refused = try group.command(follower, "primary", "set", "shop", "dc1")
            #expect(refused.exit == .code(0), "it is there already: \(refused.output)")
            try group.change(follower, "primary", "set", "shop", "dc3")
            try group.eventuallyAll([0, 1, 2], "the chosen primary") { $0.primary == "dc3" }
            try eventually("the refusal of a dead target") {
                let dead = try group.command(follower, "primary", "set", "shop", "dc1", "--dry-run")
                return dead.exit == .code(1) && dead.output.contains("use force")
            }
            let forced = try group.command(follower, "primary", "set", "shop", "dc1", "--dry-run", "--force")
            #expect(forced.exit == .code(0), "\(forced.output)")
            #expect(try group.state(follower)?.primary == "dc3")
        }

        /// The datacenter next in order is too far behind: the primary goes to the one after it.
        @Test(arguments: InputOutput.available)
        func aLagGateKeepsThePrimaryFromStaleData(_ inputOutput: InputOutput) throws {
            func site(_ name: String, lag: String) throws -> Nginx {
                try Nginx.withSites([name], directives: "location = /lag { return 200 \"\(lag)\"; }")
            }
            let nginx = [try site("one", lag: "0"), try site("two", lag: "9.5"), try site("three", lag: "0.25")]
            let group = try ProxyGroup(
                inputOutput, backends: nginx.map(\.port), service: Self.quickChecks,
                failover: "confirm: 500ms, lag_gate: { http: { path: /lag, max: 2s } },")
            try group.awaitLeader(seenBy: [0, 1, 2])
            try group.eventuallyAll([0, 1, 2], "the first primary") { $0.primary == "dc1" }
            try eventually("samples of all lags") {
                let explained = try group.command(0, "explain", "shop").output
                return explained.contains("lag 9.5 s") && explained.contains("lag 0.2 s")
            }
            try nginx[0].kill()
            try group.eventuallyAll([0, 1, 2], "the primary with fresh data") { $0.primary == "dc3" }
        }

        @Test(arguments: InputOutput.available)
        func leadershipIsHandedOn(_ inputOutput: InputOutput) throws {
            let nginx = try Nginx.withSites(["one", "two", "three"])
            let group = try ProxyGroup(inputOutput, backends: nginx.ports)
            let leader = try group.awaitLeader(seenBy: [0, 1, 2])
            let (next, third) = ((leader + 1) % 3, (leader + 2) % 3)
            try group.change(third, "cluster", "transfer", group.nodes[next].name)
            try group.eventuallyAll([0, 1, 2], "the new leader") { $0.leader == group.nodes[next].name }
            // What was acknowledged at one node is seen at another that is asked for what is current.
            for value in [5, 6, 7] {
                try group.change(next, "weight", "set", "shop", "dc2", "\(value)")
                let current = try group.ask(third, "GET /v1/status?consistent=true")
                #expect(current.status == 200)
                #expect(try ProxyGroup.State(current).weight(of: "dc2") == value)
            }
            let elsewhere = try group.ask(third, "PUT /v1/freeze?forward=false", #"{"frozen":true}"#)
            #expect(elsewhere.status == 421 && elsewhere["meridian-leader"] == group.nodes[next].name)
        }

        /// The first switch of a group waits until no lease of an earlier leader can be left: that is said, and waited for.
        @Test(arguments: InputOutput.available)
        func aSwitchThatWaitsSaysWhatFor(_ inputOutput: InputOutput) throws {
            let nginx = try Nginx.withSites(["one", "two", "three"])
            let group = try ProxyGroup(
                inputOutput, backends: nginx.ports, timing: "election_timeout: 600ms, lease: 10s")
            let leader = try group.awaitLeader(seenBy: [0, 1, 2])
            try group.change(leader, "primary", "set", "shop", "dc2", "--no-wait")
            let explained = try group.command((leader + 1) % 3, "explain", "shop")
            #expect(explained.exit == .code(0), "\(explained.output)")
            #expect(explained.output.contains("the switch waits, because"), "\(explained.output)")
            #expect(explained.output.contains("[earlier_leases]"), "\(explained.output)")
            let moved = try group.command(leader, "primary", "set", "shop", "dc2")
            #expect(moved.exit == .code(0) && moved.output.contains("primary of shop is dc2"), "\(moved.output)")
            #expect(try group.state(leader)?.primary == "dc2")
        }

        /// Nothing can be changed then, and no rehearsal looks as if it could.
        @Test(arguments: InputOutput.available)
        func aRehearsalWithoutAQuorumSaysSo(_ inputOutput: InputOutput) throws {
            let nginx = try Nginx.withSites(["one", "two", "three"])
            let group = try ProxyGroup(inputOutput, backends: nginx.ports)
            let leader = try group.awaitLeader(seenBy: [0, 1, 2])
            try group.eventuallyAll([0, 1, 2], "the first primary") { $0.primary == "dc1" }
            let dry = try group.command(leader, "primary", "set", "shop", "dc2", "--dry-run")
            #expect(dry.exit == .code(0) && dry.output.contains("would go from dc1 to dc2"), "\(dry.output)")
            try group.kill((leader + 1) % 3)
            try group.kill((leader + 2) % 3)
            for extra in [[], ["--force"]] {
                let words = ["primary", "set", "shop", "dc2", "--dry-run"] + extra
                let result = try ChildProcess.run(
                    [Binary.path] + words + ["--admin", "http://127.0.0.1:\(group.nodes[leader].adminPort)"])
                #expect(result.exit == .code(3), "\(result.output)")
                for word in ["nothing can be changed now", "this node alone", "would go from dc1 to dc2, epoch 2"] {
                    #expect(result.output.contains(word), "\(result.output)")
                }
            }
            let refused = try group.command(leader, "primary", "set", "shop", "nowhere", "--dry-run")
            #expect(refused.exit == .code(3) && refused.output.contains("it would be refused"), "\(refused.output)")
        }

        /// A dead member leaves; a living one may not while that would cost the quorum.
        @Test(arguments: InputOutput.available)
        func membersAreRemoved(_ inputOutput: InputOutput) throws {
            let nginx = try Nginx.withSites(["one", "two", "three"])
            let group = try ProxyGroup(inputOutput, backends: nginx.ports)
            let leader = try group.awaitLeader(seenBy: [0, 1, 2])
            let (dead, other) = ((leader + 1) % 3, (leader + 2) % 3)
            try group.kill(dead)
            // Right away, when the dead one may still seem to be there.
            try eventually("the refusal to lose the quorum") {
                let refused = try group.command(other, "cluster", "remove", group.nodes[other].name)
                guard refused.exit != .code(0) else { throw Failure("the quorum was lost: \(refused.output)") }
                return refused.exit == .code(1) && refused.output.contains("no quorum")
            }
            try group.change(other, "cluster", "remove", group.nodes[dead].name, "--reason", "dead")
            try group.eventuallyAll([leader, other], "the members that are left") { $0.members.count == 2 }
            try group.change(other, "weight", "set", "shop", "dc2", "9")
            try group.eventuallyAll([leader, other], "a change by the others") { $0.weight(of: "dc2") == 9 }
            // It was not there to be told; it asks, and says so.
            try group.restart(dead)
            try eventually("the news of its removal") {
                let shown = try? group.command(dead, "status")
                return shown?.output.contains("in no group: this node was removed from its group") == true
            }
            #expect(try group.ask(dead, "GET /readyz").status == 503)
            #expect(try group.state(leader)?.members.count == 2)
        }
    }
}
