// Owns the order of datacenters by measured distance, for `nearest`.

internal import Topology

/// A smoothed connect time: an eighth of each new sample, as TCP smooths its round-trip time (RFC 6298, section 2).
public struct ConnectTimeEstimator: Hashable, Sendable {
    private var nanoseconds: Int64?

    public init() {}

    /// The smoothed time; nil before the first sample.
    public var estimate: Duration? { nanoseconds.map { .nanoseconds($0) } }

    /// Takes in the time that one connect took.
    ///
    /// A sample counts as at most four times the estimate: a lost SYN costs a second, which is no distance.
    public mutating func observe(_ connectTime: Duration) {
        let sample = min(max(connectTime.wholeNanoseconds, 1), 3_600_000_000_000)
        guard let old = nanoseconds else {
            nanoseconds = sample
            return
        }
        nanoseconds = max(1, old + (min(sample, old * 4) - old) / 8)
    }
}

/// Datacenters by distance, nearest first, with hysteresis: two at about the same distance do not swap places at every
/// sample.
///
/// A datacenter's first sample puts it in its place, before all unmeasured ones. Afterwards it overtakes another only
/// when its estimate was more than 20 % lower at ten of its own samples in a row. Unmeasured ones stay last, in the
/// order of the settings.
public struct NearestOrder: Hashable, Sendable {
    /// How many samples in a row a datacenter must have been nearer.
    public static let requiredStreak = 10

    private var estimators: [ConnectTimeEstimator]
    private var streaks: [Int]
    /// Indices, the nearest first; always all of them.
    public private(set) var order: [Int]

    /// The order of the settings until something has been measured.
    public init(datacenters: Int) {
        let count = max(0, datacenters)
        estimators = Array(repeating: ConnectTimeEstimator(), count: count)
        streaks = Array(repeating: 0, count: count)
        order = Array(0..<count)
    }

    /// The smoothed connect time to a datacenter; nil when unmeasured or out of range.
    public func estimate(_ datacenter: Int) -> Duration? {
        estimators.indices.contains(datacenter) ? estimators[datacenter].estimate : nil
    }

    /// Takes in one connect to a datacenter; out of range is ignored. O(datacenters).
    ///
    /// - Returns: whether the order changed.
    public mutating func observe(_ connectTime: Duration, datacenter: Int) -> Bool {
        guard estimators.indices.contains(datacenter) else { return false }
        let isFirst = estimators[datacenter].estimate == nil
        estimators[datacenter].observe(connectTime)
        guard let mine = estimators[datacenter].estimate else { return false }
        if isFirst { return move(datacenter) { other in other.map { mine < $0 } ?? true } }

        func isOvertaken(_ other: Duration?) -> Bool { other.map { mine * 5 < $0 * 4 } ?? true }
        let ahead = order.prefix { $0 != datacenter }
        guard ahead.contains(where: { isOvertaken(estimators[$0].estimate) }) else {
            streaks[datacenter] = 0
            return false
        }
        streaks[datacenter] += 1
        guard streaks[datacenter] >= Self.requiredStreak else { return false }
        streaks[datacenter] = 0
        return move(datacenter, before: isOvertaken)
    }

    /// Moves a datacenter before the first one whose estimate is greater; if there is none, after the measured ones.
    private mutating func move(_ datacenter: Int, before fits: (Duration?) -> Bool) -> Bool {
        let old = order
        order.removeAll { $0 == datacenter }
        let place = order.firstIndex { fits(estimators[$0].estimate) } ?? order.count
        order.insert(datacenter, at: place)
        return order != old
    }
}
