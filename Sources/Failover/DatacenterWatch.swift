// Owns how long one datacenter of a service has been down or fit, by the observer's clock.
public import Catalog
public import Topology

/// Turns the healthy share that a node sees into the view that it reports.
public struct DatacenterWatch: Sendable {
    private var downSince: Tick?
    private var fitSince: Tick?
    private var share = HealthShare(healthy: 0, total: 0)

    public init() {}

    /// Takes in the share as of `now`.
    ///
    /// - Returns: whether the share changed, so that the leader has to be told at once.
    public mutating func observe(_ share: HealthShare, settings: FailoverSettings, now: Tick) -> Bool {
        let isDown = share.total > 0 && !share.isAtLeast(percent: settings.downBelowPercent)
        let isFit = share.isAtLeast(percent: settings.minimumTargetPercent)
        downSince = isDown ? downSince ?? now : nil
        fitSince = isFit ? fitSince ?? now : nil
        defer { self.share = share }
        return share != self.share
    }

    /// What to report at `now`.
    public func view(of datacenter: DatacenterName, now: Tick) -> DatacenterView {
        DatacenterView(
            datacenter: datacenter, share: share, downFor: downSince.map { now - $0 }, fitFor: fitSince.map { now - $0 }
        )
    }

    /// Whether it is down.
    public var isDown: Bool { downSince != nil }
}

/// The lag samples that a node of the target datacenter keeps: the latest, and the last one from before the primary
/// went down, which is the one that counts however long the outage lasts.
public struct LagHistory: Sendable {
    /// How many samples are kept besides the pinned one; with a sample every 2 s, more than the 30 s that count.
    static let capacity = 16

    private struct Sample: Sendable {
        var lag: Duration
        var at: Tick
    }

    private var recent: [Sample] = []
    private var pinned: Sample?
    private var isPrimaryDown = false

    public init() {}

    /// Takes in a sample.
    public mutating func record(_ lag: Duration, now: Tick) {
        if recent.count == Self.capacity { recent.removeFirst() }
        recent.append(Sample(lag: lag, at: now))
    }

    /// Takes in whether this node sees the primary down.
    public mutating func primary(isDown: Bool) {
        if isDown, !isPrimaryDown { pinned = recent.last }
        if !isDown { pinned = nil }
        isPrimaryDown = isDown
    }

    /// What to report at `now`, oldest first.
    public func samples(now: Tick) -> [LagSample] {
        let all = [pinned].compactMap(\.self) + recent
        return all.map { LagSample(lag: $0.lag, age: now - $0.at) }
    }
}
