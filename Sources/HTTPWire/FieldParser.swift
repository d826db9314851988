// Owns the parse of field lines, the same for requests and responses.

/// The rules by which a head's lines are read.
struct FieldRules {
    var maximumFields: Int
    /// A bare LF may end a line (`responses: lenient`).
    var acceptsBareLineFeeds: Bool
    /// Names with `_` are marked, and `Connection` may not name fields that routing or trust rest on.
    var isRequest: Bool
}

/// What one step over field lines came to.
enum FieldStep {
    case end(Int)
    case needMore
    case failed(WireError)
}

extension FieldTable {
    /// Reads lines from `start` up to the empty line (RFC 9112 section 5).
    @inline(__always)
    func parse(_ bytes: Span<UInt8>, from start: Int, _ rules: FieldRules) -> FieldStep {
        var position = start
        while true {
            guard position < bytes.count else { return .needMore }
            let first = bytes[position]
            if first == 0x0D {
                guard position + 1 < bytes.count else { return .needMore }
                guard bytes[position + 1] == 0x0A else { return .failed(WireError(400, "bare_cr")) }
                return finish(bytes, rules) ?? .end(position + 2)
            }
            if first == 0x0A {
                guard rules.acceptsBareLineFeeds else { return .failed(WireError(400, "bare_lf")) }
                return finish(bytes, rules) ?? .end(position + 1)
            }
            switch parseLine(bytes, position, rules) {
            case .end(let next): position = next
            case let other: return other
            }
        }
    }

    @inline(__always)
    private func parseLine(_ bytes: Span<UInt8>, _ start: Int, _ rules: FieldRules) -> FieldStep {
        var index = bytes.endOfPlainName(start)
        var underscore = false
        while index < bytes.count, CharacterSets.isToken(bytes[index]) {
            underscore = underscore || bytes[index] == 0x5F
            index += 1
        }
        guard index < bytes.count else { return .needMore }
        guard bytes[index] == 0x3A, index > start else { return .failed(Self.nameError(bytes, start, index)) }
        let nameCount = index - start
        index += 1
        while index < bytes.count, bytes[index] == 0x20 || bytes[index] == 0x09 { index += 1 }
        let valueStart = index
        index = bytes.endOfFieldValue(index)
        guard index < bytes.count else { return .needMore }
        var valueEnd = index
        if bytes[index] == 0x0D {
            guard index + 1 < bytes.count else { return .needMore }
            guard bytes[index + 1] == 0x0A else { return .failed(WireError(400, "bare_cr")) }
            index += 2
        } else if bytes[index] == 0x0A {
            guard rules.acceptsBareLineFeeds else { return .failed(WireError(400, "bare_lf")) }
            hasBareLineFeed = true
            index += 1
        } else {
            return .failed(WireError(400, "control_character"))
        }
        while valueEnd > valueStart, bytes[valueEnd - 1] == 0x20 || bytes[valueEnd - 1] == 0x09 { valueEnd -= 1 }
        guard count < rules.maximumFields else { return .failed(WireError(431, "too_many_fields")) }
        let known = FieldName.recognise(bytes, start, nameCount)
        let field = Field(
            name: ByteRange(start: start, count: nameCount),
            value: ByteRange(start: valueStart, count: valueEnd - valueStart), end: index, known: known,
            marks: underscore && rules.isRequest ? .underscore : [])
        append(field)
        if known != .other, let error = note(field, bytes) { return .failed(error) }
        return .end(index)
    }

    private static func nameError(_ bytes: Span<UInt8>, _ start: Int, _ index: Int) -> WireError {
        let byte = bytes[index]
        if index == start {
            if byte == 0x20 || byte == 0x09 { return WireError(400, "folded_field") }
            if byte == 0x3A { return WireError(400, "empty_field_name") }
        } else if byte == 0x20 || byte == 0x09 {
            return WireError(400, "space_before_colon")
        }
        if byte == 0x0A { return WireError(400, "bare_lf") }
        return WireError(400, "field_name")
    }

    /// Takes in what a known field means. Decides what is dropped because it ends at each hop (RFC 9110 section 7.6.1).
    private func note(_ field: Field, _ bytes: Span<UInt8>) -> WireError? {
        switch field.known {
        case .contentLength where ignoresFraming, .transferEncoding where ignoresFraming: markHopByHop(count - 1)
        case .contentLength: return noteContentLength(field.value, bytes)
        case .transferEncoding:
            guard !hasTransferEncoding else { return WireError(400, "repeated_transfer_encoding") }
            hasTransferEncoding = true
            if bytes.equalsIgnoringCase(field.value, "chunked") { return nil }
            return Self.transferEncodingError(field.value, bytes)
        case .connection:
            markHopByHop(count - 1)
            return noteConnection(field.value, bytes)
        case .keepAlive, .proxyConnection, .te, .upgrade: markHopByHop(count - 1)
        default: break
        }
        return nil
    }

