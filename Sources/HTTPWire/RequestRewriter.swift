// Owns how a request is passed on: which lines stay, which go, which are added (design §3).

/// What a request is rewritten with. Spans of the caller; nothing is copied or counted.
public struct RequestContext: ~Escapable {
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
    /// 128 random bits for an `X-Request-Id`, when the request has none.
    public var requestID: (UInt64, UInt64)

    @_lifetime(copy client, copy serviceLines, copy fallbackHost, copy normalizedPath, copy via)
    public init(
        client: Span<UInt8>, serviceLines: Span<UInt8>, fallbackHost: Span<UInt8>, normalizedPath: Span<UInt8>?,
        via: Span<UInt8>?, requestID: (UInt64, UInt64)
    ) {
        self.client = client
        self.serviceLines = serviceLines
        self.fallbackHost = fallbackHost
        self.requestID = requestID
        self.normalizedPath = normalizedPath
        self.via = via
    }
}

/// Writes the head that a backend gets.
public enum RequestRewriter {
    /// Appends the rewritten head.
    ///
    /// - Returns: nil, or the reason to refuse the request after all: a loop (508), or a head that does not fit (431).
    @_lifetime(writer: copy writer)
    public static func write(
        _ head: RequestHead, _ bytes: Span<UInt8>, _ context: borrowing RequestContext,
        into writer: inout OutputWriter
    ) -> WireError? {
        writeRequestLine(head, bytes, context, &writer)
        var notes = Notes()
        if let error = writeFields(head, bytes, context, &notes, &writer) { return error }
        writeAdded(head, bytes, context, notes, &writer)
        writer.append("\r\n")
        return writer.overflowed ? WireError(431, "head_too_large") : nil
    }

    /// What was seen among the lines, for those that are added to.
    struct Notes {
        var forwardedFor = ByteRange.none
        var forwardedProto = ByteRange.none
        var forwardedHost = ByteRange.none
        var via = ByteRange.none
        var requestID = ByteRange.none
        var hasHost = false
    }

    @_lifetime(writer: copy writer)
    @inline(__always)
    private static func writeRequestLine(
        _ head: RequestHead, _ bytes: Span<UInt8>, _ context: borrowing RequestContext,
        _ writer: inout OutputWriter
    ) {
        if let path = context.normalizedPath {
            writer.append(bytes, head.methodRange.lower, head.methodRange.upper + 1)
            writer.append(all: path)
            writer.append(bytes, head.query.lower, head.query.upper)
        } else if head.isAbsoluteForm {
            writer.append(bytes, head.methodRange.lower, head.methodRange.upper + 1)
            if head.path.isEmpty { writer.append("/") }
            writer.append(bytes, head.path.lower, head.path.upper)
            writer.append(bytes, head.query.lower, head.query.upper)
        } else {
            writer.append(bytes, head.lineStart, head.target.upper)
        }
        writer.append(" HTTP/1.1\r\n")
    }

    /// Copies the lines that stay, runs of them at once.
    @_lifetime(writer: copy writer)
    @inline(__always)
    private static func writeFields(
        _ head: RequestHead, _ bytes: Span<UInt8>, _ context: borrowing RequestContext, _ notes: inout Notes,
        _ writer: inout OutputWriter
    ) -> WireError? {
        var runStart = head.fieldsStart
        for index in 0..<head.fields.count {
            let field = head.fields[index]
            var isDropped = field.isDropped
            if isDropped, head.fields.hasUnderscore, context.passesUnderscores, field.known != .meridian {
                isDropped = !bytes.onlyDroppedForUnderscore(field)
            }
            if field.known != .other {
                if Self.drops(field, head, bytes, context, &notes) { isDropped = true }
            }
            if isDropped {
                writer.append(bytes, runStart, field.name.lower)
                runStart = Int(field.end)
            }
        }
        if head.fields.count > 0 { writer.append(bytes, runStart, Int(head.fields[head.fields.count - 1].end)) }
        if let via = context.via, !notes.via.isEmpty, bytes.names(via, in: notes.via) {
            return WireError(508, "loop")
        }
        return nil
    }

