// Owns how a response is passed on.

/// How the body goes on to the client.
public enum BodyTransfer: Sendable {
    /// As it came.
    case verbatim
    /// A body that ends with the backend's connection, in chunks.
    case chunk
    /// Without framing: the client's connection ends with it.
    case untilClose
}

/// What a response is rewritten with.
public struct ResponseContext: ~Escapable {
    /// The request's id, added when the response has none.
    public var requestID: Span<UInt8>
    /// The node's name for `Via`; nil: no `Via`.
    public let via: Span<UInt8>?
    /// Whether the connection stays open.
    public var keepsAlive: Bool
    /// Whether the client speaks HTTP/1.0, and has to be told that the connection stays.
    public var isOldClient: Bool
    public var transfer: BodyTransfer
    /// Whether this is the answer to an upgrade to WebSocket.
    public var isUpgrade = false

    @_lifetime(copy requestID, copy via)
    public init(
        requestID: Span<UInt8>, via: Span<UInt8>?, keepsAlive: Bool, isOldClient: Bool, transfer: BodyTransfer
    ) {
        self.requestID = requestID
        self.keepsAlive = keepsAlive
        self.isOldClient = isOldClient
        self.transfer = transfer
        self.via = via
    }
}

/// Writes the head that a client gets.
public enum ResponseRewriter {
    /// Appends the rewritten head; the writer's `overflowed` tells when it did not fit.
    @_lifetime(writer: copy writer)
    public static func write(
        _ head: ResponseHead, _ bytes: Span<UInt8>, _ context: borrowing ResponseContext,
        into writer: inout OutputWriter
    ) {
        writer.append("HTTP/1.1")
        let endsWithConnection = context.transfer == .untilClose
        var runStart = 8
        var hasRequestID = false
        for index in 0..<head.fields.count {
            let field = head.fields[index]
            if field.known == .requestID { hasRequestID = true }
            let removesFraming = endsWithConnection && field.known == .transferEncoding
            // A body that cannot be announced may not carry a length either (RFC 9110 section 8.6).
            let isForbidden = field.known == .contentLength && (head.status == 204 || head.status < 200)
            // A dropped underscore is for requests: backends' names are their own.
            let isDropped = field.isDropped && field.known != .other || field.isDropped && head.fields.hasConnection
            if isDropped || removesFraming || isForbidden {
                writer.append(bytes, runStart, field.name.lower)
                runStart = Int(field.end)
            }
        }
        let end = head.fields.count > 0 ? Int(head.fields[head.fields.count - 1].end) : head.fieldsStart
        writer.append(bytes, runStart, end)
        writeAdded(head, context, hasRequestID, &writer)
        writer.append("\r\n")
    }

    @_lifetime(writer: copy writer)
    @inline(__always)
    private static func writeAdded(
        _ head: ResponseHead, _ context: borrowing ResponseContext, _ hasRequestID: Bool,
        _ writer: inout OutputWriter
    ) {
        if !hasRequestID, !head.isInformational, context.requestID.count > 0 {
            writer.append("X-Request-Id: ")
            writer.append(all: context.requestID)
            writer.append("\r\n")
        }
        if let via = context.via {
            writer.append("Via: 1.1 ")
            writer.append(all: via)
            writer.append("\r\n")
        }
        if context.isUpgrade {
            writer.append("Connection: Upgrade\r\nUpgrade: websocket\r\n")
        } else if head.isInformational {
            return
        } else if !context.keepsAlive {
            writer.append("Connection: close\r\n")
        } else if context.isOldClient {
            writer.append("Connection: keep-alive\r\n")
        }
        if context.transfer == .chunk { writer.append("Transfer-Encoding: chunked\r\n") }
    }
}
