// Owns what routing leases need of the group: the leader's rounds, the length of leases, who may hold one.
internal import Catalog
internal import Raft
internal import RaftRuntime
internal import Switching
internal import Topology

/// The events for the leader's part of switching. On the control thread.
struct LeaseHandlers {
    /// A node asks for a lease; the closure takes the grant to it, once or never.
    var requested: (LeaseRequest, LeaseHolder, @escaping (LeaseGrant) -> Void) -> Void = { _, _, _ in }
    var acknowledged: (EpochAcknowledgement, LeaseHolder) -> Void = { _, _ in }
    /// The core has processed events: this node may have begun or stopped leading, or know another leader.
    var stepped: () -> Void = {}
    var membersChanged: () -> Void = {}
}

extension GroupLedger {
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

    /// The leader that this node follows, which may be itself; nil while it knows none.
    var leader: NodeID? { member?.driver?.member.leader }

    /// The lease that the group was formed with; nil before it was.
    var formedLease: Duration? {
        guard let configuration = member?.driver?.member.configuration, configuration.cluster != 0 else { return nil }
        return configuration.timing.lease
    }

    /// Whether this node grants leases: it leads, and the group has agreed on their length.
    var grantsLeases: Bool { leads && catalog.lease.isDecided }

    /// Proposes only on this node's own core. The command is dropped if the node no longer leads by then.
    func proposeAsLeader(_ command: CatalogCommand) { member?.driver?.propose(command.encoded) { _ in } }

    /// Proves that this node still leads, at some time after this call.
    func confirmLeadership(_ completion: @escaping (Bool) -> Void) {
        guard let member else { return completion(false) }
        member.driver.read { outcome in
            if case .readable = outcome { completion(true) } else { completion(false) }
        }
    }
}