    private static func drops(
        _ field: Field, _ head: RequestHead, _ bytes: Span<UInt8>, _ context: borrowing RequestContext,
        _ notes: inout Notes
    ) -> Bool {
        switch field.known {
        case .forwardedFor:
            if context.trustsClient { notes.forwardedFor = field.value }
            return true
        case .forwardedProto:
            if context.trustsClient { notes.forwardedProto = field.value }
            return true
        case .forwardedHost:
            if context.trustsClient { notes.forwardedHost = field.value }
            return true
        case .forwarded: return !context.trustsClient
        case .via:
            guard context.via != nil else { return false }
            notes.via = field.value
            return false
        case .requestID:
            guard notes.requestID.isEmpty, bytes.isRequestID(field.value) else { return true }
            notes.requestID = field.value
            return false
        case .host:
            notes.hasHost = true
            return false
        case .expect: return context.omitsExpect
        case .contentLength: return head.framing == .none && head.method == .get
        case .meridian: return true
        default: return false
        }
    }

    @_lifetime(writer: copy writer)
    @inline(__always)
    private static func writeAdded(
        _ head: RequestHead, _ bytes: Span<UInt8>, _ context: borrowing RequestContext, _ notes: Notes,
        _ writer: inout OutputWriter
    ) {
        if !notes.hasHost { writeHost(head, bytes, context, &writer) }
        writer.append("X-Forwarded-For: ")
        if !notes.forwardedFor.isEmpty {
            writer.append(bytes, notes.forwardedFor.lower, notes.forwardedFor.upper)
            writer.append(", ")
        }
        writer.append(all: context.client)
        writer.append("\r\nX-Forwarded-Proto: ")
        if notes.forwardedProto.isEmpty {
            if context.isSecure { writer.append("https") } else { writer.append("http") }
        } else {
            writer.append(bytes, notes.forwardedProto.lower, notes.forwardedProto.upper)
        }
        let host = notes.forwardedHost.isEmpty ? head.authority : notes.forwardedHost
        if !host.isEmpty {
            writer.append("\r\nX-Forwarded-Host: ")
            writer.append(bytes, host.lower, host.upper)
        }
        if notes.requestID.isEmpty {
            writer.append("\r\nX-Request-Id: ")
            writer.append(hex: context.requestID.0)
            writer.append(hex: context.requestID.1)
        }
        writer.append("\r\n")
        if let via = context.via {
            writer.append("Via: 1.1 ")
            writer.append(all: via)
            writer.append("\r\n")
        }
        if head.acceptsTrailers { writer.append("TE: trailers\r\n") }
        if head.wantsWebSocket {
            writer.append("Connection: Upgrade\r\nUpgrade: websocket\r\n")
        } else if head.acceptsTrailers {
            writer.append("Connection: TE\r\n")
        }
        writer.append(all: context.serviceLines)
    }

    @_lifetime(writer: copy writer)
    private static func writeHost(
        _ head: RequestHead, _ bytes: Span<UInt8>, _ context: borrowing RequestContext,
        _ writer: inout OutputWriter
    ) {
        writer.append("Host: ")
        if head.authority.isEmpty {
            writer.append(all: context.fallbackHost)
        } else {
            writer.append(bytes, head.authority.lower, head.authority.upper)
        }
        writer.append("\r\n")
    }
}

extension Span<UInt8> {
    /// 1 to 128 token characters.
    public func isRequestID(_ value: ByteRange) -> Bool {
        guard (1...128).contains(Int(value.count)) else { return false }
        for index in value.range where !CharacterSets.isToken(self[index]) { return false }
        return true
    }

    /// Whether a dropped field has an underscore in its name and would pass otherwise. `meridian_…` never does.
    fileprivate func onlyDroppedForUnderscore(_ field: Field) -> Bool {
        guard field.known == .other else { return false }
        var hasUnderscore = false
        for index in field.name.range where self[index] == 0x5F { hasUnderscore = true }
        guard hasUnderscore else { return false }
        let isOurs = field.name.count >= 9 && equalsIgnoringCase(ByteRange(start: field.name.lower, count: 8), "meridian")
        let isForwarded = field.name.count >= 11
            && equalsIgnoringCase(ByteRange(start: field.name.lower + 2, count: 9), "forwarded")
        return !isOurs && !isForwarded
    }

    /// Whether a `Via` value has an element received by `name`.
    fileprivate func names(_ name: Span<UInt8>, in via: ByteRange) -> Bool {
        guard Int(via.count) >= name.count, name.count > 0 else { return false }
        for start in via.lower...(via.upper - name.count) {
            var index = 0
            while index < name.count, self[start + index] == name[index] { index += 1 }
            guard index == name.count else { continue }
            let end = start + name.count
            let endsThere = end == via.upper || self[end] == 0x2C || self[end] == 0x20
            if endsThere, start > via.lower, self[start - 1] == 0x20 { return true }
        }
        return false
    }
}
