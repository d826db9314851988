// Owns the search for what differs between the file of a node and what the group holds.
internal import Catalog
internal import ControlPlane
internal import Routing
internal import Settings
internal import Topology

extension DifferenceDocument {
    init(_ settings: Settings, _ snapshot: ControlSnapshot) {
        let catalog = snapshot.catalog
        node = settings.node.id.text
        index = catalog.appliedIndex
        frozen = catalog.isFrozen
        if frozen { freeze = FreezeDocument(catalog.freeze) }
        let written = settings.services.map(\.registration)
        let others = catalog.services.filter { name in !written.contains { $0.name == name } }
        services = written.map { Service($0, catalog) } + others.map { Service(unwritten: $0, catalog) }
        services.removeAll { $0.drift.isEmpty && $0.overrides.isEmpty && $0.primary == nil }
        cluster = settings.cluster.map { Self.cluster($0, snapshot.standing) } ?? []
        agrees = cluster.isEmpty && services.allSatisfy(\.drift.isEmpty)
    }

    private static func cluster(_ file: ClusterSettings, _ standing: GroupStanding) -> [Item] {
        guard standing.forming == nil else { return [] }
        var items = Differences()
        for member in file.members {
            let held = standing.members.first { $0.id == member.id }
            let words = held.map { "\($0.datacenter) \($0.address?.description ?? "")" }
            items.note("cluster.members.\(member.id)", "\(member.datacenter) \(member.address)", words)
        }
        for member in standing.members where !file.members.contains(where: { $0.id == member.id }) {
            items.note(
                "cluster.members.\(member.id)", nil, "\(member.datacenter) \(member.address?.description ?? "")")
        }
        if let timing = standing.timing {
            items.note("cluster.heartbeat", file.heartbeat, timing.heartbeat)
            items.note("cluster.election_timeout", file.electionTimeout, timing.electionTimeout)
            items.note("cluster.lease", file.lease, timing.lease)
        }
        return items.all
    }
}

extension DifferenceDocument.Service {
    fileprivate init(_ written: ServiceRegistration, _ catalog: Catalog) {
        name = written.name.text
        var items = Differences()
        if let held = catalog.registration(of: written.name) {
            items.compare(written, held)
            // The group may hold settings of a newer version that have no name in this one.
            if items.all.isEmpty, held.digest != written.digest { items.note("service", "other", "other settings") }
        } else {
            items.note("service", "defined", nil)
        }
        drift = items.all
        overrides = catalog.overrides(of: written.name).all.map { .init($0, written) }
        let first = written.datacenters.first?.name
        primary = catalog.primary(of: written.name).flatMap { primary in
            primary.datacenter == first
                ? nil : .init(key: "primary", file: first?.text, group: primary.datacenter.text)
        }
    }

    fileprivate init(unwritten service: ServiceName, _ catalog: Catalog) {
        name = service.text
        drift = [.init(key: "service", file: nil, group: "defined")]
        overrides = []
    }
}

extension DifferenceDocument.OverrideItem {
    fileprivate init(_ override: Override, _ written: ServiceRegistration) {
        let place = written.datacenters.first { $0.name == override.target.datacenter }
        let endpoint = override.target.endpoint.flatMap { address in
            place?.endpoints.first { $0.address == address }
        }
        let isListed = override.target.endpoint == nil ? place != nil : endpoint != nil
        let weight = override.target.endpoint == nil ? place?.weight : endpoint?.weight
        datacenter = override.target.datacenter.text
        self.endpoint = override.target.endpoint?.description
        kind = override.setting.kind.rawValue
        switch override.setting {
        case .weight(let value):
            file = weight.map { "\($0)" }
            now = "\(value)"
        case .draining:
            file = isListed ? OperatingState.active.rawValue : nil
            now = OperatingState.draining.rawValue
        }
        author = override.author
        reason = override.reason
        sinceMs = override.since.milliseconds
        untilMs = override.until?.milliseconds
    }
}
