// Owns what is changed in a response's head on its way to the client, for every version of HTTP.

/// How the body goes on to the client.
public enum BodyTransfer: Sendable {
    /// As it came.
    case verbatim
    /// A body that ends with the backend's connection, in chunks.
    case chunk
    /// Without framing: the client's connection ends with it.
    case untilClose
}

/// What a node, a service and a route change in the head of a response. Spans of the caller.
public struct ResponseEdits: ~Escapable {
    /// The request's id, added when the response has none.
    public let requestID: Span<UInt8>
    /// The value for `Date`, added when the response has none; empty: nothing is added.
    public let date: Span<UInt8>
    /// The node's name for `Via`; nil: no `Via`.
    public let via: Span<UInt8>?

    @_lifetime(copy requestID, copy date, copy via)
    public init(requestID: Span<UInt8>, date: Span<UInt8>, via: Span<UInt8>?) {
        self.requestID = requestID
        self.date = date
        self.via = via
    }
}

/// What a client's connection of HTTP/1 makes of a response.
public struct ResponseDelivery: Hashable, Sendable {
    /// Whether the connection stays open.
    public var keepsAlive = true
    /// Whether the client speaks HTTP/1.0, and has to be told that the connection stays.
    public var isOldClient = false
    public var transfer = BodyTransfer.verbatim
    /// Whether this is the answer to an upgrade to WebSocket.
    public var isUpgrade = false

    public init() {}
}
