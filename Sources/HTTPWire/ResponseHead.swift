// Owns what is known of a response once its head is parsed, and the strict parse of it.

/// One response's head as offsets into its bytes. Reused for every response of a worker.
public final class ResponseHead {
    public internal(set) var status = 0
    public internal(set) var minorVersion: UInt8 = 1
    /// The reason phrase; empty when there is none.
    public internal(set) var reason = ByteRange.none
    /// Where the field lines begin.
    public internal(set) var fieldsStart = 0
    public internal(set) var framing = BodyFraming.none
    /// Whether it is a 101 that switches to WebSocket: of HTTP/1.1, with `Upgrade: websocket`, the connection option and one
    /// `Sec-WebSocket-Accept` (RFC 6455 section 4.1). Any other 101 is no answer that a proxy can pass on.
    public internal(set) var acceptsWebSocket = false
    public let fields = FieldTable()
    var searched = 0
    /// Whether the status line reads as it should be sent: one space before the reason, CRLF behind it.
    var hasPlainStatusLine = true

    public init() {}

    /// Whether the connection may carry another request (RFC 9112 section 9.3).
    @inlinable
    public var keepsAlive: Bool {
        if fields.saysClose || framing == .untilClose { return false }
        return minorVersion >= 1 || fields.saysKeepAlive
    }

    @inlinable public var isInformational: Bool { status < 200 }

    /// Whether the status alone says that there is no body (RFC 9112 section 6.3).
    var isWithoutBody: Bool { status < 200 || status == 204 || status == 304 }

    /// Forgets a head of which only a part had come.
    public func reset() { searched = 0 }

    /// Whether the body is a stream of events, which pauses by nature. One has no length (WHATWG HTML section 9.2).
    @inline(__always)
    public func isEventStream(_ bytes: Span<UInt8>) -> Bool {
        if case .length = framing { return false }
        return findsEventStream(bytes)
    }

    private func findsEventStream(_ bytes: Span<UInt8>) -> Bool {
        for index in 0..<fields.count where fields[index].known == .other {
            let field = fields[index]
            guard field.name.count == 12, bytes.equalsIgnoringCase(field.name, "content-type") else { continue }
            return field.value.count >= 17
                && bytes.equalsIgnoringCase(ByteRange(start: field.value.lower, count: 17), "text/event-stream")
        }
        return false
    }

    /// Seconds of `Keep-Alive: timeout=N`; nil without it.
    public func keepAliveTimeout(_ bytes: Span<UInt8>) -> Int? {
        guard let value = fields.value(of: .keepAlive), value.count > 8 else { return nil }
        for start in value.lower...(value.upper - 8)
        where bytes.equalsIgnoringCase(ByteRange(start: start, count: 8), "timeout=") {
            var seconds = 0
            var index = start + 8
            while index < value.upper, CharacterSets.isDigit(bytes[index]), seconds < 100_000 {
                seconds = seconds * 10 + Int(bytes[index] &- 0x30)
                index += 1
            }
            return index > start + 8 ? seconds : nil
        }
        return nil
    }
}

/// Parses response heads (RFC 9112 sections 4 to 6). Every failure is 502 material.
public struct ResponseHeadParser: Sendable {
    public let maximumHead: Int
    public let maximumFields: Int

    public init(maximumHead: Int = 32 << 10, maximumFields: Int = 128) {
        self.maximumHead = min(max(maximumHead, 64), 65_535)
        self.maximumFields = min(max(maximumFields, 1), FieldTable.capacity)
    }

    /// Parses the head that `bytes` begins with; see `RequestHeadParser.parse` for `needMore`.
    ///
    /// - Parameters:
    ///   - method: of the request that it answers: responses to HEAD have no body.
    ///   - lenient: whether a bare LF may end a line, and framing fields of 1xx, 204 and 304 are ignored (RFC 9112 section
    ///     6.3, the first rule) and not passed on. Else those that announce a body are refused.
    public func parse(
        _ input: Span<UInt8>, method: RequestMethod, lenient: Bool, into head: ResponseHead
    ) -> HeadOutcome {
        let bytes = input.count > maximumHead ? input.extracting(first: maximumHead) : input
        if head.searched > 0, !RequestHeadParser.findEnd(bytes, &head.searched), bytes.count < maximumHead {
            return .needMore
        }
        head.fields.reset()
        let outcome = parseAll(bytes, method, lenient, head)
        head.searched = 0
        switch outcome {
        case .complete: return outcome
        case .needMore:
            if bytes.count >= maximumHead { return .failed(WireError(502, "head_too_large")) }
            head.searched = max(0, bytes.count - 3)
            return .needMore
        case .failed(let error):
            return .failed(WireError(502, error.reason.value))
        }
    }

