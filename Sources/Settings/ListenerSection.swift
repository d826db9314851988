// Owns the `listeners` list: a listener and its routes.
internal import Routing
internal import Topology

/// A use of a service by a listener, to be checked once all services are known.
struct ServiceUse: Sendable {
    var service: ServiceName
    var `protocol`: ProtocolKind
    var listener: ListenerName
    var node: YAMLNode
}

/// A listener as it was written.
struct ListenerDraft: Sendable {
    var definition = ListenerDefinition(name: ListenerName(""), bind: .host("", port: 0))
    var uses: [ServiceUse] = []
}

extension ListenerDraft {
    static let section = Section<ListenerDraft>(
        "listener", "A bound address with routes to services.",
        initial: { _ in ListenerDraft() },
        keys: [
            Key("name", \.definition.name, .definition(of: .listener), required: true, "Its name."),
            Key(
                "bind", \.definition.bind, .boundOnce, required: true,
                "`host:port`, `:port` for all IPv4 addresses, `[::]:port` or `unix:/path`. Port 0: the system chooses."),
            Key("protocol", \.definition.protocol, .choice, "What clients speak."),
            Key(
                "routes", \.definition.routes, .list(of: .section(RouteDefinition.section), "routes", minimum: 1),
                absent: "", "For http: where requests go; the first that matches wins, none is 404."),
            Key(
                "service", optional: \.definition.service, .reference(to: .service), absent: "",
                "For tcp: where connections go. For http: short for one route that matches all."),
            Key(
                "proxy_protocol", \.definition.proxyProtocol, .proxyProtocol,
                "Whether every connection begins with a PROXY protocol header, version 1 or 2, and whose is believed; a "
                    + "connection from elsewhere is refused. `on` believes peers on this machine: a listener that others "
                    + "reach needs `from`."),
            Key(
                "tls", optional: \.definition.tls, .section(ListenerTLS.section), absent: "none",
                "Clients speak TLS, which ends here."),
        ],
        check: { draft, fields, reading in
            checkProxyProtocol(draft.definition, fields, reading)
            // With an unknown protocol every further rule would be a guess.
            guard ProtocolKind(writtenAs: fields["protocol"]) != nil else { return }
            checkTargets(draft.definition, fields, reading)
            checkOrder(draft.definition.routes, fields["routes"]?.items ?? [], reading)
            let routes = fields["routes"]?.items.compactMap { $0["service"] } ?? []
            for node in routes + (fields["service"].map { [$0] } ?? []) {
                guard let name = node.text, NameRule.allows(name) else { continue }
                draft.uses.append(
                    ServiceUse(
                        service: ServiceName(name), protocol: draft.definition.protocol,
                        listener: draft.definition.name, node: node))
            }
            // An http listener's `service` is its one route.
            if draft.definition.protocol == .http, let service = draft.definition.service {
                draft.definition.routes = [RouteDefinition(service: service)]
                draft.definition.service = nil
            }
        })

    /// Whoever can write the header can claim any address, so those who may must be named.
    private static func checkProxyProtocol(_ listener: ListenerDefinition, _ fields: Fields, _ reading: Reading) {
        guard let node = fields["proxy_protocol"], node.text != nil, listener.proxyProtocol != nil,
            !listener.bind.isLoopback
        else { return }
        reading.error(
            at: node,
            "the listener is reached from other machines, but 'on' believes only peers on this one: name those whose "
                + "header is believed, such as proxy_protocol: { from: [10.0.0.0/8] }")
    }

    /// The most routes that are compared each with each.
    private static let comparedRoutes = 1_000

    /// The first route that matches wins, so one behind another that takes all of its requests does nothing.
    private static func checkOrder(_ routes: [RouteDefinition], _ nodes: [YAMLNode], _ reading: Reading) {
        guard reading.isClean, routes.count == nodes.count else { return }
        let compared = routes.prefix(comparedRoutes)
        for (index, route) in routes.enumerated().dropFirst() {
            guard let first = compared.prefix(index).firstIndex(where: { $0.covers(route) }) else { continue }
            reading.warn(
                at: nodes[index],
                "the route is never reached: the one in line \(nodes[first].start.line) takes all of its requests")
        }
    }

