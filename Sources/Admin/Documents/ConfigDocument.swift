// Owns the form of the file that the settings in force came from.

/// The answer of GET /v1/config.
package struct ConfigDocument: Codable, Sendable {
    package var path: String
    package var sha256: String
    /// As it is in the file: `${…}` is not replaced.
    package var text: String
}