    @inline(__always)
    private func parseAll(
        _ bytes: Span<UInt8>, _ method: RequestMethod, _ lenient: Bool, _ head: ResponseHead
    ) -> HeadOutcome {
        switch parseStatusLine(bytes, lenient, head) {
        case .complete(let next): head.fieldsStart = next
        case let other: return other
        }
        let rules = FieldRules(
            maximumFields: maximumFields, acceptsBareLineFeeds: lenient, isRequest: false)
        head.fields.ignoresFraming = lenient && head.isWithoutBody
        switch head.fields.parse(bytes, from: head.fieldsStart, rules) {
        case .needMore: return .needMore
        case .failed(let error): return .failed(error)
        case .end(let end):
            if let error = judge(method, head) { return .failed(error) }
            head.acceptsWebSocket = head.status == 101 && head.isWebSocketAcceptance(bytes)
            return .complete(end)
        }
    }

    @inline(__always)
    private func parseStatusLine(_ bytes: Span<UInt8>, _ lenient: Bool, _ head: ResponseHead) -> HeadOutcome {
        guard bytes.count >= 13 else { return .needMore }
        let word = bytes.word(0)
        guard word & 0x00FF_FFFF_FFFF_FFFF == 0x002E_312F_5054_5448 else { return .failed(WireError(502, "version")) }
        let minor = UInt8(truncatingIfNeeded: word >> 56)
        guard minor == 0x30 || minor == 0x31 else { return .failed(WireError(502, "version")) }
        head.minorVersion = minor &- 0x30
        let digits = (bytes[9], bytes[10], bytes[11])
        guard bytes[8] == 0x20, CharacterSets.isDigit(digits.0), CharacterSets.isDigit(digits.1),
            CharacterSets.isDigit(digits.2), digits.0 != 0x30
        else { return .failed(WireError(502, "status_line")) }
        head.status = Int(digits.0 &- 0x30) * 100 + Int(digits.1 &- 0x30) * 10 + Int(digits.2 &- 0x30)
        var index = bytes[12] == 0x20 ? bytes.endOfFieldValue(13) : 12
        guard index < bytes.count else { return .needMore }
        head.reason = index > 13 ? ByteRange(start: 13, count: index - 13) : .none
        head.hasPlainStatusLine = bytes[12] == 0x20 && bytes[index] == 0x0D
        if bytes[index] == 0x0D {
            guard index + 1 < bytes.count else { return .needMore }
            index += 1
        } else if !lenient {
            return .failed(WireError(502, "status_line"))
        }
        return bytes[index] == 0x0A ? .complete(index + 1) : .failed(WireError(502, "status_line"))
    }

    /// How the body ends (RFC 9112 section 6.3).
    @inline(__always)
    private func judge(_ method: RequestMethod, _ head: ResponseHead) -> WireError? {
        let isEncoded = head.fields.hasTransferEncoding
        if isEncoded, head.minorVersion == 0 { return WireError(502, "transfer_encoding_in_1_0") }
        if method == .head || head.isWithoutBody {
            // 1xx and 204 may not announce a body at all (RFC 9110 section 8.6, RFC 9112 section 6.1).
            if isEncoded, head.status == 204 || head.status < 200 { return WireError(502, "body_not_allowed") }
            head.framing = .none
        } else if isEncoded {
            head.framing = .chunked
        } else if head.fields.hasContentLength {
            head.framing = head.fields.contentLength > 0 ? .length(head.fields.contentLength) : .none
        } else {
            head.framing = .untilClose
        }
        return nil
    }
}
