// Owns which way a node's words go to the leader: straight, or where that cannot be, through one peer.
internal import Topology

/// A way to the leader.
enum LeaderWay: Hashable {
    /// This node leads.
    case here
    case straight(NodeID)
    /// The peer hands it on to the leader that it follows itself, if it follows one.
    case through(NodeID)
    case none
}

/// Finds a way to the leader for observations, requests for leases and acknowledgements: through any peer that can
/// reach it, when this node cannot.
///
/// A node that only the leader cannot reach keeps its vote on health, and its leases: requests count from when they
/// were sent and grants from when they were made, however long either was on its way. Operators' changes do not go this
/// way: the node would not see what became of them.
struct LeaderRoute {
    private var lastLeader: NodeID?
    private var turn = 0

    /// - Parameters:
    ///   - leader: whom this node follows, itself perhaps; nil while it hears none.
    ///   - peers: the members with a connection that is open, as far as this node knows.
    mutating func way(to leader: NodeID?, from node: NodeID, peers: [NodeID]) -> LeaderWay {
        if let leader {
            lastLeader = leader
            if leader == node { return .here }
            if peers.contains(leader) { return .straight(leader) }
        }
        // Connections outlive the network under them for a while: the leader that has fallen silent is asked last. It
        // may follow another by now.
        let others = peers.filter { $0 != node }
        let better = others.filter { $0 != lastLeader }
        let helpers = better.isEmpty ? others : better
        return helpers.isEmpty ? .none : .through(helpers[turn % helpers.count])
    }

    /// The way that was found led nowhere: the next helper has its turn. One that helps is kept, for what goes through
    /// one arrives in its order.
    mutating func failed() { turn = (turn + 1) % 1_024 }
}
