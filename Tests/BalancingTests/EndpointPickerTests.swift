// Tests what holds for every policy behind the one call, and what survives a change of the endpoints.
import Balancing
import Testing
import Topology

@Suite struct EndpointPickerTests {
    private func picker(_ kind: EndpointPolicyKind, _ weights: [Int], seed: UInt64 = 3) -> EndpointPicker {
        var random = RandomBits(seed: seed)
        return EndpointPicker(
            kind: kind, weights: weights, identities: identities(0..<weights.count), random: &random)
    }

    private func picks(
        _ picker: inout EndpointPicker, _ count: Int, excluding excluded: ExcludedEndpoints = nothing
    ) -> [Int?] {
        var random = RandomBits(seed: 4)
        var picks: [Int?] = []
        for number in 0..<count {
            let hash = StableHash.mix(UInt64(number))
            picks.append(picker.pick(excluding: excluded, hash: hash, now: start, random: &random) { _ in 0 })
        }
        return picks
    }

    @Test(arguments: EndpointPolicyKind.allCases) func neverPicksWeightZero(_ kind: EndpointPolicyKind) {
        var some = picker(kind, [0, 3, 0, 1, -7])
        #expect(Set(picks(&some, 500)) == [1, 3])
        for weights in [[], [0], [0, 0, 0]] {
            var none = picker(kind, weights)
            #expect(picks(&none, 3) == [nil, nil, nil])
            #expect(picks(&none, 1, excluding: excluding(0)) == [nil])
        }
        var one = picker(kind, [0, 0, 1])
        #expect(picks(&one, 3) == [2, 2, 2])
    }

    @Test(arguments: EndpointPolicyKind.allCases) func avoidsTheExcludedWhileThereIsAnother(_ kind: EndpointPolicyKind)
    {
        var picker = picker(kind, [9, 1, 0, 1])
        #expect(Set(picks(&picker, 300, excluding: excluding(0))) == [1, 3])
        #expect(Set(picks(&picker, 300, excluding: excluding(0, 1))) == [3])
        #expect(Set(picks(&picker, 300, excluding: excluding(0, 1, 3))).subtracting([0, 1, 3]).isEmpty)
        #expect(!picks(&picker, 300, excluding: excluding(3, 1, 0)).contains(nil))
    }

    @Test(arguments: EndpointPolicyKind.allCases) func followsAChangeOfWeights(_ kind: EndpointPolicyKind) {
        var picker = picker(kind, [1, 1, 1])
        _ = picks(&picker, 10)
        var random = RandomBits(seed: 9)
        picker.update(weights: [1, 0, 1], random: &random)
        #expect(Set(picks(&picker, 300)) == [0, 2])
        picker.update(weights: [0, 1, 0], random: &random)
        #expect(Set(picks(&picker, 300)) == [1])
    }

    @Test(arguments: EndpointPolicyKind.allCases) func startsAfreshWithAnotherPolicy(_ kind: EndpointPolicyKind) {
        var subject = picker(.roundRobin, [1, 1])
        subject.adopt(picker(kind, [0, 0, 1]))
        #expect(subject.kind == kind && picks(&subject, 2) == [2, 2])
    }

    @Test func roundRobinKeepsItsPlace() {
        var subject = picker(.roundRobin, [1, 1, 1, 1])
        let next = (picks(&subject, 1)[0] ?? 0) + 1
        var random = RandomBits(seed: 77)
        subject.update(weights: [2, 2, 2, 2], random: &random)
        #expect(picks(&subject, 1) == [next % 4])
        // The endpoint that is next goes: the one after it is next. The list is also turned round.
        let gone = (next + 1) % 4
        let kept = (0..<4).reversed().filter { $0 != gone }
        let names = identities(0..<4)
        subject.adopt(
            EndpointPicker(kind: .roundRobin, weights: [1, 1, 1], identities: kept.map { names[$0] }, random: &random))
        #expect(picks(&subject, 1) == [kept.firstIndex(of: (gone + 1) % 4)])
    }

    @Test func smoothTurnsGoOnWhenAWeightChanges() {
        // A ramp that changes weights at each pick must not always begin with the heaviest.
        var subject = picker(.weighted, [256, 256])
        var random = RandomBits(seed: 77)
        let counts = tally(1000, over: 2) {
            subject.update(weights: [257, 256], random: &random)
            return picks(&subject, 1)[0]
        }
        #expect(counts.allSatisfy { (490...510).contains($0) })
    }

    @Test func aGreatOldWeightDoesNotStarveALightEndpoint() {
        var subject = picker(.weighted, [65_536, 65_536])
        _ = picks(&subject, 1)
        var random = RandomBits(seed: 77)
        subject.update(weights: [1, 1], random: &random)
        #expect(Set(picks(&subject, 4)) == [0, 1])
    }

    @Test func latenciesMoveWithTheirEndpoint() {
        var subject = picker(.peakEWMA, [1, 1])
        subject.observe(index: 0, latency: .milliseconds(5), now: start)
        subject.observe(index: 1, latency: .milliseconds(50), now: start)
        #expect(Set(picks(&subject, 50)) == [0])
        var random = RandomBits(seed: 77)
        subject.adopt(
            EndpointPicker(kind: .peakEWMA, weights: [1, 1], identities: identities(0..<2).reversed(), random: &random))
        #expect(Set(picks(&subject, 50)) == [1])
    }

    @Test func workersStartApart() {
        for kind in [EndpointPolicyKind.roundRobin, .weighted] {
            let firsts = (0..<40).map { seed in
                var worker = picker(kind, [1, 1, 1, 1], seed: UInt64(seed))
                return picks(&worker, 1)[0]
            }
            #expect(Set(firsts) == [0, 1, 2, 3])
        }
    }

    @Test func theExcludedForgetTheOldestBeyondEight() {
        var excluded = ExcludedIndices()
        #expect(excluded.isEmpty && !excluded.contains(0) && !excluded.contains(-1))
        for index in [3, 3, 4, 5, 6, 7, 8, 9, 10] { excluded.insert(index) }
        #expect((3...10).allSatisfy { excluded.contains($0) } && !excluded.isEmpty)
        excluded.insert(11)
        #expect(!excluded.contains(3) && excluded.contains(4) && excluded.contains(11))
    }
}
