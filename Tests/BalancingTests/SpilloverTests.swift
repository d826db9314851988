// Tests shares, spill-over and panic by tables, and the datacenter policies on top of them.
import Balancing
import Testing
import Topology

/// A datacenter of 100 endpoints of weight 1, `healthy` of them healthy.
private func datacenter(
    _ healthy: Int, weight: Int = 1, drained: Bool = false, usable: Bool = true, returning: Int = 100
) -> DatacenterLoad {
    DatacenterLoad(
        weight: weight, isDrained: drained, isUsable: usable, endpointWeight: 100, healthyWeight: healthy,
        returnPercent: returning)
}

struct SpilloverCase: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let datacenters: [DatacenterLoad]
    let shares: [Double]
    let panics: [Bool]
    var policy = DatacenterPolicyKind.weighted
    var primary: Int?
    var order: [Int] = []

    init(
        _ name: String, _ datacenters: [DatacenterLoad], _ shares: [Double], panics: [Int] = [],
        policy: DatacenterPolicyKind = .weighted, primary: Int? = nil, order: [Int] = []
    ) {
        testDescription = name
        self.datacenters = datacenters
        self.shares = shares
        self.panics = datacenters.indices.map { panics.contains($0) }
        self.policy = policy
        self.primary = primary
        self.order = order
    }
}

private let weightedCases = [
    SpilloverCase("all well", [datacenter(100), datacenter(100)], [0.5, 0.5]),
    SpilloverCase("weights", [datacenter(100, weight: 3), datacenter(100)], [0.75, 0.25]),
    SpilloverCase("72 % carries all", [datacenter(72), datacenter(100)], [0.5, 0.5]),
    SpilloverCase("50 % carries 70 %", [datacenter(50), datacenter(100)], [0.7 / 1.7, 1 / 1.7]),
    SpilloverCase("weight times capacity", [datacenter(50, weight: 3), datacenter(100)], [2.1 / 3.1, 1 / 3.1]),
    SpilloverCase("one dead, the other carries all: no panic", [datacenter(0), datacenter(100)], [0, 1]),
    SpilloverCase("heavy one dead: no panic", [datacenter(0, weight: 200), datacenter(72)], [0, 1]),
    SpilloverCase("40 % and 40 % together carry 112 %", [datacenter(40), datacenter(40)], [0.5, 0.5]),
    SpilloverCase(
        "35 % and 36 % carry 99.4 %: both panic", [datacenter(35), datacenter(36)], [35 / 71, 36 / 71], panics: [0, 1]),
    SpilloverCase("short, but half is healthy", [datacenter(0), datacenter(50)], [0, 1], panics: [0]),
    SpilloverCase(
        "nothing healthy: by weight", [datacenter(0, weight: 3), datacenter(0)], [0.75, 0.25], panics: [0, 1]),
    SpilloverCase(
        "a drained one gets nothing even then", [datacenter(0), datacenter(0, drained: true)], [1, 0], panics: [0]),
    SpilloverCase(
        "a drained one adds no capacity", [datacenter(20), datacenter(100, drained: true)], [1, 0], panics: [0]),
    SpilloverCase("an unusable one adds none", [datacenter(20), datacenter(100, usable: false)], [1, 0], panics: [0]),
    SpilloverCase("weight 0 adds none", [datacenter(20), datacenter(100, weight: 0)], [1, 0], panics: [0]),
    SpilloverCase("all at 0", [datacenter(100, weight: 0), datacenter(100, drained: true)], [0, 0]),
    SpilloverCase("no endpoints", [DatacenterLoad(endpointWeight: 0, healthyWeight: 0), datacenter(100)], [0, 1]),
    SpilloverCase("one comes back", [datacenter(100), datacenter(100, returning: 25)], [0.8, 0.2]),
    SpilloverCase(
        "one comes back by its weight", [datacenter(100), datacenter(100, weight: 3, returning: 10)],
        [1 / 1.3, 0.3 / 1.3]),
    SpilloverCase("the only one comes back: it has all", [datacenter(0), datacenter(100, returning: 10)], [0, 1]),
    SpilloverCase("coming back is no panic", [datacenter(40, returning: 10), datacenter(40)], [0.1 / 1.1, 1 / 1.1]),
    SpilloverCase("none at all", [], []),
    SpilloverCase(
        "round_robin shares alike", [datacenter(50), datacenter(100)], [0.7 / 1.7, 1 / 1.7], policy: .roundRobin),
    SpilloverCase("random shares alike", [datacenter(50), datacenter(100)], [0.7 / 1.7, 1 / 1.7], policy: .random),
]

private let primaryCases = [
    SpilloverCase("all to it", [datacenter(100), datacenter(60)], [0, 1], policy: .primary, primary: 1),
    SpilloverCase("half is no panic", [datacenter(100), datacenter(50)], [0, 1], policy: .primary, primary: 1),
    SpilloverCase(
        "only it counts", [datacenter(100), datacenter(49)], [0, 1], panics: [1], policy: .primary, primary: 1),
    SpilloverCase("dead", [datacenter(0), datacenter(100)], [1, 0], panics: [0], policy: .primary, primary: 0),
    SpilloverCase("drained", [datacenter(100, drained: true), datacenter(100)], [0, 0], policy: .primary, primary: 0),
    SpilloverCase("none", [datacenter(100), datacenter(100)], [0, 0], policy: .primary),
    SpilloverCase("a stranger", [datacenter(100)], [0], policy: .primary, primary: 4),
    SpilloverCase("its weight is not 0", [datacenter(100, weight: 9)], [1], policy: .primary, primary: 0),
]

