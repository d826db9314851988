// Owns what follows once the whole file was read: which datacenters there are, and whether every name leads somewhere.
internal import Balancing
internal import Catalog
internal import Routing
internal import Topology

/// Makes settings of a draft.
enum Assembly {
    /// The datacenter of a file that names none.
    static let onlyDatacenter = DatacenterName("local")

    /// The settings; problems between sections are reported on the way.
    static func settings(from draft: Draft, root: YAMLNode, _ reading: Reading) -> Settings {
        var settings = draft.settings
        if let id = draft.node.id {
            settings.node.id = id
            settings.node.isNamed = true
        }
        settings.node.dataDirectory = draft.node.dataDirectory
        settings.datacenters = datacenters(of: draft)
        settings.node.datacenter = nodeDatacenter(of: draft, among: settings.datacenters, root, reading)
        settings.services = draft.services.map { service($0, datacenters: settings.datacenters, reading) }
        settings.listeners = draft.listeners.map(\.definition)
        if draft.datacenters != nil { reading.resolve(.datacenter, known: settings.datacenters.map(\.text)) }
        let names = settings.services.map(\.name)
        reading.resolve(.service, known: names.map(\.text))
        checkUses(draft, reading)
        checkMembership(settings, root, reading)
        checkConsistency(settings, root, draft, reading)
        return settings
    }

    /// The listed ones; else those that services name, in the order of the file, and the node's own.
    private static func datacenters(of draft: Draft) -> [DatacenterName] {
        var seen: Set<DatacenterName> = []
        if let listed = draft.datacenters { return listed.filter { seen.insert($0).inserted } }
        let used = draft.services.flatMap { $0.definition.datacenters.map(\.name) }
        let implied = (used + [draft.node.datacenter].compactMap { $0 }).filter { seen.insert($0).inserted }
        return implied.isEmpty ? [onlyDatacenter] : implied
    }

    private static func nodeDatacenter(
        of draft: Draft, among datacenters: [DatacenterName], _ root: YAMLNode, _ reading: Reading
    ) -> DatacenterName {
        if let written = draft.node.datacenter { return written }
        // A value that could not be read was reported where it stands.
        if datacenters.count > 1, root["node"]?["datacenter"] == nil {
            let place = root["node"]?.start ?? Mark(line: 1, column: 1)
            let names = datacenters.prefix(5).map(\.text).joined(separator: ", ")
            reading.error(
                at: place,
                "the node needs 'node: { datacenter: … }', because there are \(datacenters.count): \(names)"
                    + (datacenters.count > 5 ? ", …" : ""))
        }
        return datacenters.first ?? onlyDatacenter
    }

    private static func service(
        _ draft: ServiceDraft, datacenters: [DatacenterName], _ reading: Reading
    ) -> ServiceDefinition {
        var service = draft.definition
        if let endpoints = draft.endpoints, let node = draft.endpointsNode {
            if datacenters.count == 1 {
                service.datacenters = [DatacenterDefinition(name: datacenters[0], endpoints: endpoints)]
            } else {
                reading.error(
                    at: node, "there are \(datacenters.count) datacenters: put the endpoints under 'datacenters'")
            }
        }
        // A mapping has no order (YAML 1.2.2 §3.2.1.1): the list of datacenters gives it.
        var order: [DatacenterName: Int] = [:]
        for (index, name) in datacenters.enumerated() { order[name] = index }
        service.datacenters.sort { order[$0.name] ?? .max < order[$1.name] ?? .max }
        return service
    }

    private static func checkUses(_ draft: Draft, _ reading: Reading) {
        var protocols: [ServiceName: ProtocolKind] = [:]
        for service in draft.services where service.isProtocolKnown {
            protocols[service.definition.name] = service.definition.protocol
        }
        var used: Set<ServiceName> = []
        for use in draft.listeners.flatMap(\.uses) {
            used.insert(use.service)
            guard let known = protocols[use.service], known != use.protocol else { continue }
            reading.error(
                at: use.node,
                "the service \(quoted(use.service.text)) speaks \(known.rawValue), the listener "
                    + "\(quoted(use.listener.text)) \(use.protocol.rawValue)")
        }
        for service in draft.services where !used.contains(service.definition.name) {
            guard let node = service.node, !service.definition.name.text.isEmpty else { continue }
            reading.warn(at: node, "no listener leads to the service \(quoted(service.definition.name.text))")
        }
    }

    /// A strict service stops everywhere when the group has no quorum: the group should survive the death of any one
    /// datacenter.
    private static func checkConsistency(_ settings: Settings, _ root: YAMLNode, _ draft: Draft, _ reading: Reading) {
        guard let members = settings.cluster?.members, !members.isEmpty, let node = root["cluster"]?["members"] else {
            return
        }
        let strict = draft.services.first {
            $0.definition.datacenterPolicy == .primary && $0.definition.failover.consistency == .strict
        }
        guard let strict else { return }
        let name = quoted(strict.definition.name.text)
        let advice = "the service \(name) is strict, and stops without a majority of members"
        if members.count % 2 == 0 {
            reading.warn(at: node, "\(advice): of \(members.count) no more may die than of \(members.count - 1)")
        }
        var places: [DatacenterName] = []
        for member in members where !places.contains(member.datacenter) { places.append(member.datacenter) }
        if places.count < 3 {
            reading.warn(
                at: node, "\(advice): with members in fewer than three datacenters the loss of one may stop it")
        }
    }

    private static func checkMembership(_ settings: Settings, _ root: YAMLNode, _ reading: Reading) {
        guard let members = settings.cluster?.members, !members.isEmpty, let node = root["cluster"]?["members"] else {
            return
        }
        guard settings.node.isNamed else {
            // An identifier that could not be read was reported where it stands.
            if root["node"]?["id"] == nil {
                let place = root["node"]?.start ?? Mark(line: 1, column: 1)
                reading.error(at: place, "a cluster needs 'id' under 'node': which of its members this is")
            }
            return
        }
        guard let own = members.first(where: { $0.id == settings.node.id }) else {
            reading.error(at: node.start, "the members do not include this node, \(quoted(settings.node.id.text))")
            return
        }
        if own.datacenter != settings.node.datacenter {
            reading.error(
                at: node.start,
                "this node is in \(quoted(settings.node.datacenter.text)), but its member entry says "
                    + quoted(own.datacenter.text))
        }
    }
}
