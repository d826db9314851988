// Owns the form of a reload's outcome.

/// The answer of POST /v1/reload.
package struct ReloadAnswer: Codable, Sendable {
    package var reloaded: Bool
    /// Printed problems of several lines.
    package var warnings: [String]
}