private let nearestCases = [
    SpilloverCase("all to the nearest", [datacenter(100), datacenter(100)], [0, 1], policy: .nearest, order: [1, 0]),
    SpilloverCase(
        "the rest to the next", [datacenter(100), datacenter(50), datacenter(100)], [0.3, 0.7, 0], policy: .nearest,
        order: [1, 0, 2]),
    SpilloverCase(
        "three deep", [datacenter(20), datacenter(30), datacenter(100)], [0.28, 0.42, 0.3], policy: .nearest,
        order: [0, 1, 2]),
    SpilloverCase(
        "too little in all", [datacenter(10), datacenter(30)], [0.25, 0.75], panics: [0, 1], policy: .nearest,
        order: [1, 0]),
    SpilloverCase(
        "nothing healthy", [datacenter(0), datacenter(0)], [0, 1], panics: [0, 1], policy: .nearest, order: [1, 0]),
    SpilloverCase(
        "the nearest is drained", [datacenter(100), datacenter(100, drained: true)], [1, 0], policy: .nearest,
        order: [1, 0]),
    SpilloverCase(
        "odd orders", [datacenter(50), datacenter(100)], [0.7, 0.3], policy: .nearest, order: [9, 0, 0, -1]),
]

@Suite struct SpilloverTests {
    @Test(arguments: weightedCases + primaryCases + nearestCases) func sharesAndPanic(_ row: SpilloverCase) {
        let result = Spillover.shares(policy: row.policy, of: row.datacenters, primary: row.primary, order: row.order)
        #expect(result.map(\.panics) == row.panics)
        #expect(result.count == row.shares.count)
        for (share, wanted) in zip(result, row.shares) {
            #expect(abs(Double(share.share) / Double(Spillover.whole) - wanted) < 0.0001)
            #expect((share.share == 0) == (wanted == 0))
        }
        let sum = result.reduce(0) { $0 + $1.share }
        #expect(sum == (row.shares.contains { $0 > 0 } ? Spillover.whole : 0))
    }

    @Test func sumsStayExactForAnyHealth() {
        var random = RandomBits(seed: 21)
        for _ in 0..<2000 {
            let datacenters = (0..<1 + random.below(8)).map { _ in
                DatacenterLoad(
                    weight: 1 + random.below(256), endpointWeight: 1 + random.below(1 << 30),
                    healthyWeight: random.below(1 << 30))
            }
            for policy in [DatacenterPolicyKind.weighted, .nearest] {
                let shares = Spillover.shares(policy: policy, of: datacenters).map(\.share)
                #expect(shares.reduce(0, +) == Spillover.whole && shares.allSatisfy { $0 >= 0 })
            }
        }
    }

    @Test func absurdNumbersDoNotOverflow() {
        let absurd = DatacenterLoad(weight: .max, endpointWeight: .max, healthyWeight: .max)
        let negative = DatacenterLoad(weight: 1, endpointWeight: .max, healthyWeight: .min)
        let shares = Spillover.shares(policy: .weighted, of: [absurd, negative])
        #expect(shares == [DatacenterShare(share: 65_536, panics: false), DatacenterShare(share: 0, panics: false)])
    }
}

@Suite struct DatacenterPickerTests {
    private func picker(_ kind: DatacenterPolicyKind, _ shares: [Int], seed: UInt64 = 1) -> DatacenterPicker {
        var random = RandomBits(seed: seed)
        return DatacenterPicker(
            kind: kind, shares: shares.map { DatacenterShare(share: $0, panics: false) },
            identities: identities(0..<shares.count), random: &random)
    }

    @Test(arguments: [DatacenterPolicyKind.weighted, .roundRobin, .random, .nearest])
    func followsTheShares(_ kind: DatacenterPolicyKind) {
        let shares = [39_322, 0, 19_661, 6_553]
        var subject = picker(kind, shares)
        var random = RandomBits(seed: 2)
        let counts = tally(100_000, over: 4) { subject.pick(excluding: nothing, random: &random) }
        #expect(counts.reduce(0, +) == 100_000 && misfit(counts, shares) < 1 && counts[1] == 0)
        #expect(Set((0..<200).map { _ in subject.pick(excluding: excluding(0), random: &random) }) == [2, 3])
        subject.adopt(picker(kind, [0, 65_536, 0, 0]))
        #expect(subject.pick(excluding: excluding(1), random: &random) == 1)
    }

    @Test func aRetryNeverLeavesThePrimary() {
        var subject = picker(.primary, [0, 65_536, 0])
        var random = RandomBits(seed: 2)
        #expect(subject.pick(excluding: excluding(1), random: &random) == 1)
        subject.adopt(picker(.primary, [0, 0, 0]))
        #expect(subject.pick(excluding: nothing, random: &random) == nil)
    }

    @Test func smallChangesOfShareDoNotDisturbTheTurns() {
        var subject = picker(.weighted, [32_768, 32_768])
        var random = RandomBits(seed: 2)
        let counts = tally(1000, over: 2) {
            subject.adopt(picker(.weighted, [32_768 + random.below(50), 32_718]))
            return subject.pick(excluding: nothing, random: &random)
        }
        #expect(counts.allSatisfy { (490...510).contains($0) })
    }
}
