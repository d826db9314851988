// Owns the form of one change, as programs get it.

/// One of the answer of GET /v1/events, and the data of one of its server-sent events.
package struct EventDocument: Codable, Sendable {
    package var index: UInt64
    package var timeMs: Int64
    package var author: String
    package var reason: String
    /// One sentence without a full stop.
    package var event: String
}
