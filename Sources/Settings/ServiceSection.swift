// Owns the `services` list: a service, its datacenters and their endpoints.
internal import Balancing
internal import Health
internal import Routing
internal import Topology

/// A service as it was written, before its datacenters are known and in order.
struct ServiceDraft: Sendable {
    var definition = ServiceDefinition(name: ServiceName(""))
    /// What stands directly on the service, and where.
    var endpoints: [EndpointDefinition]?
    var endpointsNode: YAMLNode?
    /// Whether `definition.protocol` is what the file says.
    var isProtocolKnown = true
    /// Where to point at for the service as a whole.
    var node: YAMLNode?
}

extension ServiceDraft {
    static let section = Section<ServiceDraft>(
        "service", "What users reach: a name, a protocol, endpoints per datacenter, and the policies between them.",
        initial: { reading in
            var draft = ServiceDraft()
            draft.definition.timeouts = reading.timeouts
            return draft
        },
        keys: [
            Key("name", \.definition.name, .definition(of: .service), required: true, "Its name."),
            Key("protocol", \.definition.protocol, .choice, "What its endpoints speak."),
            Key(
                "datacenter_policy", \.definition.datacenterPolicy, .choice,
                "How a datacenter is chosen: one primary for all traffic, or all of them by weight, in turn, at random, "
                    + "or nearest first."),
            Key(
                "endpoint_policy", \.definition.endpointPolicy, .choice,
                "How an endpoint of the datacenter is chosen."),
            Key(
                "hash", \.definition.hashKey, .hashKey,
                "What `maglev` hashes: the client's address, `{ header: NAME }` or `{ cookie: NAME }`."),
            Key(
                "datacenters", \.definition.datacenters, .datacenters, absent: "",
                "The endpoints by datacenter. The order of preference is that of the top level's `datacenters`."),
            Key(
                "endpoints", optional: \.endpoints, .endpoints, absent: "",
                "The endpoints, instead of `datacenters`, where there is one datacenter only."),
            Key(
                "health_check", \.definition.healthCheck, .offOr(.section(HealthCheckPolicy.section)),
                absent: "a tcp check",
                "How endpoints are checked; `off`: traffic alone judges them."),
            Key("outlier", \.definition.outlier, .outlier, "When traffic itself takes an endpoint out; `off`: never."),
            Key(
                "slow_start", \.definition.slowStart.window, .duration(.zero ... .seconds(3600)),
                "How long an endpoint that comes back takes to reach its full weight."),
            Key("failover", \.definition.failover, .section(FailoverPolicy.section), "How the primary moves."),
            Key("retry", \.definition.retry, .section(RetryPolicy.section), "How failed requests are tried again."),
            Key(
                "circuit", \.definition.circuit, .section(CircuitLimits.section),
                "The most that one endpoint is given at a time; more waits for its turn."),
            Key("pool", \.definition.pool, .section(PoolPolicy.section), "The connections kept open to endpoints."),
            Key(
                "timeouts", \.definition.timeouts, .section(TimeoutPolicy.serviceSection),
                "Its own time limits; what is left out is as at the top level."),
            Key(
                "responses", \.definition.acceptsBareLineFeeds, .words([("strict", false), ("lenient", true)]),
                "`lenient` accepts a bare LF as a line end from old backends."),
            Key(
                "abort_on_close", \.definition.abortsOnClose, .toggle,
                "Whether a client that closes before its answer cancels a request of an idempotent method."),
            Key("tls", unavailable: "TLS to endpoints comes with a later one"),
        ],
        check: { draft, fields, reading in
            draft.isProtocolKnown = ProtocolKind(writtenAs: fields["protocol"]) != nil
            draft.endpointsNode = fields["endpoints"]
            draft.node = fields["name"] ?? fields.node
            checkEndpoints(draft, fields, reading)
            checkProtocol(draft.definition, fields, reading)
        })

    private static func checkEndpoints(_ draft: ServiceDraft, _ fields: Fields, _ reading: Reading) {
        switch (fields["datacenters"], fields.key("endpoints")) {
        case (nil, nil):
            reading.error(at: draft.node?.start ?? fields.node.start, "service needs 'datacenters' or 'endpoints'")
        case (_?, let key?): reading.error(at: key, "'endpoints' and 'datacenters' exclude each other")
        default: break
        }
        let datacenters = draft.definition.datacenters
        let all = datacenters.flatMap(\.endpoints) + (draft.endpoints ?? [])
        let usable = datacenters.filter { $0.weight > 0 }.flatMap(\.endpoints) + (draft.endpoints ?? [])
        if !all.isEmpty, !usable.contains(where: { $0.weight > 0 }), let node = draft.node {
            reading.warn(at: node, "all weights of the service are 0: every request will be answered 503")
        }
    }

