// Owns what a node says to the leader, as the leader hears it: straight from its connection, or handed on by a peer.
internal import RaftRuntime
internal import Switching
internal import Topology

/// A call for the leader, to be answered once.
struct LeaderCall {
    /// Who says it. A peer that hands it on answers for that: members trust each other.
    let origin: LeaseHolder
    let call: PeerCall
    private let request: PeerRequest

    /// What a peer says for itself.
    init(_ request: PeerRequest) {
        origin = LeaseHolder(request.peer)
        call = request.call
        self.request = request
    }

    /// What a peer says, or has handed on.
    init(_ relayed: RelayedCall, _ request: PeerRequest) {
        origin = relayed.origin
        call = relayed.call
        self.request = request
    }

    func answer(_ bytes: [UInt8]) { request.answer(bytes) }
    func refuse(_ reason: String) { request.refuse(reason) }
}

extension LeaseHolder {
    init(_ peer: PeerIdentity) { self.init(id: peer.node, incarnation: peer.incarnation) }
}
