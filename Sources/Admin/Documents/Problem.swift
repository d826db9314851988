// Owns the one form of errors.

/// An error (RFC 9457).
package struct Problem: Codable, Sendable {
    package var title: String
    package var status: Int
    package var detail: String
    /// Those of a file, as they are printed.
    package var problems: [String]?
    /// Who leads the group, where another node may help.
    package var leader: String?
    /// The URL of its admin API, where it publishes one.
    package var leaderAdmin: String?
}
