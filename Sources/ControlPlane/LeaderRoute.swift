// Owns how a node reaches the leader: directly or, if that is impossible, through one peer.
internal import Topology

/// A way to the leader.
enum LeaderWay: Hashable {
    /// This node leads.
    case here
    case straight(NodeID)
    /// The peer relays to the leader that it follows itself, if it follows one.
    case through(NodeID)
    case none
}

/// Finds a way to the leader for observations, requests for leases and acknowledgements: through any peer that can
/// reach it, when this node cannot.
///
/// A node that is cut off only from the leader keeps its vote on health, and its leases: requests count from when they
/// were sent, and grants from when they were made, however long either takes. Operators' changes do not go this way,
/// because the node would not learn their outcome.
struct LeaderRoute {
    private var lastLeader: NodeID?
    private var turn = 0

    /// - Parameters:
    ///   - leader: the leader that this node follows, which may be itself; nil while it hears none.
    ///   - peers: the members that this node believes to have an open connection to.
    mutating func way(to leader: NodeID?, from node: NodeID, peers: [NodeID]) -> LeaderWay {
        if let leader {
            lastLeader = leader
            if leader == node { return .here }
            if peers.contains(leader) { return .straight(leader) }
        }
        // A connection seems open for a while after the network fails, so the leader that fell silent is asked last. It
        // may follow another one by now.
        let others = peers.filter { $0 != node }
        let better = others.filter { $0 != lastLeader }
        let helpers = better.isEmpty ? others : better
        return helpers.isEmpty ? .none : .through(helpers[turn % helpers.count])
    }

    /// The way led nowhere, so the next helper has its turn. A helper that works is kept, because calls through one
    /// peer arrive in order.
    mutating func failed() { turn = (turn + 1) % 1_024 }
}
