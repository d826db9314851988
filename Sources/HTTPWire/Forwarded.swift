// Owns the elements of the `Forwarded` field (RFC 7239).

/// Writes an element of `Forwarded`.
public enum Forwarded {
    /// Appends `for=…;host=…;proto=…`.
    ///
    /// - Parameters:
    ///   - client: the client's address as text, without a port. IPv6 is written in brackets and quotes (section 6); what
    ///     is no address, such as that of a local socket, as `unknown` (section 6.2).
    ///   - host: the request's authority; left out when empty.
    ///   - isSecure: whether the client came by TLS.
    @_lifetime(writer: copy writer)
    public static func appendElement(
        client: Span<UInt8>, host: Span<UInt8>, isSecure: Bool, into writer: inout OutputWriter
    ) {
        writer.append("for=")
        appendNode(client, &writer)
        if host.count > 0 {
            writer.append(";host=")
            appendValue(host, &writer)
        }
        if isSecure { writer.append(";proto=https") } else { writer.append(";proto=http") }
    }

    @_lifetime(writer: copy writer)
    private static func appendNode(_ client: Span<UInt8>, _ writer: inout OutputWriter) {
        var colons = 0
        var isAddress = client.count > 0
        for index in 0..<client.count {
            let byte = client[index]
            if byte == 0x3A { colons += 1 }
            isAddress = isAddress && (byte == 0x3A || byte == 0x2E || CharacterSets.hexValue(byte) != nil)
        }
        if !isAddress {
            writer.append("unknown")
        } else if colons > 0 {
            writer.append("\"[")
            writer.append(all: client)
            writer.append("]\"")
        } else {
            writer.append(all: client)
        }
    }

    /// A token as it is, anything else quoted (section 4).
    @_lifetime(writer: copy writer)
    private static func appendValue(_ value: Span<UInt8>, _ writer: inout OutputWriter) {
        var isToken = true
        for index in 0..<value.count where !CharacterSets.isToken(value[index]) { isToken = false }
        if isToken {
            writer.append(all: value)
            return
        }
        writer.append("\"")
        for index in 0..<value.count {
            if value[index] == 0x22 || value[index] == 0x5C { writer.append(byte: 0x5C) }
            writer.append(byte: value[index])
        }
        writer.append("\"")
    }
}

extension OutputWriter {
    /// Appends the framing line that a message's fields came to, in its plainest form.
    @_lifetime(self: copy self)
    mutating func appendFraming(_ fields: FieldTable) {
        if fields.hasTransferEncoding {
            append("Transfer-Encoding: chunked\r\n")
        } else if fields.hasContentLength {
            append("Content-Length: ")
            append(decimal: Int(clamping: fields.contentLength))
            append("\r\n")
        }
    }
}
