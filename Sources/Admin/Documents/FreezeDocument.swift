// Owns the form of whether the group may move primaries by itself.

/// Whether automatic changes are frozen, and who said so.
package struct FreezeDocument: Codable, Sendable {
    package var frozen: Bool
    /// Absent, like the others, if nobody ever froze anything.
    package var author: String?
    package var reason: String?
    package var sinceMs: Int64?
}

/// The wanted state.
package struct FreezeBody: Codable, Sendable {
    package var frozen: Bool
    package var reason: String?

    package init(frozen: Bool, reason: String? = nil) {
        self.frozen = frozen
        self.reason = reason
    }
}
