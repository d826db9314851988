// Owns the text of one access-log line, in both formats.
internal import HTTPWire

/// What one line says.
struct AccessLogFields {
    /// From the request's head.
    var note: AccessLogNote
    /// The route's place in its listener; negative: none.
    var route = -1
    /// Empty: not known, which the line shows as `-`.
    var service = ""
    var datacenter = ""
    var endpoint = ""
    var attempts = 0
    /// How often the primary was set; negative: the service has none.
    var epoch = -1
    var status = 0
    var bytesIn = 0
    var bytesOut = 0
    /// Times in microseconds.
    var queue = 0
    var connect = 0
    var firstByte = 0
    var total = 0
    /// Why it ended badly; empty: it did not.
    var reason: StaticString = ""
}

/// Writes lines. Text that a client chose is escaped; names were checked when the settings were read.
enum AccessLogLine {
    /// Bytes in which the line of a note of `count` bytes fits: every byte may become an escape of six.
    static func room(forNote count: Int) -> Int { 2048 + 6 * count }

    /// Appends the line and its end.
    ///
    /// - Parameter time: the time as the format shows it.
    @_lifetime(writer: copy writer)
    static func write(
        _ fields: borrowing AccessLogFields, _ format: AccessLogConfiguration.Format, time: Span<UInt8>,
        into writer: inout OutputWriter
    ) {
        switch format {
        case .combined: writeCombined(fields, time, &writer)
        case .json: writeJSON(fields, time, &writer)
        }
    }

    /// The combined format, with our own fields behind it.
    @_lifetime(writer: copy writer)
    private static func writeCombined(
        _ fields: borrowing AccessLogFields, _ time: Span<UInt8>, _ writer: inout OutputWriter
    ) {
        let note = fields.note.bytes.span
        writer.append(all: note.extracting(fields.note.client))
        writer.append(" - - [")
        writer.append(all: time)
        writer.append("] \"")
        writer.append(escaping: note.extracting(fields.note.line), orDash: true)
        writer.append("\" ")
        writer.append(decimal: fields.status)
        writer.append(" ")
        writer.append(decimal: fields.bytesOut)
        writer.append(" \"")
        writer.append(escaping: note.extracting(fields.note.referrer), orDash: true)
        writer.append("\" \"")
        writer.append(escaping: note.extracting(fields.note.agent), orDash: true)
        writer.append("\" rid=")
        writer.append(escaping: note.extracting(fields.note.requestID), orDash: true)
        writer.append(" listener=")
        writer.append(name: fields.note.listener)
        writer.append(" route=")
        writer.append(count: fields.route)
        writer.append(" service=")
        writer.append(name: fields.service)
        writer.append(" dc=")
        writer.append(name: fields.datacenter)
        writer.append(" endpoint=")
        writer.append(name: fields.endpoint)
        writer.append(" attempts=")
        writer.append(decimal: fields.attempts)
        writer.append(" epoch=")
        writer.append(count: fields.epoch)
        writer.append(" queue=")
        writer.append(decimal: fields.queue)
        writer.append(" connect=")
        writer.append(decimal: fields.connect)
        writer.append(" first_byte=")
        writer.append(decimal: fields.firstByte)
        writer.append(" total=")
        writer.append(decimal: fields.total)
        writer.append(" reason=")
        writer.append(fields.reason.utf8CodeUnitCount == 0 ? "-" : fields.reason)
        writer.append("\n")
    }

    @_lifetime(writer: copy writer)
    private static func writeJSON(
        _ fields: borrowing AccessLogFields, _ time: Span<UInt8>, _ writer: inout OutputWriter
    ) {
        let note = fields.note.bytes.span
        writer.append("{\"time\":\"")
        writer.append(all: time)
        writer.append("\",\"client\":\"")
        writer.append(all: note.extracting(fields.note.client))
        writer.append("\",\"request_id\":\"")
        writer.append(escaping: note.extracting(fields.note.requestID))
        writer.append("\",\"listener\":\"")
        writer.append(name: fields.note.listener)
        writer.append("\",\"route\":\"")
        writer.append(count: fields.route)
        writer.append("\",\"service\":\"")
        writer.append(name: fields.service)
        writer.append("\",\"datacenter\":\"")
        writer.append(name: fields.datacenter)
        writer.append("\",\"endpoint\":\"")
        writer.append(name: fields.endpoint)
        writer.append("\",\"attempts\":")
        writer.append(decimal: fields.attempts)
        writer.append(",\"epoch\":\"")
        writer.append(count: fields.epoch)
        writer.append("\",\"request\":\"")
        writer.append(escaping: note.extracting(fields.note.line), orDash: true)
        writer.append("\",\"status\":")
        writer.append(decimal: fields.status)
        writer.append(",\"bytes_in\":")
        writer.append(decimal: fields.bytesIn)
        writer.append(",\"bytes_out\":")
        writer.append(decimal: fields.bytesOut)
        writer.append(",\"queue_us\":")
        writer.append(decimal: fields.queue)
        writer.append(",\"connect_us\":")
        writer.append(decimal: fields.connect)
        writer.append(",\"first_byte_us\":")
        writer.append(decimal: fields.firstByte)
        writer.append(",\"total_us\":")
        writer.append(decimal: fields.total)
        writer.append(",\"referer\":\"")
        writer.append(escaping: note.extracting(fields.note.referrer))
        writer.append("\",\"user_agent\":\"")
        writer.append(escaping: note.extracting(fields.note.agent))
        writer.append("\",\"reason\":\"")
        writer.append(fields.reason)
        writer.append("\"}\n")
    }
}

extension OutputWriter {
    /// Appends a name from the settings, or a dash when it is empty.
    @_lifetime(self: copy self)
    fileprivate mutating func append(name: String) {
        if name.isEmpty { append("-") } else { append(all: name.utf8.span) }
    }

    /// Appends a number, or a dash when it is negative.
    @_lifetime(self: copy self)
    fileprivate mutating func append(count: Int) { if count < 0 { append("-") } else { append(decimal: count) } }

    /// Appends control characters, quotes, backslashes and bytes beyond ASCII as escapes, so that no client writes log
    /// lines; runs of others at once.
    @_lifetime(self: copy self)
    fileprivate mutating func append(escaping bytes: Span<UInt8>, orDash: Bool = false) {
        if orDash, bytes.isEmpty { append("-") }
        var start = 0
        while start < bytes.count {
            let end = bytes.endOfUnescaped(start)
            append(bytes, start, end)
            guard end < bytes.count else { return }
            append("\\u00")
            append(hexByte: bytes[end])
            start = end + 1
        }
    }

    @_lifetime(self: copy self)
    private mutating func append(hexByte byte: UInt8) {
        let (high, low) = (byte >> 4, byte & 15)
        append(byte: high < 10 ? 0x30 + high : 0x57 + high)
        append(byte: low < 10 ? 0x30 + low : 0x57 + low)
    }
}
