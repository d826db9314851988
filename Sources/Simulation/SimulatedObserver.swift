// Owns what a simulated node reports about the datacenters behind the proxies, what it was told, and what it truly saw.
internal import Failover
internal import Topology

/// What a node tells the leader, directly or through another node.
struct SimulatedReport: Hashable, Sendable {
    var node: NodeID
    var views: [DatacenterView]
}

/// A process's part in failover: its watches and, as leader, everyone's newest observations.
struct SimulatedObserver: Sendable {
    static let period = Duration.milliseconds(100)
    static let reportPeriod = Duration.milliseconds(500)

    var watches = SimulatedProxy.datacenters.map { _ in DatacenterWatch() }
    /// By the node's own clock; nil before the first report.
    var reportedAt: Tick?
    /// One a node.
    var observations: [Observation] = []

    /// What it sees, by its own clock.
    func views(now: Tick) -> [DatacenterView] {
        zip(SimulatedProxy.datacenters, watches).map { $1.view(of: $0, now: now) }
    }
}

/// When a node truly saw a datacenter down, by the world's clock; promotions are checked against this, whatever was
/// reported.
struct Sighting: Sendable {
    /// How long a report may be believed after it has become untrue: silence, the slowest message and the longest
    /// pause.
    private static let memory = Duration.seconds(10)

    private(set) var since: Tick?
    private var ended: [(since: Tick, until: Tick)] = []

    mutating func note(isDown: Bool, now: Tick) {
        if isDown {
            since = since ?? now
        } else if let since {
            ended.append((since, now))
            self.since = nil
        }
        ended.removeAll { $0.until + Self.memory < now }
    }

    /// Whether it saw that before an instant and can still be believed to see it.
    func began(before limit: Tick) -> Bool {
        since.map { $0 <= limit } ?? false || ended.contains { $0.since <= limit }
    }
}
