// Tests Maglev hashing: even shares, few clients moved, the same table in every process.
import Balancing
import Testing
import Topology

@Suite struct MaglevTests {
    private func owners(_ policy: Maglev, clients: Int = 20_000) -> [Int] {
        (0..<clients).map { policy.pick(hash: StableHash.of("client \($0)"), excluding: nothing) ?? -1 }
    }

    @Test(arguments: [[1, 1, 1, 1, 1], [3, 1], [1, 2, 0, 4], Array(repeating: 256, count: 30)])
    func givesEachItsShare(_ weights: [Int]) {
        let owned = owners(Maglev(weights: weights, identities: identities(0..<weights.count)), clients: 100_000)
        let sum = weights.reduce(0, +)
        for (index, weight) in weights.enumerated() {
            let share = Double(owned.count { $0 == index }) / 100_000
            let wanted = Double(weight) / Double(sum)
            // The table's own unevenness (1 %) and four standard deviations of the sample.
            #expect(abs(share - wanted) <= 0.01 * wanted + 4 * (wanted * (1 - wanted) / 100_000).squareRoot())
        }
    }

    @Test(arguments: [5, 20, 50, 150, 200]) func movesFewClientsWhenOneGoes(_ count: Int) {
        var weights = [Int](repeating: 256, count: count)
        let before = owners(Maglev(weights: weights, identities: identities(0..<count)))
        weights[count / 2] = 0
        let after = owners(Maglev(weights: weights, identities: identities(0..<count)))
        #expect(!after.contains(count / 2) && !after.contains(-1))
        let needless = zip(before, after).count { $0 != $1 && $0 != count / 2 }
        // Section 5.3 of the paper measures a few per cent at these sizes; a plain modulo would move (n - 1) / n.
        #expect(Double(needless) / Double(before.count) < 0.05)
    }

    @Test func dependsOnIdentitiesNotOnTheirOrder() {
        let names = identities(0..<12)
        let forward = Maglev(weights: Array(1...12), identities: names)
        let backward = Maglev(weights: (1...12).reversed(), identities: names.reversed())
        #expect(owners(forward) == owners(backward).map { 11 - $0 })
    }

    @Test func neverChanges() {
        let policy = Maglev(weights: [1, 2, 3], identities: identities(0..<3))
        #expect((0..<12).map { policy.pick(hash: StableHash.of("c\($0)"), excluding: nothing) } == Self.golden)
    }

    private static let golden: [Int?] = [1, 2, 2, 2, 1, 1, 1, 1, 0, 0, 2, 1]

    @Test func theSecondChoiceIsStableAndAnother() {
        let policy = Maglev(weights: [1, 1, 1, 1], identities: identities(0..<4))
        var seconds = Set<Int>()
        for client in 0..<200 {
            let hash = StableHash.of("client \(client)")
            let first = policy.pick(hash: hash, excluding: nothing) ?? -1
            let second = policy.pick(hash: hash, excluding: excluding(first))
            #expect(second != first && second == policy.pick(hash: hash, excluding: excluding(first)))
            if first == 0 { seconds.insert(second ?? -1) }
        }
        // The clients of one that fails spread over all others.
        #expect(seconds == [1, 2, 3])
    }

    @Test func toleratesTooFewAndDoubleIdentities() {
        #expect(Maglev(weights: [], identities: []).pick(hash: 1, excluding: nothing) == nil)
        #expect(Maglev(weights: [0, 0], identities: [1, 2]).pick(hash: 1, excluding: nothing) == nil)
        #expect(Set(owners(Maglev(weights: [1, 1, 1], identities: [5, 5]))) == [0, 1, 2])
    }
}
