// Owns what the group's connections and core do for routing leases: requests to the leader, its rounds, who may hold one.
internal import Catalog
internal import Raft
internal import RaftRuntime
internal import Switching
internal import Topology

/// What the leader's part of switching is told. On the control thread.
struct LeaseHandlers {
    /// A node asks for a lease; the closure takes the grant to it, once or never.
    var requested: (LeaseRequest, LeaseHolder, @escaping (LeaseGrant) -> Void) -> Void = { _, _, _ in }
    var acknowledged: (EpochAcknowledgement, LeaseHolder) -> Void = { _, _ in }
    /// The core has done something: this node may lead now, or no longer, or know another leader.
    var stepped: () -> Void = {}
    var membersChanged: () -> Void = {}
}

extension GroupLedger {
    /// The kind of the call that asks the leader for a lease.
    static let leaseCall: UInt32 = 18
    /// The kind of the call that tells the leader of an acknowledgement.
    static let acknowledgeCall: UInt32 = 19

    /// This node as a holder of leases.
    var ownHolder: LeaseHolder { LeaseHolder(id: node, incarnation: member?.incarnation ?? 0) }

    /// Who may hold a lease: the members of both halves of the configuration, observers too.
    var holders: [LeaseHolder] {
        guard let configuration = member?.driver?.member.configuration else { return [] }
        let leaving = (configuration.outgoing ?? []).filter { old in
            !configuration.members.contains { $0.id == old.id }
        }
        return (configuration.members + leaving).map { LeaseHolder(id: $0.id, incarnation: $0.incarnation) }
    }

    /// The leader that this node follows, itself perhaps; nil while it knows none.
    var leader: NodeID? { member?.driver?.member.leader }

    /// The lease that the group was formed with; nil before it was.
    var formedLease: Duration? {
        guard let configuration = member?.driver?.member.configuration, configuration.cluster != 0 else { return nil }
        return configuration.timing.lease
    }

    /// Whether this node grants leases: it leads, and the group has said how long they live.
    var grantsLeases: Bool { leads && catalog.lease.isDecided }

    /// Asks the leader, itself perhaps.
    ///
    /// - Parameter completion: runs once with the grant; nil when none will come.
    func askForLease(_ request: LeaseRequest, within limit: Duration, _ completion: @escaping (LeaseGrant?) -> Void) {
        guard let member, let leader else { return completion(nil) }
        if leader == node {
            guard grantsLeases else { return completion(nil) }
            return leases.requested(request, ownHolder) { completion($0) }
        }
        let call = PeerCall(kind: Self.leaseCall, bytes: request.encoded)
        member.transport.call(leader, call, within: limit) { outcome in
            if case .reply(let bytes) = outcome { completion(LeaseGrant(bytes)) } else { completion(nil) }
        }
    }

    /// Tells the leader; should that get lost, every request for a lease says it again.
    func tellLeader(_ acknowledgement: EpochAcknowledgement) {
        guard let member, let leader else { return }
        if leader == node { return leases.acknowledged(acknowledgement, ownHolder) }
        let call = PeerCall(kind: Self.acknowledgeCall, bytes: acknowledgement.encoded)
        member.transport.call(leader, call, within: .seconds(1)) { _ in }
    }

    /// Proposes on this node's own core and nowhere else: it is dropped if the node does not lead any more when it is
    /// taken.
    func proposeAsLeader(_ command: CatalogCommand) { member?.driver?.propose(command.encoded) { _ in } }

    /// Proves that this node leads, after now.
    func confirmLeadership(_ completion: @escaping (Bool) -> Void) {
        guard let member else { return completion(false) }
        member.driver.read { outcome in
            if case .readable = outcome { completion(true) } else { completion(false) }
        }
    }

    func receivedLeaseRequest(_ request: PeerRequest) {
        guard let wish = LeaseRequest(request.call.bytes) else { return request.refuse("not a request for a lease") }
        guard grantsLeases else { return request.refuse("\(node) does not lead the group, or not fully yet") }
        leases.requested(wish, holder(request)) { request.answer($0.encoded) }
    }

    func receivedAcknowledgement(_ request: PeerRequest) {
        guard let acknowledgement = EpochAcknowledgement(request.call.bytes) else {
            return request.refuse("not an acknowledgement")
        }
        leases.acknowledged(acknowledgement, holder(request))
        request.answer([])
    }

    private func holder(_ request: PeerRequest) -> LeaseHolder {
        LeaseHolder(id: request.peer.node, incarnation: request.peer.incarnation)
    }
}
