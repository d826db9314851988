// Owns the form of whether the group may move primaries by itself.

/// Whether automatic changes are frozen, and who said so.
package struct FreezeDocument: Codable, Sendable {
    package var frozen: Bool
    /// Absent while nobody ever froze anything, as are the others.
    package var author: String?
    package var reason: String?
    package var sinceMs: Int64?
}

/// What they are to be.
package struct FreezeBody: Codable, Sendable {
    package var frozen: Bool
    package var reason: String?

    package init(frozen: Bool, reason: String? = nil) {
        self.frozen = frozen
        self.reason = reason
    }
}
