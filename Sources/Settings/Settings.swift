// Owns what a settings file means, as values: the whole of it.
public import Routing
public import Topology

/// A valid settings file. Two files that mean the same are equal.
public struct Settings: Hashable, Sendable {
    public var node = NodeSettings()
    public var admin = AdminSettings()
    /// Where `/livez`, `/readyz` and `/metrics` are served without a token; nil: only by the admin address.
    public var statusBind: Address?
    /// nil: a group of one.
    public var cluster: ClusterSettings?
    /// Worker threads; nil: one a core.
    public var workers: Int?
    public var limits = LimitSettings()
    /// The top level's time limits, with which every service begins.
    public var timeouts = TimeoutPolicy()
    /// Peers whose forwarded fields are believed.
    public var trustedProxies: [AddressPrefix] = []
    /// nil: requests are not logged.
    public var accessLog: AccessLogSettings?
    public var shutdown = ShutdownSettings()
    /// Whether `Via` is added (RFC 9110 §7.6.3) and loops are refused by it.
    public var addsVia = true
    /// Whether fields whose names have `_` go through to backends.
    public var passesUnderscores = false
    /// Whether paths are matched and forwarded as they came, with dot segments and repeated slashes.
    public var keepsPaths = false
    /// Files that replace the bodies of Meridian's own errors, in the order of their statuses.
    public var errorPages: [ErrorPage] = []
    /// In order of preference; never empty.
    public var datacenters: [DatacenterName] = []
    /// In the order of the file.
    public var services: [ServiceDefinition] = []
    /// In the order of the file.
    public var listeners: [ListenerDefinition] = []

    public init() {}
}

/// This process.
public struct NodeSettings: Hashable, Sendable {
    /// What the file says; before a process without `isNamed` has named itself, nothing in particular.
    public var id = NodeID("node")
    /// Whether the file gives the id. The process makes one otherwise.
    public var isNamed = false
    public var datacenter = DatacenterName("")
    /// nil: everything is kept in memory.
    public var dataDirectory: String?

    public init() {}
}

/// The address for operators.
public struct AdminSettings: Hashable, Sendable {
    public var bind = Address.host("127.0.0.1", port: 9901)
    /// The file that holds the bearer token.
    public var tokenFile: String?
    /// The URL that other nodes name to clients.
    public var advertise: String?

    public init() {}
}

/// What bounds the process.
public struct LimitSettings: Hashable, Sendable {
    /// Client connections at a time; nil: what the limit of descriptors leaves.
    public var connections: Int?
    /// The most of a request's or response's head.
    public var head = ByteCount.kibibytes(32)
    /// The most fields of a head.
    public var headers = 128
    /// The most interim answers (1xx) that are passed on for one request.
    public var interim = 16

    public init() {}
}

/// Where and how requests are logged.
public struct AccessLogSettings: Hashable, Sendable {
    public enum Format: String, CaseIterable, Sendable { case combined, json }

    /// nil: standard output.
    public var path: String?
    public var format = Format.combined

    public init() {}
}

/// How the process ends.
public struct ShutdownSettings: Hashable, Sendable {
    /// How long `/readyz` answers 503 before listeners close.
    public var delay = Duration.zero
    /// How long requests may go on before they are cut.
    public var deadline = Duration.seconds(30)

    public init() {}
}

/// The body for one status of Meridian's own errors.
public struct ErrorPage: Hashable, Sendable {
    public var status: Int
    /// The file that holds the page.
    public var path: String

    public init(status: Int, path: String) {
        self.status = status
        self.path = path
    }
}
