// Owns which part of a service's definition the group is told.
public import Catalog

internal import Balancing

extension ServiceDefinition {
    /// What to register in the catalog for this service, so that its safety rules know the weights of the settings.
    public var registration: ServiceRegistration {
        var settings = FailoverSettings()
        settings.confirm = failover.confirm
        settings.drain = failover.drain
        settings.hold = failover.hold
        settings.cooldown = failover.cooldown
        settings.failbackAfter = failover.failbackAfter
        settings.lagGate = failover.lagGate.map { .init(path: $0.path, limit: $0.limit) }
        return ServiceRegistration(
            name: name, hasPrimary: datacenterPolicy == .primary,
            datacenters: datacenters.map { datacenter in
                ServiceRegistration.Datacenter(
                    name: datacenter.name, weight: datacenter.weight,
                    endpoints: datacenter.endpoints.map { .init(address: $0.address, weight: $0.weight) })
            }, consistency: failover.consistency, failover: settings)
    }
}
