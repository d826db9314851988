// Owns the comparison of a service as a file defines it with the service as the group holds it, key by key.
internal import Catalog
internal import Settings
internal import Topology

/// Collects what differs.
struct Differences {
    private(set) var all: [DifferenceDocument.Item] = []

    mutating func note(_ key: String, _ file: String?, _ group: String?) {
        if file != group { all.append(.init(key: key, file: file, group: group)) }
    }

    mutating func note(_ key: String, _ file: Duration, _ group: Duration) {
        note(key, DurationText.write(file), DurationText.write(group))
    }

    mutating func compare(_ file: ServiceRegistration, _ group: ServiceRegistration) {
        func policy(_ registration: ServiceRegistration) -> String { registration.hasPrimary ? "primary" : "another" }
        note("datacenter_policy", policy(file), policy(group))
        note("failover.consistency", file.consistency.rawValue, group.consistency.rawValue)
        note("failover.confirm", file.failover.confirm, group.failover.confirm)
        note("failover.drain", file.failover.drain, group.failover.drain)
        note("failover.hold", file.failover.hold, group.failover.hold)
        note("failover.cooldown", file.failover.cooldown, group.failover.cooldown)
        func failback(_ settings: FailoverSettings) -> String {
            settings.failbackAfter.map { "after \(DurationText.write($0))" } ?? "manual"
        }
        note("failover.failback", failback(file.failover), failback(group.failover))
        func gate(_ settings: FailoverSettings) -> String? {
            settings.lagGate.map { "\($0.path), at most \(DurationText.write($0.limit))" }
        }
        note("failover.lag_gate", gate(file.failover), gate(group.failover))
        func order(_ registration: ServiceRegistration) -> String {
            registration.datacenters.map(\.name.text).joined(separator: ", ")
        }
        note("datacenters", order(file), order(group))
        for datacenter in file.datacenters {
            guard let held = group.datacenters.first(where: { $0.name == datacenter.name }) else { continue }
            compare(datacenter, held)
        }
    }

    private mutating func compare(_ file: ServiceRegistration.Datacenter, _ group: ServiceRegistration.Datacenter) {
        let key = "datacenters.\(file.name)"
        note("\(key).weight", "\(file.weight)", "\(group.weight)")
        func weight(of address: Address, in datacenter: ServiceRegistration.Datacenter) -> String? {
            datacenter.endpoints.first { $0.address == address }.map { "weight \($0.weight)" }
        }
        for endpoint in file.endpoints {
            note(
                "\(key).endpoints.\(endpoint.address)", "weight \(endpoint.weight)",
                weight(of: endpoint.address, in: group))
        }
        for endpoint in group.endpoints where weight(of: endpoint.address, in: file) == nil {
            note("\(key).endpoints.\(endpoint.address)", nil, "weight \(endpoint.weight)")
        }
        let orders = [file, group].map { $0.endpoints.map(\.address) }
        if orders[0] != orders[1], Set(orders[0]) == Set(orders[1]) {
            note("\(key).endpoints", "in this order", "in another order")
        }
    }
}
