// Owns the pseudo fields (RFC 9113 section 8.3), and the first lines that they become.
import HTTPWire

extension HeadParts {
    /// Takes a pseudo field, which lies among the others from `start` on.
    mutating func takePseudo(_ start: Int, _ field: HPACKField, _ pseudo: Span<UInt8>, _ tables: HPACKTables) {
        let name = start..<(start + field.nameCount)
        let value = (name.upperBound + 2)..<(name.upperBound + 2 + field.valueCount)
        pseudoCount = value.upperBound
        guard kind != .trailers else { return fail("pseudo_in_trailers") }
        let bytes = pseudo.extracting(first: value.upperBound)
        guard bytes.isFieldValue(value) else { return fail("pseudo_value") }
        var number = field.staticName
        if number == 0 {
            // Found in any case, but only lower case is right.
            for index in name where bytes[index] &- 0x41 < 26 { return fail("field_name") }
            number = tables.find(bytes, name, hash: bytes.fieldHash(name))
        }
        let isRepeated: Bool
        switch (number, kind) {
        case (KnownField.method, .request):
            isRepeated = method != nil
            method = value
        case (KnownField.path, .request):
            isRepeated = path != nil
            path = value
        case (KnownField.scheme, .request):
            isRepeated = scheme != nil
            scheme = value
        case (KnownField.authority, .request):
            isRepeated = authority != nil
            authority = value
        case (KnownField.protocol, .request):
            isRepeated = protocolName != nil
            protocolName = value
        case (KnownField.status, .response):
            isRepeated = statusText != nil
            statusText = value
        default: return fail("unknown_pseudo")
        }
        if isRepeated { fail("repeated_pseudo") }
    }

    /// Begins the text: all pseudo fields are known.
    mutating func begin(_ text: inout [UInt8], _ pseudo: Span<UInt8>) {
        sawRegular = true
        switch kind {
        case .request: beginRequest(&text, pseudo)
        case .response: beginResponse(&text, pseudo)
        case .trailers: break
        }
    }

    /// Writes the request line and `Host`.
    private mutating func beginRequest(_ text: inout [UInt8], _ pseudo: Span<UInt8>) {
        guard let method, !method.isEmpty else { return fail("no_method") }
        let isConnect = pseudo.reads(method, "CONNECT")
        if protocolName != nil, !isConnect { return fail("protocol_without_connect") }
        var writer = OutputWriter(text.mutableSpan)
        if isConnect, protocolName == nil {
            guard scheme == nil, path == nil, let authority, !authority.isEmpty else { return fail("connect") }
            writer.append("CONNECT ")
            writer.append(pseudo, authority.lowerBound, authority.upperBound)
        } else {
            guard let scheme, !scheme.isEmpty else { return fail("no_scheme") }
            guard let path, !path.isEmpty else { return fail("no_path") }
            // Any other form would be read as another kind of target.
            guard pseudo[path.lowerBound] == 0x2F || pseudo.reads(path, "*") else { return fail("path") }
            for index in path where pseudo[index] == 0x20 || pseudo[index] == 0x09 { return fail("path") }
            if isConnect { writer.append("GET") } else { writer.append(pseudo, method.lowerBound, method.upperBound) }
            writer.append(" ")
            writer.append(pseudo, path.lowerBound, path.upperBound)
        }
        writer.append(" HTTP/1.1\r\n")
        if let authority {
            writer.append("host: ")
            writer.append(pseudo, authority.lowerBound, authority.upperBound)
            writer.append("\r\n")
        }
        textCount = writer.count
    }

    /// Writes the status line, with the phrase that HTTP/2 leaves out.
    private mutating func beginResponse(_ text: inout [UInt8], _ pseudo: Span<UInt8>) {
        guard let statusText, statusText.count == 3 else { return fail("status") }
        for index in statusText {
            let digit = pseudo[index] &- 0x30
            guard digit < 10 else { return fail("status") }
            status = status * 10 + Int(digit)
        }
        // 101 has no meaning in HTTP/2 (RFC 9113 section 8.6).
        guard status >= 100, status != 101 else { return fail("status") }
        var writer = OutputWriter(text.mutableSpan)
        writer.append("HTTP/1.1 ")
        writer.append(decimal: status)
        writer.append(" ")
        writer.append(ReasonPhrase.of(status))
        writer.append("\r\n")
        textCount = writer.count
    }
}

extension Span<UInt8> {
    /// Whether a stretch reads as a text, in this case.
    func reads(_ range: Range<Int>, _ text: StaticString) -> Bool {
        guard range.count == text.utf8CodeUnitCount else { return false }
        return text.withUTF8Buffer { expected in
            for index in 0..<expected.count where self[range.lowerBound + index] != expected[index] { return false }
            return true
        }
    }
}
