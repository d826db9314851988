// Owns the reading of a block into a head of HTTP/1.1: how far, and within which bounds.
import HTTPWire

/// What is known of the stream whose head is read.
struct HeadContext {
    /// No body follows.
    var endsStream = false
    /// Of the request that a response answers.
    var method = RequestMethod.get
    /// A request may ask for WebSocket, or a response answers one that did.
    var allowsTunnel = false
    /// The answer to the key of such a request.
    var accept: [UInt8] = []
}

extension HeadScratch {
    /// The most fields of a block that are looked at: those beyond the limit on fields cost time alone.
    static let maximumSkipped = 1024

    /// Reads a block. Afterwards `text` holds it, and a request or a response is parsed.
    mutating func read(
        _ kind: HeadKind, _ block: Span<UInt8>, _ decoder: inout HPACKDecoder, _ context: HeadContext
    ) -> HeadReading {
        // The memory is moved out, so that one piece may be read while another is written.
        var text: [UInt8] = []
        var pseudo: [UInt8] = []
        var cookie: [UInt8] = []
        swap(&text, &self.text)
        swap(&pseudo, &self.pseudo)
        swap(&cookie, &self.cookie)
        var parts = HeadParts()
        parts.kind = kind
        var reading = readFields(block, &decoder, &parts, &text, &pseudo, &cookie)
        if reading == .complete {
            if parts.fault == nil, !parts.sawRegular { parts.begin(&text, pseudo.span) }
            if let fault = parts.fault {
                reading = .malformed(fault)
            } else if kind == .request {
                reading = finishRequest(&parts, &text, pseudo.span, cookie.span, context)
            } else if kind == .response {
                reading = finishResponse(&parts, &text, &pseudo, context)
            }
        }
        textCount = parts.textCount
        self.parts = parts
        swap(&text, &self.text)
        swap(&pseudo, &self.pseudo)
        swap(&cookie, &self.cookie)
        return reading
    }

    /// Reads all fields.
    private func readFields(
        _ block: Span<UInt8>, _ decoder: inout HPACKDecoder, _ parts: inout HeadParts, _ text: inout [UInt8],
        _ pseudo: inout [UInt8], _ cookie: inout [UInt8]
    ) -> HeadReading {
        decoder.beginBlock()
        var position = 0
        while true {
            let isDropped = parts.isTooLarge || parts.fault != nil
            let isInPseudo = !parts.sawRegular && !isDropped
            let start = isDropped ? 0 : isInPseudo ? parts.pseudoCount : parts.textCount
            let step: HPACKStep
            let overflowed: Bool
            if isInPseudo {
                var writer = OutputWriter(pseudo.mutableSpan, startingAt: start)
                step = decoder.next(block, &position, into: &writer)
                overflowed = writer.overflowed
            } else {
                var writer = OutputWriter(text.mutableSpan, startingAt: start)
                step = decoder.next(block, &position, discards: isDropped, into: &writer)
                overflowed = writer.overflowed
            }
            let field: HPACKField
            switch step {
            case .end: return parts.isTooLarge ? .tooLarge : .complete
            case .failed(let fault): return .broken(fault)
            case .field(let found): field = found
            }
            parts.fields += 1
            parts.bytes += field.nameCount + field.valueCount + DynamicTable.overhead
            if parts.fields > Self.maximumSkipped { return .flood }
            if overflowed || parts.fields > maximumFields || parts.bytes > maximumHead { parts.isTooLarge = true }
            if isDropped || parts.isTooLarge { continue }
            if isInPseudo {
                if field.nameCount > 0, pseudo[start] == 0x3A {
                    parts.takePseudo(start, field, pseudo.span, tables)
                    continue
                }
                parts.begin(&text, pseudo.span)
                if parts.fault != nil { continue }
                var writer = OutputWriter(text.mutableSpan, startingAt: parts.textCount)
                writer.append(pseudo.span, start, start + field.nameCount + 2 + field.valueCount)
            }
            parts.takeRegular(field, &text, &cookie, pseudo.span, tables)
        }
    }

    /// Ends the text of a request and parses it by the rules of HTTP/1.
    private func finishRequest(
        _ parts: inout HeadParts, _ text: inout [UInt8], _ pseudo: Span<UInt8>, _ cookie: Span<UInt8>,
        _ context: HeadContext
    ) -> HeadReading {
        if let name = parts.protocolName {
            guard context.allowsTunnel else { return .malformed(StaticText("protocol_not_offered")) }
            let range = ByteRange(start: name.lowerBound, count: name.count)
            guard pseudo.equalsIgnoringCase(range, "websocket") else {
                return .refused(WireError(501, "unknown_protocol"))
            }
        }
        var writer = OutputWriter(text.mutableSpan, startingAt: parts.textCount)
        if parts.cookieCount > 0 {
            writer.append("cookie: ")
            writer.append(cookie, 0, parts.cookieCount)
            writer.append("\r\n")
        }
        if parts.protocolName != nil {
            writer.append("connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: ")
            writer.append(all: webSocketKey.span)
            writer.append("\r\n")
        } else if !context.endsStream, !parts.hasLength {
            writer.append("transfer-encoding: chunked\r\n")
        }
        writer.append("\r\n")
        parts.textCount = writer.count
        if writer.overflowed { return .tooLarge }
        request.reset()
        switch requestParser.parse(text.span.extracting(first: parts.textCount), into: request) {
        case .complete(let count): return count == parts.textCount ? .complete : .malformed(StaticText("two_messages"))
        case .needMore: return .malformed(StaticText("unfinished"))
        case .failed(let error): return .refused(error)
        }
    }

    /// Ends the text of a response and parses it.
    private func finishResponse(
        _ parts: inout HeadParts, _ text: inout [UInt8], _ pseudo: inout [UInt8], _ context: HeadContext
    ) -> HeadReading {
        let isAccepted = context.allowsTunnel && (200..<300).contains(parts.status)
        if isAccepted {
            Self.acceptTunnel(&parts, text.span, &pseudo, context.accept.span)
            swap(&text, &pseudo)
        }
        let mayHaveBody = parts.status >= 200 && parts.status != 204 && parts.status != 304 && context.method != .head
        var writer = OutputWriter(text.mutableSpan, startingAt: parts.textCount)
        if !isAccepted, !context.endsStream, !parts.hasLength, mayHaveBody {
            writer.append("transfer-encoding: chunked\r\n")
        }
        writer.append("\r\n")
        parts.textCount = writer.count
        if writer.overflowed { return .tooLarge }
        response.reset()
        let outcome = responseParser.parse(
            text.span.extracting(first: parts.textCount), method: context.method, lenient: false, into: response)
        switch outcome {
        case .complete(let count): return count == parts.textCount ? .complete : .malformed(StaticText("two_messages"))
        case .needMore: return .malformed(StaticText("unfinished"))
        case .failed(let error): return .malformed(error.reason)
        }
    }

    /// Writes the head of a response that accepts WebSocket as HTTP/1.1 has it, where the pseudo fields were.
    private static func acceptTunnel(
        _ parts: inout HeadParts, _ text: Span<UInt8>, _ output: inout [UInt8], _ accept: Span<UInt8>
    ) {
        var start = 0
        while start < parts.textCount, text[start] != 0x0A { start += 1 }
        var writer = OutputWriter(output.mutableSpan)
        writer.append("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n")
        writer.append("sec-websocket-accept: ")
        writer.append(all: accept)
        writer.append("\r\n")
        writer.append(text, min(start + 1, parts.textCount), parts.textCount)
        parts.textCount = writer.count
    }
}