    private static func checkProtocol(_ service: ServiceDefinition, _ fields: Fields, _ reading: Reading) {
        if let node = fields["hash"] {
            if service.endpointPolicy != .maglev {
                reading.warn(at: node, "'hash' does nothing without 'endpoint_policy: maglev'")
            }
            if service.protocol == .tcp, service.hashKey != .source {
                reading.error(at: node, "a tcp service has no headers: only 'hash: source' is possible")
            }
        }
        guard service.protocol == .tcp else { return }
        for name in ["retry", "responses", "abort_on_close"] {
            if let key = fields.key(name) { reading.warn(at: key, "'\(name)' does nothing for a tcp service") }
        }
    }
}

extension DatacenterDefinition {
    fileprivate static let section = Section<DatacenterDefinition>(
        "datacenter of a service", "A service's endpoints in one datacenter.",
        initial: { _ in DatacenterDefinition(name: DatacenterName("")) },
        keys: [
            Key("weight", \.weight, .weight, "Its share among the datacenters, 0-256; 0 takes no new requests."),
            Key("endpoints", \.endpoints, .endpoints, required: true, "Its endpoints."),
        ])
}

extension EndpointDefinition {
    fileprivate static let section = Section<EndpointDefinition>(
        "endpoint", "One backend address.",
        initial: { _ in EndpointDefinition(address: .host("", port: 0)) },
        keys: [
            Key(
                "address", \.address, .endpointAddress, required: true,
                "`host:port`, `[v6]:port` or `unix:/path`."),
            Key("weight", \.weight, .weight, "Its share among the datacenter's endpoints, 0-256."),
        ])
}

extension ValueSchema where Value == [DatacenterDefinition] {
    /// A mapping from names to a service's endpoints there, in the order of the file.
    fileprivate static var datacenters: ValueSchema {
        let section = DatacenterDefinition.section
        let name = ValueSchema<DatacenterName>.reference(to: .datacenter)
        return ValueSchema(
            type: "mapping by datacenter",
            section: NestedOutline(suffix: ".NAME", section: section.outline),
            read: { node, reading in
                guard let fields = Fields(node, of: "datacenters", reading) else { return nil }
                if fields.ordered.isEmpty { reading.error(at: node, "the service has no datacenter") }
                return fields.ordered.compactMap { field in
                    guard let name = name.read(field.pair.key, reading),
                        var datacenter = section.read(field.pair.value, reading)
                    else { return nil }
                    datacenter.name = name
                    return datacenter
                }
            }, write: { _ in "" })
    }
}

extension ValueSchema where Value == [EndpointDefinition] {
    /// A list of addresses, or of mappings with a weight; each address once.
    fileprivate static var endpoints: ValueSchema {
        let section = ValueSchema<EndpointDefinition>.section(EndpointDefinition.section)
        let plain = ValueSchema<Address>.endpointAddress
        let endpoint = ValueSchema<EndpointDefinition>(
            type: "endpoint", section: section.section,
            read: { node, reading in
                if case .mapping = node.content { return section.read(node, reading) }
                return plain.read(node, reading).map { EndpointDefinition(address: $0) }
            }, write: { _ in "" })
        return ValueSchema.list(of: endpoint, "endpoints", minimum: 1).noting { endpoints, node, reading in
            // An operator names an endpoint by its address, so it may come only once.
            var seen: Set<Address> = []
            for item in node.items {
                guard let address = (item["address"] ?? item).text.flatMap({ Address($0) }) else { continue }
                if !seen.insert(address).inserted {
                    reading.error(
                        at: item["address"] ?? item, "the endpoint \(quoted(address.description)) comes twice")
                }
            }
        }
    }
}

extension ValueSchema where Value == HashKey {
    /// `source`, `{ header: NAME }` or `{ cookie: NAME }`.
    fileprivate static var hashKey: ValueSchema {
        let header = ValueSchema<String>.token("name of a header")
        let cookie = ValueSchema<String>.token("name of a cookie")
        return ValueSchema(
            type: "source | { header: NAME } | { cookie: NAME }", section: nil,
            read: { node, reading in
                if node.text == "source" { return .source }
                guard case .mapping(let pairs) = node.content, pairs.count == 1 else {
                    reading.error(
                        at: node, "expected source, { header: NAME } or { cookie: NAME }, found \(node.found)")
                    return nil
                }
                switch pairs[0].key.text {
                case "header": return header.read(pairs[0].value, reading).map { .header($0) }
                case "cookie": return cookie.read(pairs[0].value, reading).map { .cookie($0) }
                default:
                    let word = pairs[0].key.text ?? ""
                    let near = Suggestion.nearest(to: word, among: ["header", "cookie"])
                    let hint = near.map { "; did you mean '\($0)'?" } ?? ""
                    reading.error(at: pairs[0].key, "unknown key \(pairs[0].key.found) in hash\(hint)")
                    return nil
                }
            },
            write: { key in
                switch key {
                case .source: "source"
                case .header(let name): "{ header: \(name) }"
                case .cookie(let name): "{ cookie: \(name) }"
                }
            })
    }
}
