// Owns the proof that a group loses nothing that it acknowledged, however often its nodes die in the middle.
import Foundation
import Testing

extension EndToEnd {
    @Suite struct Kills {
        /// How often a node dies: half a minute's worth, unless `MERIDIAN_KILLS` says otherwise.
        private static let kills = ProcessInfo.processInfo.environment["MERIDIAN_KILLS"].flatMap { Int($0) } ?? 100
        private static let changesAKill = 10

        /// Random nodes get `kill -9` again and again, ten acknowledged changes apart and without waiting for the group to be
        /// whole, while operators change the weights of different endpoints: every change that was acknowledged holds at the
        /// end, at every node.
        @Test(arguments: InputOutput.available)
        func loseNothingAcknowledged(_ inputOutput: InputOutput) throws {
            let count = Self.kills * Self.changesAKill
            let group = try ProxyGroup(
                inputOutput, backends: [9, 9, 9], timing: "heartbeat: 50ms, election_timeout: 300ms",
                others: WeightChanges.services(for: count))
            try group.awaitLeader(seenBy: [0, 1, 2])
            try group.eventuallyAll([0, 1, 2], "the services") { $0.services.allSatisfy { !$0.configDrift } }

            let changes = WeightChanges(count, ports: group.nodes.map(\.adminPort), seed: 7)
            changes.begin(operators: 4)
            defer { changes.end() }
            var random = SplitMix(seed: 11)
            for round in 0..<Self.kills {
                try changes.await(round * Self.changesAKill)
                let victim = Int.random(in: 0..<3, using: &random)
                try group.kill(victim)
                // Now and then the others have the time to go on without it.
                if Bool.random(using: &random) {
                    try changes.await(min(count, changes.acknowledged() + Self.changesAKill / 2))
                }
                try group.restart(victim)
            }
            try changes.await(count)

            try group.awaitLeader(seenBy: [0, 1, 2])
            for node in [0, 1, 2] {
                var missing = changes.changes
                try? eventually("all changes at \(group.nodes[node].name)") {
                    missing = try group.state(node).map(changes.missing) ?? missing
                    return missing.isEmpty
                }
                #expect(missing.isEmpty, "\(group.nodes[node].name) lacks \(missing.count) acknowledged changes")
            }
        }
    }
}
