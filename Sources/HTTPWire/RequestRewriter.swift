// Owns how a request is passed on: which lines stay, which go, which are added.

/// Writes the head that a backend gets.
public enum RequestRewriter {
    /// Bytes in which the rewritten head always fits; its lines are counted as if all of them were added.
    @inlinable
    public static func room(
        for head: RequestHead, headLength: Int, _ edits: borrowing RequestEdits
    ) -> Int {
        let lines = edits.serviceLines.count + edits.fallbackHost.count + edits.requestID.count
        let path = edits.normalizedPath?.count ?? 0
        // The authority may come as Host and as X-Forwarded-Host. 256: the names and fixed parts of all lines.
        return headLength + path + 2 * Int(head.authority.count) + edits.client.count + lines
            + (edits.via?.count ?? 0) + 256
    }

    /// Appends the rewritten head.
    ///
    /// - Returns: nil, or the reason to answer the request here after all: a loop (508), a head that does not fit (431),
    ///   `Max-Forwards` that is used up (200 to OPTIONS, 501 to TRACE) or no number (400).
    @_lifetime(writer: copy writer)
    public static func write(
        _ head: RequestHead, _ bytes: Span<UInt8>, _ edits: borrowing RequestEdits,
        into writer: inout OutputWriter
    ) -> WireError? {
        writeRequestLine(head, bytes, edits, &writer)
        var notes = Notes()
        writeFields(head, bytes, edits, &notes, &writer)
        if notes.isLoop { return WireError(508, "loop") }
        switch notes.forwards {
        case .some(..<0): return WireError(400, "max_forwards")
        case .some(0): return WireError(head.method == .options ? 200 : 501, "max_forwards")
        default: break
        }
        writeAdded(head, bytes, edits, notes, &writer)
        writer.append("\r\n")
        return writer.overflowed ? WireError(431, "head_too_large") : nil
    }

    /// What was seen among the lines, for those that are added to.
    struct Notes {
        var hasForwardedFor = false
        var forwardedProto = ByteRange.none
        var forwardedHost = ByteRange.none
        /// An `X-Request-Id` was seen: only the first counts, so that the log and the backend agree.
        var sawRequestID = false
        var keepsRequestID = false
        var keepsHost = false
        /// The framing line was not plain, so it is written anew.
        var rewritesFraming = false
        /// How often the request may still be forwarded, by us first; negative: what it says is no number.
        var forwards: Int?
        /// `Via` names this node already.
        var isLoop = false
    }

