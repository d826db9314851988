// Owns the proof of what is left when the group is lost: a node that starts alone knows what was agreed, and serves by it.
import Foundation
import Testing

extension EndToEnd {
    @Suite struct LostGroups {
        /// All nodes end, one comes back: nothing but its own disk tells it where traffic goes.
        private static func lose(
            _ inputOutput: InputOutput, _ consistency: String
        ) throws -> (group: ProxyGroup, nginx: [Nginx]) {
            let nginx = try Nginx.separate(["one", "two", "three"])
            let group = try ProxyGroup(
                inputOutput, backends: nginx.map(\.port), failover: "hold: 1s,", consistency: consistency)
            try group.awaitLeader(seenBy: [0, 1, 2])
            try group.change(1, "primary", "set", "shop", "dc3")
            try group.change(1, "weight", "set", "shop", "dc2", "7")
            try group.eventuallyAll([0], "the changes") { $0.primary == "dc3" && $0.weight(of: "dc2") == 7 }
            // A killed node may have forgotten the last moment: what is committed is noted when there is time.
            for index in 0..<3 { try group.kill(index, SIGTERM) }
            try group.restart(0)
            return (group, nginx)
        }

        @Test(arguments: InputOutput.available)
        func anAvailableServiceGoesOnByTheLastState(_ inputOutput: InputOutput) throws {
            let (group, nginx) = try Self.lose(inputOutput, "available")
            defer { withExtendedLifetime(nginx) {} }
            try eventually("an answer") { (try? group.ask(0, "GET /livez"))?.status == 200 }
            #expect(try get(group.nodes[0].port).text == "three")
            let state = try #require(try group.state(0))
            #expect(state.primary == "dc3" && state.weight(of: "dc2") == 7 && state.leader == nil)
            #expect(try group.ask(0, "GET /readyz").status == 200)
        }

        /// Not without an operator's word, and then in the datacenter of his choice.
        @Test(arguments: InputOutput.available)
        func aStrictServiceIsServedByAnOperatorsWord(_ inputOutput: InputOutput) throws {
            let (group, nginx) = try Self.lose(inputOutput, "strict")
            try eventually("an answer") { (try? group.ask(0, "GET /livez"))?.status == 200 }
            #expect(try get(group.nodes[0].port).status == 503)
            try group.change(0, "serve-without-lease", "shop", "--for", "1m", "--old-primary-is-fenced")
            #expect(try get(group.nodes[0].port).text == "three")
            try nginx[2].kill()
            let wrong = try group.command(
                0, "serve-without-lease", "shop", "--for", "1m", "--old-primary-is-fenced", "--in", "dc4")
            #expect(wrong.exit == .code(1) && wrong.output.contains("has no datacenter 'dc4'"), "\(wrong.output)")
            try group.change(0, "serve-without-lease", "shop", "--for", "1m", "--old-primary-is-fenced", "--in", "dc1")
            #expect(try get(group.nodes[0].port).text == "one")
            // The group is back, and with it what it agreed on; nobody has told it to move.
            for index in [1, 2] { try group.restart(index) }
            try group.awaitLeader(seenBy: [0, 1, 2])
            try eventually("the primary of the group") { try get(group.nodes[0].port).status != 200 }
        }

        /// Two of three disks are lost: the third makes a new group, which the others join, and one that was not lost after
        /// all is turned away.
        @Test(arguments: InputOutput.available)
        func aLostMajorityIsRebuilt(_ inputOutput: InputOutput) throws {
            let nginx = try Nginx.separate(["one", "two", "three"])
            let group = try ProxyGroup(inputOutput, backends: nginx.map(\.port))
            try group.awaitLeader(seenBy: [0, 1, 2])
            try group.change(1, "primary", "set", "shop", "dc3")
            try group.eventuallyAll([0, 1, 2], "the primary") { $0.primary == "dc3" }
            for index in 0..<3 { try group.kill(index, SIGTERM) }
            let rebuild = [Binary.path, "cluster", "rebuild", "-c", group.nodes[0].file]
            let careless = try ChildProcess.run(rebuild)
            #expect(careless.exit != .code(0) && careless.output.contains("--others-are-gone"), "\(careless.output)")
            let rebuilt = try ChildProcess.run(rebuild + ["--others-are-gone"])
            #expect(rebuilt.exit == .code(0) && rebuilt.output.contains("left behind: n2, n3"), "\(rebuilt.output)")
            try group.restart(0)
            try eventually("a lease") { (try? get(group.nodes[0].port))?.text == "three" }
            try group.wipe(1)
            for index in [1, 2] { try group.restart(index) }
            try group.eventuallyAll([0, 1], "the newcomer") { $0.members.count == 2 && $0.primary == "dc3" }
            try group.change(0, "cluster", "add", "n2")
            try group.change(1, "weight", "set", "shop", "dc2", "7")
            try group.eventuallyAll([0, 1], "a change of both") { $0.weight(of: "dc2") == 7 }
            let old = try #require(try group.state(2))
            #expect(old.leader == nil && old.weight(of: "dc2") != 7)
        }

        /// A node that has never heard of a group is not ready: its file alone may send traffic to what is drained.
        @Test(arguments: InputOutput.available)
        func aNodeWithoutAnyStateIsNotReady(_ inputOutput: InputOutput) throws {
            let nginx = try Nginx.separate(["one", "two", "three"])
            let group = try ProxyGroup(inputOutput, backends: nginx.map(\.port))
            try group.awaitLeader(seenBy: [0, 1, 2])
            for index in 0..<3 {
                try group.kill(index)
                try group.wipe(index)
            }
            try group.restart(0)
            try eventually("an answer") { (try? group.ask(0, "GET /livez"))?.status == 200 }
            let answer = try group.ask(0, "GET /readyz")
            #expect(answer.status == 503 && answer.text.contains("[-] state failed"), "\(answer.text)")
            for index in [1, 2] { try group.restart(index) }
            try eventually("the group") { try group.ask(0, "GET /readyz").status == 200 }
        }
    }
}
