// Owns what the tests of distributions share: counting picks, and judging the counts by chi-squared.
import Balancing
import Topology

let nothing = ExcludedIndices()
let start = Tick(nanoseconds: 1_000_000_000)

func excluding(_ indices: Int...) -> ExcludedIndices {
    var excluded = ExcludedIndices()
    for index in indices { excluded.insert(index) }
    return excluded
}

/// Stand-ins for hashes of addresses.
func identities(_ range: Range<Int>) -> [UInt64] { range.map { StableHash.of("10.0.0.\($0):80") } }

/// How often each of `count` indices comes up.
func tally(_ picks: Int, over count: Int, _ pick: () -> Int?) -> [Int] {
    var counts = [Int](repeating: 0, count: count)
    for _ in 0..<picks {
        if let index = pick() { counts[index] += 1 }
    }
    return counts
}

/// Pearson's statistic of `counts` against `weights`, over the categories with a weight, divided by its critical value
/// at p = 0.001 (by Wilson and Hilferty's approximation): above 1, the counts do not follow the weights.
func misfit(_ counts: [Int], _ weights: [Int]) -> Double {
    let total = Double(counts.reduce(0, +))
    let sum = Double(weights.reduce(0, +))
    var statistic = 0.0
    var categories = 0.0
    for (count, weight) in zip(counts, weights) where weight > 0 {
        let expected = total * Double(weight) / sum
        statistic += (Double(count) - expected) * (Double(count) - expected) / expected
        categories += 1
    }
    let freedom = max(categories - 1, 1)
    let root = 1 - 2 / (9 * freedom) + 3.0902 * (2 / (9 * freedom)).squareRoot()
    return statistic / (freedom * root * root * root)
}
