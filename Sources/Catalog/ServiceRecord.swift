// Owns what the catalog knows of one service, and which of its parts take traffic.
public import Topology

/// Where a service's traffic goes when it has a primary.
public struct Primary: Hashable, Sendable {
    public var datacenter: DatacenterName
    public var epoch: Epoch
}

/// One service: what the settings say, and what was changed over it.
struct ServiceRecord: Hashable, Sendable {
    var registration: ServiceRegistration
    /// False once the settings no longer define it.
    var isRegistered = true
    /// Kept, too, while the service's policy is another one: its epochs must go on.
    var primary: Primary?
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

    /// Whether new requests could go to the datacenter as far as weights and states say; health is not known here.
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

    /// The primary where there is a service and its policy follows one.
    var activePrimary: Primary? { isRegistered && registration.hasPrimary ? primary : nil }

    /// The safety rule: a change by an operator must not stop what worked before. Compares two states of one service.
    func refusalToReplace(_ before: ServiceRecord) -> CatalogRefusal? {
        let name = registration.name
        if let primary = activePrimary {
            guard let datacenter = datacenter(primary.datacenter), before.takesTraffic(datacenter) else { return nil }
            return takesTraffic(datacenter) ? nil : .wouldStopPrimary(datacenter.name, service: name)
        }
        guard before.registration.datacenters.contains(where: before.takesTraffic) else { return nil }
        return registration.datacenters.contains(where: takesTraffic) ? nil : .wouldStopService(name)
    }
}