    private static func checkTargets(_ listener: ListenerDefinition, _ fields: Fields, _ reading: Reading) {
        switch (listener.protocol, fields.key("routes"), fields.key("service")) {
        case (.tcp, let routes?, _):
            reading.error(at: routes, "a tcp listener has no routes: name its 'service'")
        case (.tcp, nil, nil):
            reading.error(at: fields.node.start, "a tcp listener needs the key 'service'")
        case (.http, nil, nil):
            reading.error(at: fields.node.start, "an http listener needs the key 'routes' or 'service'")
        case (.http, _?, let service?):
            reading.error(at: service, "'routes' and 'service' exclude each other")
        default: break
        }
    }
}

extension ProtocolKind {
    /// What a `protocol` key says: `http` when it was not written; nil when it is no protocol.
    init?(writtenAs node: YAMLNode?) {
        guard let node else {
            self = .http
            return
        }
        self.init(rawValue: node.text ?? "")
    }
}

extension ValueSchema where Value == ProxyProtocolPolicy? {
    /// `on`, `off`, or `{ from: [PREFIX] }`.
    fileprivate static var proxyProtocol: ValueSchema {
        let section = Section<ProxyProtocolPolicy>(
            "proxy_protocol", "Whose PROXY protocol headers are believed.",
            initial: { _ in ProxyProtocolPolicy() },
            keys: [
                Key(
                    "from", optional: \.sources, .list(of: .addressPrefix, "address prefixes", minimum: 1),
                    required: true, absent: "", "The peers' networks or addresses.")
            ])
        let toggle = ValueSchema<Bool>.toggle
        return ValueSchema(
            type: "on | off | section", section: NestedOutline(suffix: "", section: section.outline),
            read: { node, reading in
                if case .mapping = node.content { return section.read(node, reading).map(Optional.some) }
                return toggle.read(node, reading).map { $0 ? ProxyProtocolPolicy() : nil }
            }, write: { $0 == nil ? "off" : "on" })
    }
}

extension ValueSchema where Value == Address {
    /// An address that only one part of the process may bind.
    static var boundOnce: ValueSchema {
        bindAddress.noting { address, node, reading in reading.bind(address, at: node) }
    }
}

extension RouteDefinition {
    fileprivate static let section = Section<RouteDefinition>(
        "route",
        "Which requests go to which service. All conditions of a route must match; without any it matches all.",
        initial: { _ in RouteDefinition(service: ServiceName("")) },
        keys: [
            Key("service", \.service, .reference(to: .service), required: true, "Where they go."),
            Key(
                "host", optional: \.host, .hostPattern, absent: "every host",
                "A host name without a port, or `*.example.com` for one label or more in its place."),
            Key(
                "path", \.path, .pathPattern("path", PathPattern.prefix), absent: "every path",
                "A path and everything below it, on segment boundaries: `/api` is not `/apis`."),
            Key("path_exact", \.path, .pathPattern("path", PathPattern.exact), absent: "", "This path only."),
            Key("path_regex", \.path, .pathRegex, absent: "", "A regular expression that matches the whole path."),
            Key("method", \.methods, .oneOrMore(of: .method, "methods"), absent: "every method", "`GET`, or a list."),
            Key(
                "headers", \.headers, .headerPatterns, absent: "",
                "Header values by name, compared as a whole; `~` asks only that it is there."),
            Key("fence", unavailable: "fencing by locks comes with a later one"),
        ],
        check: { _, fields, reading in
            if let node = fields["path"] ?? fields["path_exact"], let text = node.text, text.contains("*") {
                var hint = "'path_regex' takes patterns"
                if fields["path"] != nil, text.hasSuffix("/*") {
                    let path = text.dropLast(2)
                    hint = "'path: \(path.isEmpty ? "/" : path)' matches everything below it"
                }
                reading.warn(at: node, "a '*' in a path stands for itself: \(hint)")
            }
            let paths = ["path", "path_exact", "path_regex"].compactMap { fields.key($0) }
            for key in paths.dropFirst() {
                reading.error(at: key, "'path', 'path_exact' and 'path_regex' exclude each other")
            }
        })
}
