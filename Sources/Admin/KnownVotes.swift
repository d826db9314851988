// Owns which votes the status shows: the leader's if they are fresh, otherwise this node's own view.
internal import ControlPlane
internal import Failover
internal import Proactor
internal import Routing
internal import Settings
internal import Topology

/// The votes of one moment.
struct KnownVotes {
    /// The leader sends votes twice a second; after this long without any, the old ones are out of date.
    private static let freshness = Duration.seconds(5)

    private let report: VoteReport?
    private let own: DatacenterName

    init(_ context: AdminContext) {
        let figures = context.control.failover
        report = MonotonicClock.now - figures.votesAt < Self.freshness ? figures.votes : nil
        own = context.node.settings.node.datacenter
    }

    /// The votes on a service's datacenter, by voting datacenter.
    func on(_ datacenter: DatacenterRouting, of service: ServiceName) -> [String: String] {
        guard let votes = report?.votes(on: datacenter.name, of: service) else {
            return [own.text: datacenter.healthyShare >= 0.01 ? "up" : "down"]
        }
        var byName: [String: String] = [:]
        for each in votes { byName[each.datacenter.text] = each.vote.rawValue }
        return byName
    }
}
