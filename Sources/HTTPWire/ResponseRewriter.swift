// Owns how a response is passed on.

/// Writes the head that a client gets.
public enum ResponseRewriter {
    /// Bytes in which the rewritten head always fits.
    @inlinable
    public static func room(
        for head: ResponseHead, headLength: Int, _ edits: borrowing ResponseEdits
    ) -> Int {
        // A line that was read leniently may grow by a space and a CR. 168: the names and fixed parts of all lines.
        headLength + 2 * (head.fields.count + 1) + edits.requestID.count + edits.date.count
            + (edits.via?.count ?? 0) + 168
    }

    /// Appends the rewritten head; the writer's `overflowed` tells when it did not fit.
    @_lifetime(writer: copy writer)
    public static func write(
        _ head: ResponseHead, _ bytes: Span<UInt8>, _ edits: borrowing ResponseEdits, _ delivery: ResponseDelivery,
        into writer: inout OutputWriter
    ) {
        writer.append("HTTP/1.1")
        var notes = Notes()
        if head.hasPlainStatusLine, !head.fields.hasBareLineFeed {
            copyLines(head, bytes, edits, delivery, &notes, &writer)
        } else {
            writeLines(head, bytes, edits, delivery, &notes, &writer)
        }
        if notes.rewritesFraming { writer.appendFraming(head.fields) }
        writeAdded(head, edits, delivery, notes, &writer)
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
        _ head: ResponseHead, _ bytes: Span<UInt8>, _ edits: borrowing ResponseEdits, _ delivery: ResponseDelivery,
        _ notes: inout Notes,
        _ writer: inout OutputWriter
    ) {
        var runStart = 8
        for index in 0..<head.fields.count {
            let field = head.fields[index]
            if drops(field, head, bytes, delivery, &notes) {
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
        _ head: ResponseHead, _ bytes: Span<UInt8>, _ edits: borrowing ResponseEdits, _ delivery: ResponseDelivery,
        _ notes: inout Notes,
        _ writer: inout OutputWriter
    ) {
        writer.append(" ")
        writer.append(decimal: head.status)
        writer.append(" ")
        writer.append(bytes, head.reason.lower, head.reason.upper)
        writer.append("\r\n")
        for index in 0..<head.fields.count {
            let field = head.fields[index]
            if drops(field, head, bytes, delivery, &notes) { continue }
            writer.append(bytes, field.name.lower, field.name.upper)
            writer.append(": ")
            writer.append(bytes, field.value.lower, field.value.upper)
            writer.append("\r\n")
        }
    }

    @inline(__always)
    private static func drops(
        _ field: Field, _ head: ResponseHead, _ bytes: Span<UInt8>, _ delivery: ResponseDelivery,
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
            if delivery.transfer == .untilClose || delivery.isOldClient { return true }
            notes.rewritesFraming = !bytes.isPlain(field)
            return notes.rewritesFraming
        default: break
        }
        return false
    }

    @_lifetime(writer: copy writer)
    @inline(__always)
    private static func writeAdded(
        _ head: ResponseHead, _ edits: borrowing ResponseEdits, _ delivery: ResponseDelivery, _ notes: Notes,
        _ writer: inout OutputWriter
    ) {
        // Who has a clock and passes on a response without a date adds that of its arrival (RFC 9110 section 6.6.1).
        if !notes.hasDate, !head.isInformational, edits.date.count > 0 {
            writer.append("Date: ")
            writer.append(all: edits.date)
            writer.append("\r\n")
        }
        if !notes.hasRequestID, !head.isInformational, edits.requestID.count > 0 {
            writer.append("X-Request-Id: ")
            writer.append(all: edits.requestID)
            writer.append("\r\n")
        }
        if let via = edits.via {
            writer.append("Via: 1.1 ")
            writer.append(all: via)
            writer.append("\r\n")
        }
        if delivery.isUpgrade {
            writer.append("Connection: Upgrade\r\nUpgrade: websocket\r\n")
        } else if head.isInformational {
            return
        } else if !delivery.keepsAlive {
            writer.append("Connection: close\r\n")
        } else if delivery.isOldClient {
            writer.append("Connection: keep-alive\r\n")
        }
        // Only a body that has no end of its own is put into chunks: how the final response is sent says nothing of an
        // interim one, nor of one without a body (RFC 9112 section 6.1).
        if delivery.transfer == .chunk, head.framing == .untilClose { writer.append("Transfer-Encoding: chunked\r\n") }
    }
}
