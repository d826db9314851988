// Tests each endpoint policy by itself: sequences where they are exact, chi-squared where they are not.
import Balancing
import Testing
import Topology

@Suite struct WeightedTests {
    @Test(arguments: [
        ([5, 1, 1], [0, 0, 1, 0, 2, 0, 0]), ([1, 1, 1], [0, 1, 2]), ([3, 0, 1], [0, 0, 2, 0]), ([0, 2], [1, 1]),
        ([4, 3, 2, 1], [0, 1, 2, 0, 1, 3, 0, 2, 1, 0]),
    ])
    func spreadsEachPeriodSmoothly(_ weights: [Int], _ period: [Int]) {
        var policy = Weighted(weights: weights)
        for _ in 0..<3 { #expect(period.map { _ in policy.pick(excluding: nothing) } == period) }
    }

    @Test func anExcludedOneNeitherGainsNorPays() {
        var policy = Weighted(weights: [1, 1])
        #expect((0..<4).map { _ in policy.pick(excluding: excluding(0)) } == [1, 1, 1, 1])
        #expect((0..<4).map { _ in policy.pick(excluding: nothing) } == [0, 1, 0, 1])
    }
}

@Suite struct RoundRobinTests {
    @Test func takesTurnsInOrderFromARandomPlace() {
        var starts = Set<Int>()
        for seed in 0..<50 {
            var random = RandomBits(seed: UInt64(seed))
            var policy = RoundRobin(weights: [1, 0, 1, 1], random: &random)
            let picks = (0..<6).compactMap { _ in policy.pick(excluding: nothing) }
            let turn = [0, 2, 3]
            let first = turn.firstIndex(of: picks[0]) ?? 0
            #expect(picks == (0..<6).map { turn[(first + $0) % 3] })
            starts.insert(picks[0])
        }
        #expect(starts == [0, 2, 3])
    }

    @Test(arguments: [[5, 1, 1], [3, 2, 1, 0], [256, 255, 1], [65_536, 1]])
    func givesEachItsWeightExactlyOverAPeriod(_ weights: [Int]) {
        var random = RandomBits(seed: 5)
        var policy = RoundRobin(weights: weights, random: &random)
        let period = weights.reduce(0, +)
        #expect(tally(period * 2, over: weights.count) { policy.pick(excluding: nothing) } == weights.map { $0 * 2 })
    }

    @Test func endsTheRoundWhenAllOfTheGreatestWeightAreExcluded() {
        var random = RandomBits(seed: 5)
        var policy = RoundRobin(weights: [65_536, 1, 1], random: &random)
        let counts = tally(1000, over: 3) { policy.pick(excluding: excluding(0)) }
        #expect(counts[0] == 0 && counts[1] > 400 && counts[2] > 400)
    }
}

@Suite struct RandomTests {
    @Test(arguments: [
        [1, 1], [5, 1, 1], [1, 2, 3, 0, 4], [65_536, 1000], Array(repeating: 7, count: 100), Array(1...100),
    ])
    func followsTheWeights(_ weights: [Int]) {
        var random = RandomBits(seed: 11)
        let policy = Random(weights: weights)
        let counts = tally(100_000, over: weights.count) { policy.pick(excluding: nothing, random: &random) }
        #expect(counts.reduce(0, +) == 100_000)
        #expect(misfit(counts, weights) < 1)
        #expect(zip(counts, weights).allSatisfy { $1 > 0 || $0 == 0 })
    }

    @Test func followsTheWeightsOfThoseNotExcluded() {
        var random = RandomBits(seed: 12)
        let policy = Random(weights: [1, 100, 2, 3])
        let counts = tally(100_000, over: 4) { policy.pick(excluding: excluding(1), random: &random) }
        #expect(misfit(counts, [1, 0, 2, 3]) < 1 && counts[1] == 0)
    }

    @Test func theMeasureItselfTellsABias() {
        #expect(misfit([50_800, 49_200], [1, 1]) > 1)
        #expect(misfit([50_100, 49_900], [1, 1]) < 1)
    }
}

@Suite struct LeastRequestsTests {
    @Test(arguments: [[1, 1, 1], [3, 1], [1, 2, 3, 4]])
    func splitsIdleTrafficByWeight(_ weights: [Int]) {
        var random = RandomBits(seed: 13)
        let policy = LeastRequests(weights: weights)
        let counts = tally(100_000, over: weights.count) { policy.pick(excluding: nothing, random: &random) { _ in 0 } }
        #expect(misfit(counts, weights) < 1)
    }

