// Owns the metrics of the group and of failover.
internal import Catalog
internal import ControlPlane
internal import Failover
internal import Topology

extension MetricsPage {
    mutating func addGroup(_ snapshot: ControlSnapshot, node: NodeID) {
        let standing = snapshot.standing
        single("group_quorum", "gauge", "1 while a leader is known that has a quorum.", standing.hasQuorum ? 1 : 0)
        single("group_leader", "gauge", "1 on the node that leads.", standing.leader == node ? 1 : 0)
        single("group_term", "gauge", "The term of the consensus.", standing.term)
        single("disk_full", "gauge", "1 while this node's disk has no room.", standing.diskFull == nil ? 0 : 1)
        family("group_members", "gauge", "Members by role.")
        sample("group_members", [("role", "voter")], standing.members.count { $0.isVoter })
        sample("group_members", [("role", "observer")], standing.members.count { !$0.isVoter })
        family("group_member_reachable", "gauge", "1 while this node has a connection to the member.")
        for member in standing.members {
            sample("group_member_reachable", [("member", member.id.text)], member.isReachable ? 1 : 0)
        }
        single("frozen", "gauge", "1 while automatic moves of primaries are frozen.", snapshot.catalog.isFrozen ? 1 : 0)
    }

    mutating func addLeases(_ leases: [ServiceName: ServiceLease]) {
        family(
            "service_lease", "gauge", "1 while this node has a lease for the strict service, 0: it refuses requests.")
        for (service, lease) in leases.sorted(by: { $0.key < $1.key }) {
            sample("service_lease", [("service", service.text)], lease == .held ? 1 : 0)
        }
    }

    /// Only the leader decides, so the other nodes' figures stand still.
    mutating func addFailover(_ counts: HoldCounts) {
        family("failover_holds_total", "counter", "How often a reason not to move a primary began.")
        for (service, kinds) in counts.totals.sorted(by: { $0.key < $1.key }) {
            for (kind, count) in kinds.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
                sample("failover_holds_total", [("service", service.text), ("reason", kind.rawValue)], count)
            }
        }
        family("failover_hold", "gauge", "1 for each reason why a primary does not move now; only on the leader.")
        for (service, kinds) in counts.present.sorted(by: { $0.key < $1.key }) {
            for kind in kinds.map(\.rawValue).sorted() {
                sample("failover_hold", [("service", service.text), ("reason", kind)], 1)
            }
        }
        family("failover_promotions_total", "counter", "Moves of primaries that this node proposed as the leader.")
        for (service, reasons) in counts.promotions.sorted(by: { $0.key < $1.key }) {
            for (reason, count) in reasons.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
                sample("failover_promotions_total", [("service", service.text), ("reason", reason.word)], count)
            }
        }
    }
}

extension Promotion.Reason {
    /// As label values are written.
    fileprivate var word: String {
        switch self {
        case .primaryDown: "primary_down"
        case .targetLost: "target_lost"
        case .backToOrigin: "back_to_origin"
        case .failback: "failback"
        }
    }
}
