// Owns the arithmetic of quorums: majorities, both halves of a joint configuration, flexible quorums.
public import Topology

/// How many voters it takes to commit and to elect.
///
/// With n voters and a replication quorum of q at most a majority, an election takes n - q + 1 of them, so that every
/// election meets every commit (Howard, Malkhi and Spiegelman, "Flexible Paxos"); and never fewer than a majority, so
/// that a term has one leader. While a configuration is joint both halves must agree (Raft §6).
public struct Quorum: Hashable, Sendable {
    struct Half: Hashable, Sendable {
        var voters: [NodeID]
        var replication: Int
        var election: Int

        init(members: [Member], replicationQuorum: Int?) {
            voters = members.filter { $0.role == .voter }.map(\.id)
            let majority = voters.count / 2 + 1
            replication = min(max(replicationQuorum ?? majority, 1), majority)
            election = max(majority, voters.count - replication + 1)
        }
    }

    let halves: [Half]

    public init(_ configuration: Configuration) {
        let half = Half(members: configuration.members, replicationQuorum: configuration.replicationQuorum)
        guard let outgoing = configuration.outgoing else {
            halves = [half]
            return
        }
        halves = [half, Half(members: outgoing, replicationQuorum: configuration.outgoingReplicationQuorum)]
    }

    /// The voters of both halves, each once, in the order of the configuration.
    public var voters: [NodeID] {
        var seen = halves[0].voters
        for half in halves.dropFirst() {
            seen += half.voters.filter { !halves[0].voters.contains($0) }
        }
        return seen
    }

    /// Whether those for whom `holds` is true are enough to commit, and to prove that a leader still leads.
    public func canCommit(_ holds: (NodeID) -> Bool) -> Bool {
        halves.allSatisfy { half in half.voters.count(where: holds) >= half.replication }
    }

    /// Whether those for whom `grants` is true are enough to elect.
    public func canElect(_ grants: (NodeID) -> Bool) -> Bool {
        halves.allSatisfy { half in half.voters.count(where: grants) >= half.election }
    }

    /// The greatest number that a replication quorum has reached; 0 where there is no voter.
    public func reached(_ number: (NodeID) -> UInt64) -> UInt64 {
        halves.map { half in
            let numbers = half.voters.map(number).sorted(by: >)
            return half.replication <= numbers.count ? numbers[half.replication - 1] : 0
        }.min() ?? 0
    }
}
