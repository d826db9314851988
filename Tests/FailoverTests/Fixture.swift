// Owns the scenario of which each planner test changes one point: a primary that everyone has seen down for 5 s.
import Catalog
import Failover
import Topology

let shop = ServiceName("shop")
let east = DatacenterName("us-east")
let west = DatacenterName("eu-west")
let south = DatacenterName("ap-south")

/// Milliseconds after the origin.
func at(_ milliseconds: Int64) -> Tick { Tick(nanoseconds: milliseconds * 1_000_000) }

func epoch(_ count: Int) -> Epoch {
    var epoch = Epoch(formation: 1_800_000_000)
    for _ in 1..<count { epoch = epoch.next ?? epoch }
    return epoch
}

func up(_ datacenter: DatacenterName, percent: Int = 100, fitFor: Duration? = .seconds(1_000)) -> DatacenterView {
    DatacenterView(datacenter: datacenter, share: HealthShare(healthy: percent, total: 100), fitFor: fitFor)
}

func down(_ datacenter: DatacenterName, for time: Duration = .seconds(5), perMille: Int = 0) -> DatacenterView {
    DatacenterView(datacenter: datacenter, share: HealthShare(healthy: perMille, total: 1_000), downFor: time)
}

/// Three datacenters of one voter each, `us-east` is primary. Observations are as fresh as can be.
struct Scenario {
    var catalog = Catalog(formation: 1_800_000_000)
    var nodes = [east, west, south].map { VotingNode(id: NodeID("\($0)-a"), datacenter: $0, isVoter: true) }
    var observations: [Observation] = []
    var now = at(1_000_000)
    var wallClock = UnixTime(milliseconds: 1_800_000_100_000)
    var policy = PromotionPolicy()
    private var index: UInt64 = 0

    init(
        datacenters: [DatacenterName] = [east, west, south], change: (inout FailoverSettings) -> Void = { _ in }
    ) {
        var settings = FailoverSettings()
        change(&settings)
        apply(
            .registerService(
                ServiceRegistration(
                    name: shop, hasPrimary: true,
                    datacenters: datacenters.enumerated().map { place, name in
                        .init(
                            name: name, weight: 1,
                            endpoints: [.init(address: .host("10.0.\(place).1", port: 80), weight: 1)])
                    }, failover: settings)))
        everyoneSees([down(east), up(west), up(south)])
    }

    mutating func apply(_ change: CatalogChange, force: Bool = false, before: Duration = .zero) {
        index += 1
        let time = UnixTime(milliseconds: wallClock.milliseconds - before.wholeNanoseconds / 1_000_000)
        let outcome = catalog.apply(
            CatalogCommand(change, author: "test", proposedAt: time, force: force), at: index, term: 0)
        if case .refused(let refusal) = outcome { preconditionFailure("\(refusal)") }
    }

    /// An automatic move that was applied and completed this long ago.
    mutating func move(to datacenter: DatacenterName, before: Duration) {
        apply(.setPrimary(of: shop, to: datacenter, expectedEpoch: nil, cause: .automatic), before: before)
        guard let epoch = catalog.primary(of: shop)?.epoch else { return }
        apply(.completeSwitch(of: shop, epoch: epoch), before: before)
    }

    mutating func everyoneSees(_ views: [DatacenterView]) {
        observations = nodes.map { observation($0, views) }
    }

    /// The node of this position sees something else.
    mutating func node(_ position: Int, sees views: [DatacenterView]) {
        observations[position] = observation(nodes[position], views)
    }

    mutating func add(_ name: String, _ datacenter: DatacenterName, isVoter: Bool, sees views: [DatacenterView]?) {
        let node = VotingNode(id: NodeID(name), datacenter: datacenter, isVoter: isVoter)
        nodes.append(node)
        if let views { observations.append(observation(node, views)) }
    }

    private func observation(_ node: VotingNode, _ views: [DatacenterView]) -> Observation {
        Observation(node: node.id, datacenter: node.datacenter, service: shop, views: views, receivedAt: now)
    }

    var situation: FailoverPlanner.Situation {
        FailoverPlanner.Situation(
            catalog: catalog, nodes: nodes, observations: observations, now: now, wallClock: wallClock)
    }

    var decision: FailoverDecision { FailoverPlanner(policy).decide(shop, situation) }
}

func promote(
    _ datacenter: DatacenterName, _ count: Int = 1, _ reason: Promotion.Reason = .primaryDown
) -> FailoverDecision {
    .promote(Promotion(datacenter: datacenter, expectedEpoch: epoch(count), reason: reason))
}
