// Owns how much of a datacenter a node sees as healthy, for its reports to the leader.
internal import Catalog
internal import Failover
internal import Routing
internal import Topology

extension HealthShare {
    /// The usable weight, out of the weight of all endpoints that operators allow to take requests.
    init(
        of datacenter: DatacenterDefinition, _ service: ServiceName, _ overrides: OverrideList,
        _ conditions: EndpointConditions
    ) {
        var (healthy, total) = (0, 0)
        for endpoint in datacenter.endpoints {
            let target = OverrideTarget(service: service, datacenter: datacenter.name, endpoint: endpoint.address)
            guard overrides.state(of: target) == .active else { continue }
            let weight = overrides.weight(of: target, otherwise: endpoint.weight)
            let id = EndpointID(service: service, datacenter: datacenter.name, address: endpoint.address)
            total += weight
            if conditions[id].isUsable { healthy += weight }
        }
        self.init(healthy: healthy, total: total)
    }
}
