// Owns the draw of an endpoint at random in proportion to weights, in constant time.

public import Topology

/// An alias table (Walker 1977, built as Vose 1991) over the endpoints whose weight is above 0.
///
/// Building is O(n); a draw is one random number, one load and one comparison, whatever the number of endpoints. It is
/// exact to 2^-32. *Positions* count the endpoints with a weight; *indices* count all endpoints.
public struct WeightedDraw: Sendable {
    /// One column of the table, with what a caller needs to know about its endpoint.
    @usableFromInline
    struct Column: Sendable {
        /// Low random bits below this stay in the column; the others go to `alias`.
        @usableFromInline var threshold: UInt32
        @usableFromInline var alias: UInt32
        @usableFromInline var index: UInt32
        @usableFromInline var weight: UInt32
    }

    @usableFromInline var columns: [Column]

    /// A table for `weights`, in the endpoints' order; weights are clamped to 0...`WeightLimit.maximum`.
    public init(weights: [Int]) {
        columns = []
        var total: UInt64 = 0
        for (index, given) in weights.enumerated() {
            let weight = WeightLimit.clamp(given)
            guard weight > 0 else { continue }
            let position = UInt32(columns.count)
            columns.append(Column(threshold: .max, alias: position, index: UInt32(index), weight: weight))
            total += UInt64(weight)
        }
        balance(total: total)
    }

    /// Fills the columns: each holds `total` units, an endpoint has weight × count of them, and what a light endpoint
    /// leaves of its column a heavy one takes.
    private mutating func balance(total: UInt64) {
        var units = columns.map { UInt64($0.weight) * UInt64(columns.count) }
        var light: [Int] = []
        var heavy: [Int] = []
        for position in units.indices {
            if units[position] < total { light.append(position) } else { heavy.append(position) }
        }
        while let small = light.popLast(), let large = heavy.last {
            columns[small].threshold = UInt32(truncatingIfNeeded: (units[small] << 32) / total)
            columns[small].alias = UInt32(large)
            units[large] -= total - units[small]
            if units[large] < total {
                heavy.removeLast()
                light.append(large)
            }
        }
    }

    /// How many endpoints have a weight.
    @inlinable
    public var count: Int { columns.count }

    /// The endpoint at a position.
    @inlinable
    func index(at position: Int) -> Int { Int(columns[position].index) }

    /// A position drawn by weight; only for `count` > 0.
    @inlinable
    func position(_ bits: UInt64) -> Int {
        let column = Int(truncatingIfNeeded: ((bits >> 32) &* UInt64(truncatingIfNeeded: columns.count)) >> 32)
        let low = UInt32(truncatingIfNeeded: bits)
        return low < columns[column].threshold ? column : Int(columns[column].alias)
    }

    /// One position drawn by weight among those not excluded, or among all when all are excluded; nil when none has a
    /// weight.
    @inlinable
    func one(excluding excluded: ExcludedIndices, random: inout RandomBits) -> Int? {
        guard count > 0 else { return nil }
        if excluded.isEmpty { return position(random.next()) }
        return scanByWeight(excluding: excluded, random: &random) ?? position(random.next())
    }

    /// Two different positions, the first drawn by weight, the second evenly from the others; twice the same when there
    /// is only one to draw. Excluded ones return when all are excluded. nil when none has a weight.
    @inlinable
    func pair(excluding excluded: ExcludedIndices, random: inout RandomBits) -> (Int, Int)? {
        guard count > 1 else { return count == 1 ? (0, 0) : nil }
        if !excluded.isEmpty, let first = scanByWeight(excluding: excluded, random: &random) {
            return (first, scanEvenly(besides: first, excluding: excluded, random: &random))
        }
        let first = position(random.next())
        let other = random.below(count - 1)
        return (first, other >= first ? other + 1 : other)
    }

    /// A draw by weight among those that are not excluded. O(n), but only used by further attempts.
    @usableFromInline
    func scanByWeight(excluding excluded: ExcludedIndices, random: inout RandomBits) -> Int? {
        var total: UInt64 = 0
        for column in columns where !excluded.contains(Int(column.index)) { total += UInt64(column.weight) }
        guard total > 0 else { return nil }
        var mark = random.next().multipliedFullWidth(by: total).high
        for (position, column) in columns.enumerated() where !excluded.contains(Int(column.index)) {
            if mark < UInt64(column.weight) { return position }
            mark -= UInt64(column.weight)
        }
        return nil
    }

    /// An even draw among the not excluded but for `first`, O(n); `first` when there is no other.
    @usableFromInline
    func scanEvenly(besides first: Int, excluding excluded: ExcludedIndices, random: inout RandomBits) -> Int {
        var chosen = first
        var seen = 0
        for (position, column) in columns.enumerated() where position != first && !excluded.contains(Int(column.index))
        {
            seen += 1
            // Reservoir sampling: the k-th candidate replaces the choice with probability 1/k.
            if random.below(seen) == 0 { chosen = position }
        }
        return chosen
    }
}
