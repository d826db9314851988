// Owns the few indices that earlier attempts of a request have used.

/// The endpoints that have been tried. Further attempts avoid them.
public typealias ExcludedEndpoints = ExcludedIndices
/// The datacenters that have been tried.
public typealias ExcludedDatacenters = ExcludedIndices

/// A set of at most eight indices, held inline: a request carries one without an allocation.
///
/// The indices belong to one version of the routing table; a request that sees a newer table starts with an empty set.
public struct ExcludedIndices: Sendable {
    /// The most indices that it remembers; one more replaces the oldest.
    public static let capacity = 8

    @usableFromInline var entries = InlineArray<8, Int32>(repeating: -1)
    @usableFromInline var inserted = 0

    /// The empty set.
    @inlinable
    public init() {}

    /// Whether nothing is excluded, as in every first attempt.
    @inlinable
    public var isEmpty: Bool { inserted == 0 }

    /// Adds `index`. With eight in the set already, the oldest is forgotten.
    @inlinable
    public mutating func insert(_ index: Int) {
        guard !contains(index) else { return }
        entries[inserted & 7] = Int32(truncatingIfNeeded: index)
        inserted &+= 1
    }

    /// Whether `index` is excluded; costs nothing on the empty set.
    @inlinable
    public func contains(_ index: Int) -> Bool {
        let wanted = Int32(truncatingIfNeeded: index)
        for slot in 0..<min(inserted, 8) where entries[slot] == wanted { return true }
        return false
    }
}
