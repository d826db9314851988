// Owns the shares of traffic that datacenters get: spill-over from the weak to the healthy, and panic.

/// What the shares depend on, of one datacenter of one service.
public struct DatacenterLoad: Hashable, Sendable {
    /// The operator's weight, 0-256; 0 = no new requests.
    public var weight: Int
    /// Whether an operator drained it.
    public var isDrained: Bool
    /// Whether nothing else rules it out, for reasons of the caller; usually true.
    public var isUsable: Bool
    /// Summed weights of its endpoints that are neither drained nor at 0, healthy or not, without slow start.
    public var endpointWeight: Int
    /// The part of `endpointWeight` that is up or not yet known, and not ejected.
    public var healthyWeight: Int
    /// The part of its share that it gets, in percent: less than 100 while it comes back from being down. Datacenters
    /// with their full share make up for it; panic ignores it.
    public var returnPercent: Int

    public init(
        weight: Int = 1, isDrained: Bool = false, isUsable: Bool = true, endpointWeight: Int, healthyWeight: Int,
        returnPercent: Int = 100
    ) {
        self.weight = weight
        self.isDrained = isDrained
        self.isUsable = isUsable
        self.endpointWeight = endpointWeight
        self.healthyWeight = healthyWeight
        self.returnPercent = returnPercent
    }

    /// Whether it could be given requests if its endpoints were healthy.
    public var takesTraffic: Bool { weight > 0 && !isDrained && isUsable && endpointWeight > 0 }

    /// min(1, 1.4 × healthy share) in units of 1/`Spillover.whole`: a datacenter with 72 % of its endpoints still
    /// carries its full share.
    var capacity: UInt64 {
        guard takesTraffic, healthyWeight > 0 else { return 0 }
        let whole = UInt64(Spillover.whole)
        let total = UInt64(min(endpointWeight, Self.greatestSum))
        let healthy = min(UInt64(min(healthyWeight, Self.greatestSum)), total)
        // At least 1: a datacenter with anything healthy is better than one without.
        return max(1, min(whole, healthy * 7 * whole / (total * 5)))
    }

    /// Whether less than half of its endpoint weight is healthy.
    var isMostlyDown: Bool {
        min(max(healthyWeight, 0), Self.greatestSum) * 2 < min(endpointWeight, Self.greatestSum)
    }

    /// Keeps products within 64 bits; 65,535 endpoints of the greatest weight stay below it.
    private static var greatestSum: Int { 1 << 40 }
}

/// What one datacenter gets.
public struct DatacenterShare: Hashable, Sendable {
    /// Its part of new requests, in units of 1/`Spillover.whole`.
    public var share: Int
    /// Use all of its endpoints that are neither drained nor at 0, healthy or not, because the checks are not believed.
    public var panics: Bool

    public init(share: Int, panics: Bool) {
        self.share = share
        self.panics = panics
    }
}

/// Turns health into shares of traffic between datacenters.
///
/// A share is weight × min(1, 1.4 × healthy share), renormalised (`nearest` fills in order of distance instead;
/// `primary` gives all to one). A datacenter panics only if the capacities min(1, 1.4 × healthy share) of those that
/// take traffic sum up to less than 100 % *and* less than half of it is healthy: as long as the others can carry the
/// load, a broken datacenter gets none. When nothing is healthy anywhere, the shares are those of full health, in
/// panic. Weights of 0 and drains hold even then.
public enum Spillover {
    /// The sum of the shares, unless all are 0.
    public static let whole = 65_536

    /// The share of each datacenter, in the order given; all 0 when none takes traffic.
    ///
    /// - Parameters:
    ///   - primary: the index that takes all under `primary`; nil (none chosen yet) gives nothing to any. Other
    ///     policies ignore it.
    ///   - order: indices by distance for `nearest`, the nearest first; datacenters it lacks follow in their order.
    ///     Others ignore it.
    public static func shares(
        policy: DatacenterPolicyKind, of datacenters: [DatacenterLoad], primary: Int? = nil, order: [Int] = []
    ) -> [DatacenterShare] {
        let candidates = datacenters.indices.filter {
            datacenters[$0].takesTraffic && (policy != .primary || $0 == primary)
        }
        var capacities = [UInt64](repeating: 0, count: datacenters.count)
        for index in candidates { capacities[index] = datacenters[index].capacity }
        let sum = capacities.reduce(0, +)

        // Nothing healthy anywhere: share as if all were.
        if sum == 0 { for index in candidates { capacities[index] = UInt64(whole) } }
        if policy != .primary {
            for index in candidates where capacities[index] > 0 {
                capacities[index] = max(1, capacities[index] * UInt64(max(0, datacenters[index].returnPercent)) / 100)
            }
        }
        switch policy {
        case .nearest: fill(&capacities, in: complete(order, count: datacenters.count))
        case .primary: break
        case .weighted, .roundRobin, .random:
            for index in candidates {
                capacities[index] *= UInt64(min(datacenters[index].weight, WeightLimit.maximum))
            }
        }
        let shares = normalise(capacities)
        return datacenters.indices.map { index in
            let isCandidate = datacenters[index].takesTraffic && (policy != .primary || index == primary)
            let panics = isCandidate && sum < UInt64(whole) && datacenters[index].isMostlyDown
            return DatacenterShare(share: shares[index], panics: panics)
        }
    }

    /// Gives each what those before it in `order` could not take.
    private static func fill(_ capacities: inout [UInt64], in order: [Int]) {
        var left = UInt64(whole)
        for index in order {
            capacities[index] = min(capacities[index], left)
            left -= capacities[index]
        }
    }

    /// `order` without duplicates and unknown indices, followed by those it lacks.
    private static func complete(_ order: [Int], count: Int) -> [Int] {
        var isListed = [Bool](repeating: false, count: count)
        var complete: [Int] = []
        for index in order + Array(0..<count) where isListed.indices.contains(index) && !isListed[index] {
            isListed[index] = true
            complete.append(index)
        }
        return complete
    }

    /// Divides `whole` in proportion to `parts`, so that the results add up to it exactly: each gets the difference of
    /// two rounded running sums.
    private static func normalise(_ parts: [UInt64]) -> [Int] {
        let sum = parts.reduce(0, +)
        guard sum > 0 else { return parts.map { _ in 0 } }
        var running: UInt64 = 0
        var given = 0
        return parts.map { part in
            running += part
            let upTo = Int(running * UInt64(whole) / sum)
            defer { given = upTo }
            return upTo - given
        }
    }
}