    /// Weights, loads, and which of two is taken.
    @Test(arguments: [
        ([1, 1], [1, 0], 1), ([1, 1], [0, 9], 0), ([2, 1], [1, 0], nil), ([3, 1], [1, 0], 0), ([2, 1], [4, 1], 1),
        ([1, 1], [-5, 3], 0), ([1, 1], [Int.max, 3], 1), ([65_536, 1], [65_534, 0], 0), ([65_536, 1], [65_536, 0], 1),
    ])
    func takesTheLowerQuotient(_ weights: [Int], _ loads: [Int], _ expected: Int?) {
        var random = RandomBits(seed: 14)
        let policy = LeastRequests(weights: weights)
        let counts = tally(200, over: 2) { policy.pick(excluding: nothing, random: &random) { loads[$0] } }
        // nil: a tie, where both come up.
        if let expected { #expect(counts[expected] == 200) } else { #expect(counts[0] > 0 && counts[1] > 0) }
    }

    @Test func keepsTheQueuesNearlyEven() {
        // Each pick adds one request; nothing ends. Balls into bins with two choices: the gap stays below ln ln n +
        // O(1).
        var random = RandomBits(seed: 15)
        let policy = LeastRequests(weights: Array(repeating: 1, count: 50))
        var loads = [Int](repeating: 0, count: 50)
        for _ in 0..<100_000 {
            if let index = policy.pick(excluding: nothing, random: &random, load: { loads[$0] }) { loads[index] += 1 }
        }
        #expect(loads.reduce(0, +) == 100_000)
        #expect((loads.max() ?? 0) - (loads.min() ?? 0) < 16)
    }

    @Test func aSecondAttemptGoesToAnyOther() {
        var random = RandomBits(seed: 16)
        let policy = LeastRequests(weights: [1, 1, 1, 1, 1])
        let alike = tally(30_000, over: 5) { policy.pick(excluding: excluding(2), random: &random) { _ in 3 } }
        #expect(misfit(alike, [1, 1, 0, 1, 1]) < 1 && alike[2] == 0)
        // What the busy one is spared must go to the others evenly.
        let loads = [100, 0, 0, 0, 0]
        let spared = tally(30_000, over: 5) { policy.pick(excluding: excluding(2), random: &random) { loads[$0] } }
        #expect(misfit(spared, [0, 1, 0, 1, 1]) < 1 && spared[0] == 0 && spared[2] == 0)
    }
}

@Suite struct PeakEWMATests {
    @Test func takesAPeakAtOnceAndForgetsByHalfLives() {
        let halfLife = Duration.seconds(5)
        var policy = PeakEWMA(weights: [1])
        #expect(policy.latency(0, now: start) == nil)
        policy.observe(0, latency: .milliseconds(10), now: start)
        policy.observe(0, latency: .milliseconds(100), now: start)
        #expect(policy.latency(0, now: start) == .milliseconds(100))
        #expect(policy.latency(0, now: start + halfLife / 2) == .milliseconds(75))
        #expect(policy.latency(0, now: start + halfLife) == .milliseconds(50))
        #expect(policy.latency(0, now: start + halfLife * 3) == .microseconds(12_500))
        #expect(policy.latency(0, now: start + .seconds(10_000)) == nil)
        // A lower sample after a half-life weighs as much as the past.
        policy.observe(0, latency: .milliseconds(10), now: start + halfLife)
        #expect(policy.latency(0, now: start + halfLife) == .milliseconds(55))
    }

    @Test func ignoresStrangeSamples() {
        var policy = PeakEWMA(weights: [1])
        policy.observe(7, latency: .seconds(1), now: start)
        policy.observe(-1, latency: .seconds(1), now: start)
        policy.observe(0, latency: .seconds(-5), now: start)
        #expect(policy.latency(0, now: start) == .nanoseconds(1))
        policy.observe(0, latency: .milliseconds(1), now: .zero)
        #expect(policy.latency(0, now: start) == .milliseconds(1))
    }

    /// Latencies in ms (0 = unknown), loads, weights, and which of two is taken.
    @Test(arguments: [
        ([10, 20], [0, 0], [1, 1], 0), ([10, 20], [3, 0], [1, 1], 1), ([10, 25], [1, 0], [1, 1], 0),
        ([10, 15], [0, 0], [1, 2], 1), ([10, 0], [0, 0], [1, 1], 1), ([10, 0], [0, 1], [1, 1], 0),
        ([0, 0], [2, 1], [1, 1], 1),
    ])
    func takesTheLowerCost(_ latencies: [Int], _ loads: [Int], _ weights: [Int], _ expected: Int) {
        var random = RandomBits(seed: 17)
        var policy = PeakEWMA(weights: weights)
        for (index, latency) in latencies.enumerated() where latency > 0 {
            policy.observe(index, latency: .milliseconds(latency), now: start)
        }
        let counts = tally(100, over: 2) {
            policy.pick(excluding: nothing, now: start, random: &random) { loads[$0] }
        }
        #expect(counts[expected] == 100)
    }

    @Test func triesASlowOneAgainOnceItsEstimateFaded() {
        var random = RandomBits(seed: 18)
        var policy = PeakEWMA(weights: [1, 1])
        policy.observe(0, latency: .seconds(2), now: start)
        var firstRetry: Int?
        for second in 0..<120 where firstRetry == nil {
            let now = start + .seconds(second)
            policy.observe(1, latency: .milliseconds(10), now: now)
            if policy.pick(excluding: nothing, now: now, random: &random, load: { _ in 0 }) == 0 { firstRetry = second }
        }
        // 2 s is below 10 ms after log2(200) = 7.6 half-lives of 5 s.
        #expect((36...42).contains(firstRetry ?? 0))
    }
}
