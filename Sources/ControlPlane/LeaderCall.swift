// Owns a call to the leader as the leader receives it: directly from the node, or relayed by a peer.
internal import RaftRuntime
internal import Switching
internal import Topology

/// A call for the leader, to be answered once.
struct LeaderCall {
    /// The caller. For a relayed call the peer vouches for it, since members trust each other.
    let origin: LeaseHolder
    let call: PeerCall
    private let request: PeerRequest

    /// A peer's own call.
    init(_ request: PeerRequest) {
        origin = LeaseHolder(request.peer)
        call = request.call
        self.request = request
    }

    /// A peer's call, or one that it relays.
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
