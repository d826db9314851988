// Owns how the document about a service is put together from the routing table, the catalog, votes and counters.
internal import Balancing
internal import Catalog
internal import ControlPlane
internal import DataPlane
internal import Health
internal import Proactor
internal import Routing
internal import Synchronization
internal import Topology

extension ServiceDocument {
    init(_ routing: ServiceRouting, _ catalog: Catalog, _ votes: KnownVotes, _ context: AdminContext) {
        let definition = routing.definition
        let total = context.counters.service(routing.name).requests.load(ordering: .relaxed)
        name = routing.name.text
        `protocol` = definition.protocol.rawValue
        policy = definition.datacenterPolicy.rawValue
        endpointPolicy = definition.endpointPolicy.rawValue
        consistency = definition.failover.consistency.rawValue
        primary = routing.primary?.datacenter.text
        epoch = routing.primary?.epoch.count
        let record = catalog.primaryRecord(of: routing.name)
        let isSwitching = record?.state.isSwitching == true
        state = isSwitching ? "switching" : "stable"
        target = isSwitching ? record?.state.target.text : nil
        let failover = context.control.failover
        if case .none(let since)? = failover.leases[routing.name] {
            noLeaseMs = (MonotonicClock.now - since).wholeNanoseconds / 1_000_000
        }
        let rest = failover.withoutLease[routing.name].map { $0 - MonotonicClock.now } ?? .zero
        withoutLeaseMs = rest > .zero ? rest.wholeNanoseconds / 1_000_000 : nil
        configDrift = routing.hasConfigurationDrift
        requests = total
        requestsPerSecond = context.rates.rate(of: routing.name)
        datacenters = routing.datacenters.map {
            Datacenter($0, votes: votes.on($0, of: routing.name), context)
        }
    }
}

extension ServiceDocument.Datacenter {
    init(_ routing: DatacenterRouting, votes: [String: String], _ context: AdminContext) {
        name = routing.name.text
        weight = routing.weight
        state = routing.state.rawValue
        healthy = routing.healthyShare
        share = Double(routing.share.share) / 65_536
        panic = routing.share.panics
        self.votes = votes
        endpoints = routing.endpoints.map { endpoint in
            let counters = context.counters.endpoint(endpoint.id)
            return ServiceDocument.Endpoint(
                address: endpoint.address.description, weight: endpoint.weight,
                state: ServiceDocument.Endpoint.state(endpoint.state, endpoint.condition),
                inFlight: counters.inFlight.load(ordering: .relaxed),
                requests: counters.requests.load(ordering: .relaxed), errors: counters.errors.load(ordering: .relaxed))
        }
    }
}

extension ServiceDocument.Endpoint {
    /// One word for an endpoint's state, of which several may apply: first what an operator wants, then what its checks
    /// say, which outlasts an ejection, then what traffic found.
    static func state(_ state: OperatingState, _ condition: EndpointCondition) -> String {
        if state == .draining { return "draining" }
        if condition.isEjected, condition.health.takesTraffic { return "ejected" }
        return condition.health.rawValue
    }
}
