// Owns the top level of a settings file, and what of it concerns the process.
internal import Routing
internal import Topology

/// A file as it was written, before names are resolved.
struct Draft: Sendable {
    var settings = Settings()
    var node = NodeDraft()
    /// nil: implied by what is used.
    var datacenters: [DatacenterName]?
    var services: [ServiceDraft] = []
    var listeners: [ListenerDraft] = []
}

extension Draft {
    /// `datacenters` and `timeouts` come before `services`, which build on them.
    static let section = Section<Draft>(
        "the file", "One YAML document.",
        initial: { _ in Draft() },
        keys: [
            Key("node", \.node, .section(NodeDraft.section), "This process."),
            Key("admin", \.settings.admin, .section(AdminSettings.section), "The address for operators."),
            Key(
                "status", optional: \.settings.statusBind, .status, absent: "none",
                "An address that anyone may read: `/livez`, `/readyz` and `/metrics`, without a token."),
            Key(
                "cluster", optional: \.settings.cluster, .section(ClusterSettings.section), absent: "a group of one",
                "The group of nodes that agree. A change needs a restart."),
            Key(
                "datacenters", optional: \.datacenters, .datacenterList, absent: "those that are used",
                "All datacenters in order of preference: names, or `{ name: NAME }`."),
            Key("timeouts", \.settings.timeouts, .section(TimeoutPolicy.section), "Time limits of all services."),
            Key(
                "services", \.services, .list(of: .section(ServiceDraft.section), "services", minimum: 1),
                required: true, "What users reach."),
            Key(
                "listeners", \.listeners, .list(of: .section(ListenerDraft.section), "listeners", minimum: 1),
                required: true, "Where users reach it."),
            Key(
                "workers", \.settings.workers, .workers,
                "Worker threads. A change needs a restart."),
            Key("limits", \.settings.limits, .section(LimitSettings.section), "What bounds the process."),
            Key(
                "trusted_proxies", \.settings.trustedProxies, .list(of: .addressPrefix, "address prefixes"),
                "Peers whose `X-Forwarded-*` and `Forwarded` fields are kept."),
            Key(
                "access_log", \.settings.accessLog, .offOr(.section(AccessLogSettings.section)),
                "One line a request."),
            Key("shutdown", \.settings.shutdown, .section(ShutdownSettings.section), "How the process ends."),
            Key("via", \.settings.addsVia, .toggle, "Whether `Via` is added, and loops are refused by it."),
            Key(
                "underscores", \.settings.passesUnderscores, .words([("drop", false), ("pass", true)]),
                "What becomes of request fields with `_` in their names."),
            Key(
                "paths", \.settings.keepsPaths, .words([("normalize", false), ("as_is", true)]),
                "Whether dot segments and repeated slashes are resolved before a route is matched; `as_is` for backends "
                    + "that need the path as it came."),
            Key(
                "error_pages", \.settings.errorPages, .errorPages, absent: "",
                "Files for the bodies of Meridian's own errors, by status: `{ 503: /etc/meridian/503.html }`."),
        ],
        check: { draft, fields, reading in
            if let key = fields.key("cluster"), fields["node"]?["data_dir"] == nil {
                reading.error(
                    at: key, "a cluster needs 'data_dir' under 'node': what was agreed must outlive the process")
            }
            // A written address was noted as it was read; the default of `admin.bind` was not.
            guard fields["admin"]?["bind"] == nil else { return }
            let others = (fields["listeners"]?.items ?? []) + (fields["status"].map { [$0] } ?? [])
            let admin = draft.settings.admin.bind
            for node in others.compactMap({ $0["bind"] }) {
                guard let address = node.text.flatMap({ Address($0) }), address.overlaps(admin) else { continue }
                let relation = address == admin ? "is" : "overlaps \(quoted(admin.description)),"
                reading.error(at: node, "the address \(node.found) \(relation) the default of admin's 'bind'")
            }
        })
}

/// The `node` section, whose datacenter may have to be worked out.
struct NodeDraft: Sendable {
    var id: NodeID?
    var datacenter: DatacenterName?
    var dataDirectory: String?

    fileprivate static let section = Section<NodeDraft>(
        "node", "This process.",
        initial: { _ in NodeDraft() },
        keys: [
            Key(
                "id", optional: \.id, .name(), absent: "the machine's name and a random part, kept in `data_dir`",
                "Its name in the group, in logs and in `Via`. A change needs a restart."),
            Key(
                "datacenter", optional: \.datacenter, .reference(to: .datacenter), absent: "the only one",
                "Where it runs. A change needs a restart."),
            Key(
                "data_dir", optional: \.dataDirectory, .file, absent: "memory only",
                "The folder for what must outlive the process. A change needs a restart."),
        ])
}

extension AdminSettings {
    fileprivate static let section = Section<AdminSettings>(
        "admin", "The API and the page for operators.",
        initial: { _ in AdminSettings() },
        keys: [
            Key("bind", \.bind, .boundOnce, "A loopback address or `unix:/path`. A change needs a restart."),
            Key(
                "token_file", optional: \.tokenFile, .file, absent: "no token",
                "The file that holds the bearer token that requests must show."),
            Key(
                "advertise", optional: \.advertise, .url, absent: "",
                "The URL under which other nodes send clients here."),
            Key("tls", unavailable: "TLS comes with a later one"),
        ],
        check: { admin, fields, reading in
            if !admin.bind.isLoopback, let node = fields["bind"] {
                reading.error(
                    at: node,
                    "an admin address off loopback needs TLS, which this version does not have: bind 127.0.0.1, [::1] "
                        + "or unix:/path")
            }
        })
}

extension LimitSettings {
    fileprivate static let section = Section<LimitSettings>(
        "limits", "What bounds the process.",
        initial: { _ in LimitSettings() },
        keys: [
            Key(
                "connections", optional: \.connections, .count(1...10_000_000), absent: "what descriptors allow",
                "Client connections at a time."),
            Key("head", \.head, .size(.kibibytes(1) ... .kibibytes(60)), "The most of a head; more is 431 or 414."),
            Key("headers", \.headers, .count(1...128), "The most fields of a head; more is 431."),
            Key(
                "interim", \.interim, .count(0...1000),
                "The most interim answers (1xx) that are passed on for one request; one more is 502."),
        ])
}

extension AccessLogSettings {
    fileprivate static let section = Section<AccessLogSettings>(
        "access_log", "Where and how requests are logged.",
        initial: { _ in AccessLogSettings() },
        keys: [
            Key("path", \.path, .logPath, "A file, or `-` or `stdout` for standard output."),
            Key("format", \.format, .choice, "`combined` is Apache's with Meridian's fields after it."),
        ])
}

extension ShutdownSettings {
    fileprivate static let section = Section<ShutdownSettings>(
        "shutdown", "How the process ends on SIGTERM.",
        initial: { _ in ShutdownSettings() },
        keys: [
            Key(
                "delay", \.delay, .duration(.zero ... .seconds(3600)),
                "How long `/readyz` answers 503 before listeners close."),
            Key(
                "deadline", \.deadline, .duration(.zero ... .seconds(86_400)),
                "How long requests may go on before they are cut."),
        ])
}
