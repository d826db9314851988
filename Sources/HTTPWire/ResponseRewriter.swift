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
    /// The value for `Date`, added when the response has none; empty: nothing is added.
    public var date: Span<UInt8>
    /// The node's name for `Via`; nil: no `Via`.
    public let via: Span<UInt8>?
    /// Whether the connection stays open.
    public var keepsAlive: Bool
    /// Whether the client speaks HTTP/1.0, and has to be told that the connection stays.
    public var isOldClient: Bool
    public var transfer: BodyTransfer
    /// Whether this is the answer to an upgrade to WebSocket.
    public var isUpgrade = false

    @_lifetime(copy requestID, copy date, copy via)
    public init(
        requestID: Span<UInt8>, date: Span<UInt8>, via: Span<UInt8>?, keepsAlive: Bool, isOldClient: Bool,
        transfer: BodyTransfer
    ) {
        self.requestID = requestID
        self.date = date
        self.keepsAlive = keepsAlive
        self.isOldClient = isOldClient
        self.transfer = transfer
        self.via = via
    }
}

/// Writes the head that a client gets.
public enum ResponseRewriter {
    /// Bytes in which the rewritten head always fits.
    @inlinable
    public static func room(
        for head: ResponseHead, headLength: Int, _ context: borrowing ResponseContext
    ) -> Int {
        // A line that was read leniently may grow by a space and a CR. 168: the names and fixed parts of all lines.
        headLength + 2 * (head.fields.count + 1) + context.requestID.count + context.date.count
            + (context.via?.count ?? 0) + 168
    }

    /// Appends the rewritten head; the writer's `overflowed` tells when it did not fit.
    @_lifetime(writer: copy writer)
    public static func write(
        _ head: ResponseHead, _ bytes: Span<UInt8>, _ context: borrowing ResponseContext,
        into writer: inout OutputWriter
    ) {
        writer.append("HTTP/1.1")
        var notes = Notes()
        if head.hasPlainStatusLine, !head.fields.hasBareLineFeed {
            copyLines(head, bytes, context, &notes, &writer)
        } else {
            writeLines(head, bytes, context, &notes, &writer)
        }
        if notes.rewritesFraming { writer.appendFraming(head.fields) }
        writeAdded(head, context, notes, &writer)
        writer.append("\r\n")
    }

    private struct Notes {
        var hasRequestID = false
        var hasDate = false
        /// The framing line was not plain, so it is written anew.
        var rewritesFraming = false
    }

    /// Copies the status line behind the version and the lines that stay, runs of them at once.
    @_lifetime(writer: copy writer)
    @inline(__always)
    private static func copyLines(
        _ head: ResponseHead, _ bytes: Span<UInt8>, _ context: borrowing ResponseContext, _ notes: inout Notes,
        _ writer: inout OutputWriter
    ) {
        var runStart = 8
        for index in 0..<head.fields.count {
            let field = head.fields[index]
            if drops(field, head, bytes, context, &notes) {
                writer.append(bytes, runStart, field.name.lower)
                runStart = Int(field.end)
            }
        }
        let end = head.fields.count > 0 ? Int(head.fields[head.fields.count - 1].end) : head.fieldsStart
        writer.append(bytes, runStart, end)
    }

    /// Writes the lines of a head that was read leniently, so that its client gets one without fault.
    @_lifetime(writer: copy writer)
    private static func writeLines(
        _ head: ResponseHead, _ bytes: Span<UInt8>, _ context: borrowing ResponseContext, _ notes: inout Notes,
        _ writer: inout OutputWriter
    ) {
        writer.append(" ")
        writer.append(decimal: head.status)
        writer.append(" ")
        writer.append(bytes, head.reason.lower, head.reason.upper)
        writer.append("\r\n")
        for index in 0..<head.fields.count {
            let field = head.fields[index]
            if drops(field, head, bytes, context, &notes) { continue }
            writer.append(bytes, field.name.lower, field.name.upper)
            writer.append(": ")
            writer.append(bytes, field.value.lower, field.value.upper)
            writer.append("\r\n")
        }
    }

    @inline(__always)
    private static func drops(
        _ field: Field, _ head: ResponseHead, _ bytes: Span<UInt8>, _ context: borrowing ResponseContext,
        _ notes: inout Notes
    ) -> Bool {
        if field.isHopByHop { return true }
        switch field.known {
        case .requestID: notes.hasRequestID = true
        case .date: notes.hasDate = true
        case .contentLength:
            // What has no body may not announce one either (RFC 9110 section 8.6).
            if head.status == 204 || head.status < 200 { return true }
            notes.rewritesFraming = !bytes.isPlainLength(field)
            return notes.rewritesFraming
        case .transferEncoding:
            // Nobody sends chunks to a client of HTTP/1.0, nor speaks of them (RFC 9112 section 6.1).
            if context.transfer == .untilClose || context.isOldClient { return true }
            notes.rewritesFraming = !bytes.isPlain(field)
            return notes.rewritesFraming
        default: break
        }
        return false
    }

    @_lifetime(writer: copy writer)
    @inline(__always)
    private static func writeAdded(
        _ head: ResponseHead, _ context: borrowing ResponseContext, _ notes: Notes,
        _ writer: inout OutputWriter
    ) {
        // Who has a clock and passes on a response without a date adds that of its arrival (RFC 9110 section 6.6.1).
        if !notes.hasDate, !head.isInformational, context.date.count > 0 {
            writer.append("Date: ")
            writer.append(all: context.date)
            writer.append("\r\n")
        }
        if !notes.hasRequestID, !head.isInformational, context.requestID.count > 0 {
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
        // Only a body that has no end of its own is put into chunks: how the final response is sent says nothing of an
        // interim one, nor of one without a body (RFC 9112 section 6.1).
        if context.transfer == .chunk, head.framing == .untilClose { writer.append("Transfer-Encoding: chunked\r\n") }
    }
}
