// Owns what a node tells the leader about one service: its view of each datacenter, and lag where it was asked.
public import Topology

/// How much of a datacenter's weight is healthy: two exact numbers, without rounding.
public struct HealthShare: Hashable, Sendable {
    /// The weight of the endpoints that are usable.
    public let healthy: Int
    /// The weight of all endpoints that operators allow to take requests.
    public let total: Int

    /// Clamps both to more than any sum of weights, so that nothing a peer sends can overflow.
    public init(healthy: Int, total: Int) {
        self.total = max(0, min(total, 1 << 40))
        self.healthy = max(0, min(healthy, self.total))
    }

    /// Whether the share is at least this many percent; a datacenter without weight has no share.
    public func isAtLeast(percent: Int) -> Bool { total > 0 && healthy * 100 >= total * percent }

    /// Whether it has weight and none of it is healthy.
    public var isZero: Bool { total > 0 && healthy == 0 }

    /// For people, rounded down; 0 where there is no weight.
    public var percent: Int { total == 0 ? 0 : healthy * 100 / total }
}

/// One node's view of one datacenter of a service.
public struct DatacenterView: Hashable, Sendable {
    public var datacenter: DatacenterName
    public var share: HealthShare
    /// For how long the share has been under `down_below`, by the observer's clock; nil: it is not.
    public var downFor: Duration?
    /// For how long the share has been at least `min_target_health`, by the observer's clock; nil: it is not.
    public var fitFor: Duration?

    public init(datacenter: DatacenterName, share: HealthShare, downFor: Duration? = nil, fitFor: Duration? = nil) {
        self.datacenter = datacenter
        self.share = share
        self.downFor = downFor
        self.fitFor = fitFor
    }
}

/// How far behind the data of the observer's datacenter was, some time ago by the observer's clock.
public struct LagSample: Hashable, Sendable {
    public var lag: Duration
    public var age: Duration

    public init(lag: Duration, age: Duration) {
        self.lag = lag
        self.age = age
    }
}

/// One node's view of one service, as it reached the leader. Sent at once on a change, otherwise every 500 ms; never
/// logged.
public struct Observation: Hashable, Sendable {
    public var node: NodeID
    /// The node's own datacenter: its vote counts there, and the lag samples are about it.
    public var datacenter: DatacenterName
    public var service: ServiceName
    public var views: [DatacenterView]
    public var lag: [LagSample]
    /// By the leader's clock.
    public var receivedAt: Tick

    public init(
        node: NodeID, datacenter: DatacenterName, service: ServiceName, views: [DatacenterView],
        lag: [LagSample] = [], receivedAt: Tick
    ) {
        self.node = node
        self.datacenter = datacenter
        self.service = service
        self.views = views
        self.lag = lag
        self.receivedAt = receivedAt
    }

    /// The view of one datacenter.
    func view(of datacenter: DatacenterName) -> DatacenterView? { views.first { $0.datacenter == datacenter } }

    /// Whether it sees every datacenter with weight down, and so doubts itself.
    var doubtsItself: Bool {
        let weighty = views.filter { $0.share.total > 0 }
        return !weighty.isEmpty && weighty.allSatisfy { $0.downFor != nil }
    }
}

/// What votes need to know of a node in the group.
public struct VotingNode: Hashable, Sendable {
    public var id: NodeID
    public var datacenter: DatacenterName
    /// False for an observer: it counts in its datacenter's vote, but does not give its datacenter one.
    public var isVoter: Bool

    public init(id: NodeID, datacenter: DatacenterName, isVoter: Bool) {
        self.id = id
        self.datacenter = datacenter
        self.isVoter = isVoter
    }
}
