// Owns what the catalog knows about one service, and which parts of it take traffic.
public import Topology

/// Where a service's traffic goes when it has a primary.
public struct Primary: Hashable, Sendable {
    public var datacenter: DatacenterName
    public var epoch: Epoch

    public init(datacenter: DatacenterName, epoch: Epoch) {
        self.datacenter = datacenter
        self.epoch = epoch
    }
}

/// One service: its registration and its overrides.
struct ServiceRecord: Hashable, Sendable {
    var registration: ServiceRegistration
    /// False once the settings no longer define it.
    var isRegistered = true
    /// Kept even while the service has another policy, because its epochs must go on.
    var primary: PrimaryRecord?
    var overrides = OverrideList()
    /// The index of the last change of anything here.
    var changedAt: UInt64 = 0

    func datacenter(_ name: DatacenterName) -> ServiceRegistration.Datacenter? {
        registration.datacenters.first { $0.name == name }
    }

    /// Whether `target` is in the registration.
    func lists(_ target: OverrideTarget) -> CatalogRefusal? {
        let service = registration.name
        guard isRegistered else { return .unknownService(service) }
        guard let datacenter = datacenter(target.datacenter) else {
            return .unknownDatacenter(target.datacenter, service: service)
        }
        guard let address = target.endpoint else { return nil }
        let isListed = datacenter.endpoints.contains { $0.address == address }
        return isListed ? nil : .unknownEndpoint(address, datacenter: datacenter.name, service: service)
    }

    /// How many of its own overrides each keep the datacenter from taking traffic: one that is hidden by another has an
    /// effect when that one ends.
    private func closings(of datacenter: ServiceRegistration.Datacenter) -> Int {
        let place = OverrideTarget(service: registration.name, datacenter: datacenter.name)
        return (overrides.state(of: place) == .active ? 0 : 1)
            + (overrides.weight(of: place, otherwise: datacenter.weight) > 0 ? 0 : 1)
    }

    /// Whether weights and states let new requests go to the datacenter; health is not known here.
    func takesTraffic(_ datacenter: ServiceRegistration.Datacenter) -> Bool {
        let place = OverrideTarget(service: registration.name, datacenter: datacenter.name)
        guard overrides.state(of: place) == .active, overrides.weight(of: place, otherwise: datacenter.weight) > 0
        else { return false }
        return datacenter.endpoints.contains { endpoint in
            let target = OverrideTarget(
                service: registration.name, datacenter: datacenter.name, endpoint: endpoint.address)
            return overrides.state(of: target) == .active
                && overrides.weight(of: target, otherwise: endpoint.weight) > 0
        }
    }

    /// The primary, if the service is registered and its policy follows one.
    var activePrimary: PrimaryRecord? { isRegistered && registration.hasPrimary ? primary : nil }

    /// How many datacenters operators took out, of how many that the settings give traffic to.
    var removedDatacenters: (removed: Int, total: Int) {
        let fresh = ServiceRecord(registration: registration)
        let given = registration.datacenters.filter(fresh.takesTraffic)
        return (given.count { !takesTraffic($0) }, given.count)
    }

    /// The safety rules: an operator's change must not stop what worked before, nor take out more than half of the
    /// datacenters. Compares two states of one service; what was already so is no objection.
    func refusalToReplace(_ before: ServiceRecord) -> CatalogRefusal? {
        let name = registration.name
        if let primary = activePrimary, let datacenter = datacenter(primary.state.target),
            before.takesTraffic(datacenter) && !takesTraffic(datacenter)
                || closings(of: datacenter) > before.closings(of: datacenter)
        {
            return .wouldStopPrimary(datacenter.name, service: name)
        }
        let hadTraffic = before.registration.datacenters.contains(where: before.takesTraffic)
        if activePrimary == nil, hadTraffic, !registration.datacenters.contains(where: takesTraffic) {
            return .wouldStopService(name)
        }
        let (removed, total) = removedDatacenters
        return removed > before.removedDatacenters.removed && removed * 2 > total ? .wouldRemoveMost(name) : nil
    }
}
