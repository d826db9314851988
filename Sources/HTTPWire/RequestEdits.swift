// Owns what is changed in a request's head on its way to a backend, for every version of HTTP.

/// What a node, a service and a route change in the head of a request. Spans of the caller; nothing is copied or counted.
public struct RequestEdits: ~Escapable {
    /// The client's address as text.
    public var client: Span<UInt8>
    /// The path to send, when it was normalised; nil: as it came.
    public let normalizedPath: Span<UInt8>?
    /// The node's name for `Via`; nil: no `Via`.
    public let via: Span<UInt8>?
    /// Lines that the service adds, each with its CRLF.
    public var serviceLines: Span<UInt8>
    /// A `Host` for requests of HTTP/1.0 that have none.
    public var fallbackHost: Span<UInt8>
    /// Whether the client came by TLS.
    public var isSecure = false
    /// Whether the client is a proxy whose forwarded fields are kept and added to.
    public var trustsClient = false
    /// Whether names with `_` pass.
    public var passesUnderscores = false
    /// Whether `Expect` is left out, because the client was told to continue already.
    public var omitsExpect = false
    /// The value for `X-Request-Id`, when the request has none.
    public var requestID: Span<UInt8>

    @_lifetime(copy client, copy serviceLines, copy fallbackHost, copy normalizedPath, copy via, copy requestID)
    public init(
        client: Span<UInt8>, serviceLines: Span<UInt8>, fallbackHost: Span<UInt8>, normalizedPath: Span<UInt8>?,
        via: Span<UInt8>?, requestID: Span<UInt8>
    ) {
        self.client = client
        self.serviceLines = serviceLines
        self.fallbackHost = fallbackHost
        self.requestID = requestID
        self.normalizedPath = normalizedPath
        self.via = via
    }
}