    /// A coding other than `chunked` is not implemented (501); a list that hides or repeats `chunked` is an attack (400).
    private static func transferEncodingError(_ value: ByteRange, _ bytes: Span<UInt8>) -> WireError {
        for index in value.range where !CharacterSets.isToken(bytes[index]) {
            return WireError(400, "transfer_encoding")
        }
        return value.isEmpty ? WireError(400, "transfer_encoding") : WireError(501, "unknown_transfer_coding")
    }

    private func noteContentLength(_ value: ByteRange, _ bytes: Span<UInt8>) -> WireError? {
        guard !hasContentLength else { return WireError(400, "repeated_content_length") }
        guard (1...19).contains(Int(value.count)) else { return WireError(400, "content_length") }
        var length: UInt64 = 0
        for index in value.range {
            guard CharacterSets.isDigit(bytes[index]) else { return WireError(400, "content_length") }
            length = length &* 10 &+ UInt64(bytes[index] &- 0x30)
        }
        guard length <= UInt64(Int64.max) else { return WireError(400, "content_length") }
        hasContentLength = true
        contentLength = length
        return nil
    }

    /// Reads the options of one `Connection` line.
    private func noteConnection(_ value: ByteRange, _ bytes: Span<UInt8>) -> WireError? {
        forEachToken(value, bytes) { fields, token in
            fields.connectionOptions += 1
            if bytes.equalsIgnoringCase(token, "close") {
                fields.saysClose = true
            } else if bytes.equalsIgnoringCase(token, "keep-alive") {
                fields.saysKeepAlive = true
            } else if bytes.equalsIgnoringCase(token, "upgrade") {
                fields.saysUpgrade = true
            } else if !bytes.equalsIgnoringCase(token, "te") {
                fields.namesFields = true
            }
        }
        return connectionOptions > Self.maximumOptions ? WireError(400, "connection_options") : nil
    }

    /// Calls `body` with each comma-separated element of a value, without the white space around it.
    @inline(__always)
    private func forEachToken(
        _ value: ByteRange, _ bytes: Span<UInt8>, _ body: (FieldTable, ByteRange) -> Void
    ) {
        var start = value.lower
        var index = start
        while index <= value.upper {
            if index == value.upper || bytes[index] == 0x2C {
                var low = start
                var high = index
                while low < high, bytes[low] == 0x20 || bytes[low] == 0x09 { low += 1 }
                while high > low, bytes[high - 1] == 0x20 || bytes[high - 1] == 0x09 { high -= 1 }
                if high > low { body(self, ByteRange(start: low, count: high - low)) }
                start = index + 1
            }
            index += 1
        }
    }

    /// What can be judged only when all lines are known.
    private func finish(_ bytes: Span<UInt8>, _ rules: FieldRules) -> FieldStep? {
        if hasContentLength, hasTransferEncoding { return .failed(WireError(400, "length_and_transfer_encoding")) }
        return namesFields ? dropNominated(bytes, rules) : nil
    }

    /// Drops the fields that `Connection` names (RFC 9110 section 7.6.1).
    private func dropNominated(_ bytes: Span<UInt8>, _ rules: FieldRules) -> FieldStep? {
        var refused = false
        for line in 0..<count where storage[line].known == .connection {
            forEachToken(storage[line].value, bytes) { fields, token in
                if bytes.isStandardOption(token) { return }
                for index in 0..<fields.count where bytes.equalsIgnoringCase(fields.storage[index].name, token) {
                    fields.markHopByHop(index)
                }
                if bytes.mayNotBeNominated(token, rules) { refused = true }
            }
        }
        return refused ? .failed(WireError(400, "nominated_field")) : nil
    }
}

extension Span<UInt8> {
    fileprivate func isStandardOption(_ token: ByteRange) -> Bool {
        equalsIgnoringCase(token, "close") || equalsIgnoringCase(token, "keep-alive")
            || equalsIgnoringCase(token, "upgrade") || equalsIgnoringCase(token, "te")
    }

    /// Fields on which framing, routing or trust rest: dropping one on the sender's word would change the message. Of a
    /// request also those that the rewriter keeps or replaces, and `Expect`, on which its sender waits.
    fileprivate func mayNotBeNominated(_ token: ByteRange, _ rules: FieldRules) -> Bool {
        switch FieldName.recognise(self, token.lower, Int(token.count)) {
        case .contentLength, .transferEncoding: return true
        case .host, .forwarded, .forwardedFor, .forwardedHost, .forwardedProto, .forwardedOther, .requestID, .via,
            .expect:
            return rules.isRequest
        default: return false
        }
    }
}
