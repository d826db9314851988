// Owns how the limit of open files is divided, so that clients cannot take what the way to backends and operators needs.

/// The shares of a process's descriptors. Clients get at most half of what can be given away: each may need a connection
/// to a backend.
public struct DescriptorShares: Hashable, Sendable {
    /// What asks for descriptors.
    public struct Demand: Hashable, Sendable {
        public var workers = 1
        public var listeners = 1
        /// Members of the group; 0 without one.
        public var members = 0
        /// Endpoints that are checked.
        public var endpoints = 0
        /// The most client connections that the settings ask for; nil: what there is.
        public var connections: Int?
        public init() {}
    }

    /// The limit is too small to work with.
    public struct Shortage: Error, Hashable, Sendable, CustomStringConvertible {
        public var limit: Int
        /// The least limit that is enough.
        public var needed: Int
        public var description: String {
            "the limit of open files is \(limit), and these settings need at least \(needed): raise it (ulimit -n)"
        }
    }

    /// The least that clients and backends get each.
    static let least = 16
    /// The most pipes that a worker can have use of.
    private static let mostPipes = 64

    public let limit: Int
    /// Connections of clients.
    public let clients: Int
    /// Connections to backends.
    public let backends: Int
    /// Connections to the addresses of operators.
    public let admin: Int
    /// Checks at a time.
    public let checks: Int
    /// Pipes of each worker for long bodies, two descriptors each.
    public let pipesByWorker: Int
    /// The descriptors of all of them.
    public let pipes: Int
    /// Listening sockets, event loops, log files, the group's log and peers, name lookups.
    public let own: Int

    /// Divides a limit.
    public init(limit: Int, _ demand: Demand) throws(Shortage) {
        // Each loop has a ring or an epoll, and what wakes it; control, probes, admin, log, resolver and group have one.
        let loops = 4 * (demand.workers + 6)
        let own = 48 + loops + demand.workers * demand.listeners + 6 * demand.members
        let spare = limit - own
        // At most an eighth for both where there is much, sixteen each where there is little.
        let admin = min(512, max(Self.least, spare / 16))
        let checks = min(demand.endpoints, max(Self.least, spare / 16))
        var rest = spare - admin - checks
        guard rest >= 2 * Self.least else {
            let most = Self.least + min(demand.endpoints, Self.least)
            throw Shortage(limit: limit, needed: own + most + 2 * Self.least)
        }
        // At most an eighth of what is beyond the least: without them bytes are copied.
        pipesByWorker = min(Self.mostPipes, (rest - 2 * Self.least) / (16 * demand.workers))
        pipes = 2 * pipesByWorker * demand.workers
        rest -= pipes
        self.limit = limit
        self.own = own
        self.admin = admin
        self.checks = checks
        clients = min(demand.connections ?? .max, rest / 2)
        backends = rest - clients
    }
}

extension DescriptorShares: CustomStringConvertible {
    public var description: String {
        "\(limit) open files: \(clients) for clients, \(backends) for backends, \(admin) for admin, \(checks) for checks, "
            + "\(pipes) for pipes, \(own) for listeners, logs, peers and the process itself"
    }
}
