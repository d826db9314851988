// Owns what is known of a head while its block is read, and the judgement of each regular field.
import HTTPWire

/// A head in the making. Its bytes lie in memory that the caller passes to each step.
struct HeadParts {
    var kind = HeadKind.request
    var fields = 0
    var bytes = 0
    var isTooLarge = false
    var fault: StaticText?
    /// Bytes of pseudo fields, of the text so far, of the cookie so far.
    var pseudoCount = 0
    var textCount = 0
    var cookieCount = 0
    /// A regular field was seen: pseudo fields may not follow (RFC 9113 section 8.3).
    var sawRegular = false
    var authority: Range<Int>?
    var method: Range<Int>?
    var path: Range<Int>?
    var scheme: Range<Int>?
    var statusText: Range<Int>?
    var protocolName: Range<Int>?
    var status = 0
    var hasLength = false
    var priority = StreamPriority()

    mutating func fail(_ reason: StaticString) { if fault == nil { fault = StaticText(reason) } }

    /// Takes a regular field, which lies in the text from its end so far on.
    mutating func takeRegular(
        _ field: HPACKField, _ text: inout [UInt8], _ cookie: inout [UInt8], _ pseudo: Span<UInt8>,
        _ tables: HPACKTables
    ) {
        let start = textCount
        let nameEnd = start + field.nameCount
        let value = (nameEnd + 2)..<(nameEnd + 2 + field.valueCount)
        guard keeps(field, start..<nameEnd, value, text.span.extracting(first: value.upperBound), pseudo, tables) else {
            // An empty crumb would leave white space at the end of the line.
            if !value.isEmpty, isCrumb(field, start..<nameEnd, text.span, tables) {
                var writer = OutputWriter(cookie.mutableSpan, startingAt: cookieCount)
                if cookieCount > 0 { writer.append("; ") }
                writer.append(text.span, value.lowerBound, value.upperBound)
                cookieCount = writer.count
            }
            return
        }
        text[value.upperBound] = 0x0D
        text[value.upperBound + 1] = 0x0A
        textCount = value.upperBound + 2
    }

    /// Whether the line stays where it is. The bytes end with the value.
    private mutating func keeps(
        _ field: HPACKField, _ name: Range<Int>, _ value: Range<Int>, _ bytes: Span<UInt8>, _ pseudo: Span<UInt8>,
        _ tables: HPACKTables
    ) -> Bool {
        if let fault = bytes.fieldFault(name: name, value: value, isKnown: field.staticName > 0) {
            fail(fault)
            return false
        }
        var number = field.staticName
        if number == 0 { number = tables.find(bytes, name, hash: bytes.fieldHash(name)) }
        switch number {
        case KnownField.connection, KnownField.keepAlive, KnownField.proxyConnection, KnownField.upgrade,
            KnownField.transferEncoding:
            fail("connection_specific_field")
            return false
        case KnownField.te:
            let isTrailers = bytes.equalsIgnoringCase(
                ByteRange(start: value.lowerBound, count: value.count), "trailers")
            if !isTrailers { fail("te") }
        case KnownField.cookie: return kind != .request
        case KnownField.host where kind == .request:
            // Beside `:authority` it has to say the same (RFC 9113 section 8.3.1), and is not needed.
            guard let authority else { return true }
            let isSame = authority.count == value.count
            if !isSame || !bytes.equalsInAnyCase(value, pseudo, authority.lowerBound) { fail("host_disagrees") }
            return false
        case KnownField.contentLength: hasLength = true
        case KnownField.priority where kind == .request: priority = StreamPriority(bytes, value)
        // They belong to the handshake of HTTP/1, which the translation makes itself.
        case KnownField.webSocketKey where protocolName != nil: return false
        case KnownField.webSocketAccept where kind == .response: return false
        default: break
        }
        return kind != .trailers || TrailerRules.maySend(bytes, name.lowerBound, name.count)
    }

    private func isCrumb(_ field: HPACKField, _ name: Range<Int>, _ text: Span<UInt8>, _ tables: HPACKTables) -> Bool {
        guard kind == .request, fault == nil else { return false }
        if field.staticName > 0 { return field.staticName == KnownField.cookie }
        return tables.find(text, name, hash: text.fieldHash(name)) == KnownField.cookie
    }
}

extension Span<UInt8> {
    /// What RFC 9113 section 8.2.1 and the rules of HTTP/1 forbid in a field; nil: nothing. The bytes end with the value.
    ///
    /// - Parameter isKnown: whether the name is one of the static table, which has only right ones.
    @inline(__always)
    func fieldFault(name: Range<Int>, value: Range<Int>, isKnown: Bool) -> StaticString? {
        if !isKnown {
            guard !name.isEmpty else { return "empty_field_name" }
            for index in name {
                let byte = self[index]
                if byte == 0x3A, index == name.lowerBound { return "late_pseudo" }
                if !CharacterSets.isToken(byte) || byte &- 0x41 < 26 { return "field_name" }
            }
        } else if self[name.lowerBound] == 0x3A {
            return "late_pseudo"
        }
        return isFieldValue(value) ? nil : "field_value"
    }

    /// Whether the bytes up to the end are a value: no control characters, and no white space around it.
    @inline(__always)
    func isFieldValue(_ value: Range<Int>) -> Bool {
        guard !value.isEmpty else { return true }
        let first = self[value.lowerBound]
        let last = self[value.upperBound - 1]
        if first == 0x20 || first == 0x09 || last == 0x20 || last == 0x09 { return false }
        return endOfFieldValue(value.lowerBound) == value.upperBound
    }

    /// Whether a stretch reads as the bytes of `other` from `start` on, in any case.
    func equalsInAnyCase(_ range: Range<Int>, _ other: Span<UInt8>, _ start: Int) -> Bool {
        for offset in 0..<range.count
        where lowercased(range.lowerBound + offset) != other.lowercased(start + offset) { return false }
        return true
    }
}
