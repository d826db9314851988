// Owns how one service's part of a routing table is worked out.
internal import Balancing
internal import Catalog
internal import Health
internal import Topology

/// Builds the services of one table and notes when the next slow start takes a step.
struct ServiceRoutingBuilder {
    let inputs: RoutingTable.Inputs
    let now: Tick
    private(set) var nextRamp: Tick?

    init(inputs: RoutingTable.Inputs, now: Tick) {
        self.inputs = inputs
        self.now = now
    }

    /// An endpoint as long as it is not known whether its datacenter panics.
    private struct Candidate {
        var endpoint: RoutingLayout.Endpoint
        var weight: Int
        var state: OperatingState
        var condition: EndpointCondition

        /// Whether an operator lets it take requests; panic does not go beyond that.
        var isAllowed: Bool { state == .active && weight > 0 }
    }

    mutating func build(_ service: RoutingLayout.Service) -> ServiceRouting {
        let definition = service.definition
        let overrides = inputs.catalog.overrides(of: definition.name)
        let candidates = service.datacenters.map { $0.endpoints.map { candidate($0, overrides) } }
        let targets = service.datacenters.map { OverrideTarget(service: definition.name, datacenter: $0.name) }
        let weights = zip(targets, service.datacenters).map { overrides.weight(of: $0, otherwise: $1.weight) }
        let states = targets.map(overrides.state)
        let loads = candidates.indices.map { index in
            let allowed = candidates[index].lazy.filter(\.isAllowed)
            return DatacenterLoad(
                weight: weights[index], isDrained: states[index] == .draining,
                endpointWeight: allowed.reduce(0) { $0 + $1.weight },
                healthyWeight: allowed.filter(\.condition.isUsable).reduce(0) { $0 + $1.weight },
                returnPercent: inputs.returning[targets[index]] ?? 100)
        }
        // A node whose file names another policy obeys the group: else it would route to where others do not.
        let primary = inputs.catalog.primary(of: definition.name)
        let policy = primary == nil ? definition.datacenterPolicy : .primary
        let primaryIndex = primary.flatMap { primary in
            service.datacenters.firstIndex { $0.name == primary.datacenter }
        }
        let shares = Spillover.shares(
            policy: policy, of: loads, primary: primaryIndex, order: order(service.datacenters))
        var datacenters: [DatacenterRouting] = []
        for (index, datacenter) in service.datacenters.enumerated() {
            let endpoints = candidates[index].map {
                endpoint($0, panics: shares[index].panics, policy: definition.slowStart)
            }
            datacenters.append(
                DatacenterRouting(
                    name: datacenter.name, identity: datacenter.identity, weight: weights[index],
                    state: states[index], share: shares[index], endpointWeight: loads[index].endpointWeight,
                    healthyWeight: loads[index].healthyWeight, endpoints: endpoints,
                    weights: endpoints.map(\.effectiveWeight), identities: endpoints.map(\.identity)))
        }
        return ServiceRouting(
            definition: definition, primary: primary, primaryIndex: primaryIndex,
            hasConfigurationDrift: inputs.catalog.registration(of: definition.name) != service.registration,
            datacenters: datacenters, shares: shares, identities: datacenters.map(\.identity))
    }

    private func candidate(_ endpoint: RoutingLayout.Endpoint, _ overrides: OverrideList) -> Candidate {
        let target = endpoint.id.overrideTarget
        return Candidate(
            endpoint: endpoint, weight: overrides.weight(of: target, otherwise: endpoint.weight),
            state: overrides.state(of: target), condition: inputs.conditions[endpoint.id])
    }

    private mutating func endpoint(
        _ candidate: Candidate, panics: Bool, policy: SlowStartPolicy
    ) -> EndpointRouting {
        let takesRequests = candidate.isAllowed && (panics || candidate.condition.isUsable)
        // Only endpoints that are up have a ramp. In panic those that are down get their whole weight, as nothing can
        // be spared.
        let since = candidate.condition.health == .up ? candidate.condition.upSince : nil
        if takesRequests, let next = SlowStart.nextStep(since: since, now: now, policy: policy) {
            nextRamp = min(nextRamp ?? next, next)
        }
        let weight = SlowStart.weight(full: candidate.weight, since: since, now: now, policy: policy)
        return EndpointRouting(
            id: candidate.endpoint.id, identity: candidate.endpoint.identity, weight: candidate.weight,
            state: candidate.state, condition: candidate.condition, effectiveWeight: takesRequests ? weight : 0)
    }

    /// Positions of a service's datacenters, the nearest first: in measured order, then the local one, then as listed.
    private func order(_ datacenters: [RoutingLayout.Datacenter]) -> [Int] {
        (inputs.nearestFirst + [inputs.local].compactMap(\.self)).compactMap { name in
            datacenters.firstIndex { $0.name == name }
        }
    }
}