    @_lifetime(writer: copy writer)
    @inline(__always)
    private static func writeRequestLine(
        _ head: RequestHead, _ bytes: Span<UInt8>, _ edits: borrowing RequestEdits,
        _ writer: inout OutputWriter
    ) {
        if let path = edits.normalizedPath {
            writer.append(bytes, head.methodRange.lower, head.methodRange.upper + 1)
            writer.append(all: path)
            writer.append(bytes, head.query.lower, head.query.upper)
        } else if head.isAbsoluteForm {
            writer.append(bytes, head.methodRange.lower, head.methodRange.upper + 1)
            if head.isAsterisk { writer.append("*") }
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
        _ head: RequestHead, _ bytes: Span<UInt8>, _ edits: borrowing RequestEdits, _ notes: inout Notes,
        _ writer: inout OutputWriter
    ) {
        var runStart = head.fieldsStart
        for index in 0..<head.fields.count {
            let field = head.fields[index]
            var isDropped = !field.marks.isEmpty
            if field.marks == .underscore, edits.passesUnderscores { isDropped = bytes.readsAsOurs(field.name) }
            if field.known != .other, drops(field, head, bytes, edits, &notes) { isDropped = true }
            if isDropped {
                writer.append(bytes, runStart, field.name.lower)
                runStart = Int(field.end)
            }
        }
        if head.fields.count > 0 { writer.append(bytes, runStart, Int(head.fields[head.fields.count - 1].end)) }
    }

    /// Whether a known field is not copied, and what is to be known of it for those that are added.
    private static func drops(
        _ field: Field, _ head: RequestHead, _ bytes: Span<UInt8>, _ edits: borrowing RequestEdits,
        _ notes: inout Notes
    ) -> Bool {
        switch field.known {
        case .forwardedFor:
            if edits.trustsClient, !field.value.isEmpty { notes.hasForwardedFor = true }
            return true
        case .forwardedProto:
            if edits.trustsClient { notes.forwardedProto = field.value }
            return true
        case .forwardedHost:
            if edits.trustsClient { notes.forwardedHost = field.value }
            return true
        case .forwarded, .forwardedOther: return !edits.trustsClient
        case .via:
            if let via = edits.via, bytes.names(via, in: field.value) { notes.isLoop = true }
            return false
        case .requestID:
            guard !notes.sawRequestID else { return true }
            notes.sawRequestID = true
            notes.keepsRequestID = bytes.isRequestID(field.value)
            return !notes.keepsRequestID
        case .host:
            // An absolute target's authority replaces Host (RFC 9112 section 3.2.2).
            notes.keepsHost = !head.isAbsoluteForm && bytes.isPlain(field)
            return !notes.keepsHost
        case .expect:
            // An expectation of HTTP/1.0 is not one (RFC 9110 section 10.1.1), and would become one in 1.1.
            return edits.omitsExpect || head.minorVersion == 0
        case .contentLength:
            if head.framing == .none, head.method == .get { return true }
            notes.rewritesFraming = !bytes.isPlainLength(field)
            return notes.rewritesFraming
        case .transferEncoding:
            notes.rewritesFraming = !bytes.isPlain(field)
            return notes.rewritesFraming
        case .maxForwards:
            // It counts for these two only (RFC 9110 section 7.6.2). Of several lines the first counts.
            guard head.method == .options || head.method == .trace else { return false }
            if notes.forwards == nil { notes.forwards = bytes.number(field.value) }
            return true
        case .meridian: return true
        default: return false
        }
    }

    @_lifetime(writer: copy writer)
    @inline(__always)
    private static func writeAdded(
        _ head: RequestHead, _ bytes: Span<UInt8>, _ edits: borrowing RequestEdits, _ notes: Notes,
        _ writer: inout OutputWriter
    ) {
        if !notes.keepsHost { writeHost(head, bytes, edits, &writer) }
        if notes.rewritesFraming { writer.appendFraming(head.fields) }
        if let forwards = notes.forwards {
            writer.append("Max-Forwards: ")
            writer.append(decimal: forwards - 1)
            writer.append("\r\n")
        }
        writer.append("X-Forwarded-For: ")
        if notes.hasForwardedFor { appendForwardedFor(head, bytes, &writer) }
        writer.append(all: edits.client)
        writer.append("\r\nX-Forwarded-Proto: ")
        if notes.forwardedProto.isEmpty {
            if edits.isSecure { writer.append("https") } else { writer.append("http") }
        } else {
            writer.append(bytes, notes.forwardedProto.lower, notes.forwardedProto.upper)
        }
        let host = notes.forwardedHost.isEmpty ? head.authority : notes.forwardedHost
        if !host.isEmpty {
            writer.append("\r\nX-Forwarded-Host: ")
            writer.append(bytes, host.lower, host.upper)
        }
        if !notes.keepsRequestID {
            writer.append("\r\nX-Request-Id: ")
            writer.append(all: edits.requestID)
        }
        writer.append("\r\n")
        if let via = edits.via {
            // The protocol is the one that the message was received by (RFC 9110 section 7.6.3).
            if head.minorVersion == 0 { writer.append("Via: 1.0 ") } else { writer.append("Via: 1.1 ") }
            writer.append(all: via)
            writer.append("\r\n")
        }
        if head.wantsWebSocket {
            writer.append("Connection: Upgrade\r\nUpgrade: websocket\r\n")
        } else if head.acceptsTrailers {
            writer.append("TE: trailers\r\nConnection: TE\r\n")
        }
        writer.append(all: edits.serviceLines)
    }

    /// Appends the values of all lines of `X-Forwarded-For` as one list that goes on (RFC 9110 section 5.3).
    @_lifetime(writer: copy writer)
    private static func appendForwardedFor(_ head: RequestHead, _ bytes: Span<UInt8>, _ writer: inout OutputWriter) {
        for index in 0..<head.fields.count where head.fields[index].known == .forwardedFor {
            let value = head.fields[index].value
            if value.isEmpty { continue }
            writer.append(bytes, value.lower, value.upper)
            writer.append(", ")
        }
    }

    @_lifetime(writer: copy writer)
    private static func writeHost(
        _ head: RequestHead, _ bytes: Span<UInt8>, _ edits: borrowing RequestEdits,
        _ writer: inout OutputWriter
    ) {
        writer.append("Host: ")
        if head.authority.isEmpty {
            writer.append(all: edits.fallbackHost)
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

    /// A number of digits only, at most 999,999,999; -1 when it is none.
    fileprivate func number(_ value: ByteRange) -> Int {
        if value.isEmpty { return -1 }
        var number = 0
        for index in value.range {
            guard CharacterSets.isDigit(self[index]) else { return -1 }
            number = Swift.min(number * 10 + Int(self[index] &- 0x30), 999_999_999)
        }
        return number
    }

    /// Whether a name, with `_` read as `-`, is one that proxies or the framing of a message answer for: a backend that
    /// does not tell them apart must not take a client's word for it.
    fileprivate func readsAsOurs(_ name: ByteRange) -> Bool {
        if hasPrefix(name, "meridian-") || hasPrefix(name, "x-forwarded-") { return true }
        let ours: [StaticString] = [
            "x-request-id", "x-real-ip", "content-length", "transfer-encoding", "proxy-connection", "keep-alive",
        ]
        return ours.contains { Int(name.count) == $0.utf8CodeUnitCount && hasPrefix(name, $0) }
    }

    /// Whether a name begins with `prefix`, in any case and with `_` read as `-`.
    private func hasPrefix(_ name: ByteRange, _ prefix: StaticString) -> Bool {
        guard Int(name.count) >= prefix.utf8CodeUnitCount else { return false }
        return prefix.withUTF8Buffer { expected in
            for index in 0..<expected.count {
                let byte = self[name.lower + index]
                if (byte == 0x5F ? 0x2D : lowercased(name.lower + index)) != expected[index] { return false }
            }
            return true
        }
    }

    /// Whether a `Via` value has an element received by `name`.
    fileprivate func names(_ name: Span<UInt8>, in via: ByteRange) -> Bool {
        guard Int(via.count) >= name.count, name.count > 0 else { return false }
        for start in via.lower...(via.upper - name.count) {
            var index = 0
            while index < name.count, self[start + index] == name[index] { index += 1 }
            guard index == name.count else { continue }
            let end = start + name.count
            let endsThere = end == via.upper || self[end] == 0x2C || self[end] == 0x20 || self[end] == 0x09
            if endsThere, start > via.lower, self[start - 1] == 0x20 || self[start - 1] == 0x09 { return true }
        }
        return false
    }
}
