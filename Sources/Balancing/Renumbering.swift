// Owns the mapping from the indices of one version of an endpoint list to those of the next.

/// Where each endpoint of an old list stands in a new one, found by the endpoints' identities.
struct Renumbering {
    /// nil: the lists are the same, every index stays.
    private let newIndices: [Int32]?
    private let count: Int

    /// O(n). Of endpoints that share an identity the last takes over the state.
    init(from old: [UInt64], to new: [UInt64]) {
        count = new.count
        if old == new {
            newIndices = nil
            return
        }
        var places: [UInt64: Int32] = [:]
        places.reserveCapacity(new.count)
        for (index, identity) in new.enumerated() { places[identity] = Int32(truncatingIfNeeded: index) }
        newIndices = old.map { places[$0] ?? -1 }
    }

    /// The new index of the endpoint that had `old`; nil when it is gone.
    func newIndex(_ old: Int) -> Int? {
        guard let newIndices else { return old < count ? old : nil }
        guard newIndices.indices.contains(old), newIndices[old] >= 0 else { return nil }
        return Int(newIndices[old])
    }
}
