// Owns the order of datacenters by measured distance, for `nearest`.

internal import Topology

/// A smoothed connect time. Up by an eighth of each new sample, as TCP smooths its round-trip time (RFC 6298, section 2);
/// down by half of it: busy machines make a connect longer, and nothing makes it shorter than the way is.
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
        nanoseconds = max(1, old + (min(sample, old * 4) - old) / (sample < old ? 2 : 8))
    }
}

/// Datacenters by distance, nearest first, and the same at all nodes that are at the same place: what decides among those
/// that are about as far as each other is no measurement but where the node is, and then the settings.
///
/// So the order begins with the own datacenter, and the others follow as the settings list them. One overtakes another
/// that stands before it only when it has been clearly nearer, by a fifth and by a millisecond, at ten samples of each of
/// the two in a row; it falls back behind it when that has not been so, by a tenth and by half a millisecond, at as many.
/// Of a datacenter that was not measured nothing is claimed: it keeps its place.
public struct NearestOrder: Hashable, Sendable {
    /// How many samples of each must say so before one overtakes the other, or falls back.
    public static let requiredStreak = 10

    /// What is known of two datacenters: whether the one is clearly nearer, and how many samples in a row deny it, of the
    /// one and of the other. One of the two may have many more endpoints that are checked.
    private struct Relation: Hashable, Sendable {
        var isNearer = false
        var streak = 0
        var otherStreak = 0
    }

    private var estimators: [ConnectTimeEstimator]
    /// By the nearer one's index, then by the other's.
    private var relations: [[Relation]]
    /// The order without any measurement.
    private let given: [Int]
    /// Indices, the nearest first; always all of them.
    public private(set) var order: [Int]

    /// - Parameter local: the index of the node's own datacenter; nil: it is none of these.
    public init(datacenters: Int, local: Int? = nil) {
        let count = max(0, datacenters)
        estimators = Array(repeating: ConnectTimeEstimator(), count: count)
        relations = Array(repeating: Array(repeating: Relation(), count: count), count: count)
        let own = local.flatMap { (0..<count).contains($0) ? $0 : nil }
        given = [own].compactMap(\.self) + (0..<count).filter { $0 != own }
        order = given
    }

    /// The smoothed connect time to a datacenter; nil when unmeasured or out of range.
    public func estimate(_ datacenter: Int) -> Duration? {
        estimators.indices.contains(datacenter) ? estimators[datacenter].estimate : nil
    }

    /// Takes in one connect to a datacenter; out of range is ignored. O(datacenters), or its square when the order may
    /// change.
    ///
    /// - Returns: whether the order changed.
    public mutating func observe(_ connectTime: Duration, datacenter: Int) -> Bool {
        guard estimators.indices.contains(datacenter) else { return false }
        estimators[datacenter].observe(connectTime)
        var isChanged = false
        for other in estimators.indices where other != datacenter {
            if judge(datacenter, other, isOfOther: false) { isChanged = true }
            if judge(other, datacenter, isOfOther: true) { isChanged = true }
        }
        guard isChanged else { return false }
        let old = order
        order = sorted()
        return order != old
    }

    /// - Parameter isOfOther: whether the new sample is the second's.
    /// - Returns: whether the first being nearer than the second is news, or no longer true.
    private mutating func judge(_ first: Int, _ second: Int, isOfOther: Bool) -> Bool {
        guard let near = estimators[first].estimate, let far = estimators[second].estimate else { return false }
        let old = relations[first][second]
        let isNearer =
            old.isNearer
            ? near * 10 < far * 9 && far - near >= .microseconds(500)
            : near * 5 < far * 4 && far - near >= .milliseconds(1)
        var relation = Relation(isNearer: old.isNearer)
        if isNearer != old.isNearer {
            relation.streak = old.streak + (isOfOther ? 0 : 1)
            relation.otherStreak = old.otherStreak + (isOfOther ? 1 : 0)
        }
        let isNews = min(relation.streak, relation.otherStreak) >= Self.requiredStreak
        relations[first][second] = isNews ? Relation(isNearer: isNearer) : relation
        return isNews
    }

    /// Each goes before the first of those given before it that it is clearly nearer than.
    private func sorted() -> [Int] {
        var sorted: [Int] = []
        for index in given {
            let place = sorted.firstIndex { relations[index][$0].isNearer } ?? sorted.count
            sorted.insert(index, at: place)
        }
        return sorted
    }
}
