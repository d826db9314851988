// Owns which services' replication lag this node samples: those with a lag gate, in its own datacenter.
internal import Catalog
internal import Probing
internal import Proactor
internal import Routing
internal import Topology

extension LagTarget {
    /// The endpoints of this node's datacenter to ask. The path that the group agreed on counts, not this file's.
    static func wanted(
        _ settings: ControlSettings, _ catalog: Catalog, resolve: (Address) -> SocketAddress?
    ) -> [LagTarget] {
        settings.services.compactMap { service in
            guard let gate = catalog.registration(of: service.name)?.failover.lagGate,
                let place = service.datacenters.first(where: { $0.name == settings.datacenter })
            else { return nil }
            let endpoints = place.endpoints.compactMap { endpoint in
                resolve(endpoint.address).map { Endpoint(name: endpoint.address, address: $0) }
            }
            return LagTarget(service: service.name, path: gate.path, endpoints: endpoints)
        }
    }
}
