// Owns what is judged of a request as a whole: its target, its authority, its framing, its upgrade.

extension RequestHeadParser {
    /// Takes the target apart (RFC 9112 section 3.2).
    @inline(__always)
    func splitTarget(_ bytes: Span<UInt8>, _ head: RequestHead, _ question: Int) -> WireError? {
        // CONNECT would make Meridian an open tunnel; it is no gateway for it (RFC 9110 section 9.3.6).
        if head.method == .connect { return WireError(405, "connect_refused") }
        let target = head.target
        let pathEnd = question >= 0 ? question : target.upper
        if bytes[target.lower] == 0x2F {
            head.path = ByteRange(start: target.lower, count: pathEnd - target.lower)
            head.query = ByteRange(start: pathEnd, count: target.upper - pathEnd)
            return nil
        }
        if target.count == 1, bytes[target.lower] == 0x2A {
            guard head.method == .options else { return WireError(400, "target") }
            setAsterisk(head)
            return nil
        }
        return splitAbsolute(bytes, head, pathEnd)
    }

    private func setAsterisk(_ head: RequestHead) {
        head.isAsterisk = true
        head.mayNeedNormalizing = false
        head.path = .none
        head.query = .none
    }

    private func splitAbsolute(_ bytes: Span<UInt8>, _ head: RequestHead, _ pathEnd: Int) -> WireError? {
        let target = head.target
        var start = target.lower
        if target.count > 7, bytes.equalsIgnoringCase(ByteRange(start: start, count: 7), "http://") {
            start += 7
        } else if target.count > 8, bytes.equalsIgnoringCase(ByteRange(start: start, count: 8), "https://") {
            start += 8
        } else {
            return WireError(400, "target")
        }
        var end = start
        while end < pathEnd, bytes[end] != 0x2F { end += 1 }
        guard end > start else { return WireError(400, "target") }
        head.isAbsoluteForm = true
        head.authority = ByteRange(start: start, count: end - start)
        head.path = ByteRange(start: end, count: pathEnd - end)
        // The slashes behind the scheme are not the path's.
        head.mayNeedNormalizing = head.mayNeedNormalizing && bytes.mayNeedNormalizing(head.path)
        head.query = ByteRange(start: pathEnd, count: target.upper - pathEnd)
        if head.path.isEmpty {
            if head.method == .options, head.query.isEmpty {
                setAsterisk(head)
            } else {
                // An empty path is `/` (RFC 9112 section 3.2.1): the second slash of `//` stands for it.
                head.path = ByteRange(start: start - 1, count: 1)
            }
        }
        return Self.isAuthority(bytes, head.authority) ? nil : WireError(400, "target")
    }

    /// The rules over all fields: Host (RFC 9112 section 3.2), framing (section 6), Expect, Upgrade.
    @inline(__always)
    func judge(_ bytes: Span<UInt8>, _ head: RequestHead) -> WireError? {
        var hosts = 0
        var asksForWebSocket = false
        for index in 0..<head.fields.count {
            let field = head.fields[index]
            switch field.known {
            case .other: continue
            case .host:
                hosts += 1
                if let error = takeHost(bytes, field.value, head, hosts) { return error }
            case .expect:
                // Anything but 100-continue is an expectation that nobody here can meet (RFC 9110 section 10.1.1).
                guard bytes.equalsIgnoringCase(field.value, "100-continue") else {
                    return WireError(417, "expectation")
                }
                head.expectsContinue = head.minorVersion >= 1
            case .upgrade: asksForWebSocket = asksForWebSocket || bytes.listsWebSocket(field.value)
            case .te:
                if head.minorVersion >= 1, bytes.mentionsTrailers(field.value) { head.acceptsTrailers = true }
            default: continue
            }
        }
        if hosts == 0, head.minorVersion >= 1 { return WireError(400, "no_host") }
        if head.fields.hasTransferEncoding {
            guard head.minorVersion >= 1 else { return WireError(400, "transfer_encoding_in_1_0") }
            head.framing = .chunked
        } else {
            head.framing = head.fields.contentLength > 0 ? .length(head.fields.contentLength) : .none
        }
        // In a message of HTTP/1.0, or without `Connection: upgrade`, it asks for nothing (RFC 9110 section 7.8).
        if asksForWebSocket, head.minorVersion >= 1, head.fields.saysUpgrade {
            if let error = head.webSocketFault(bytes) { return error }
            head.wantsWebSocket = true
        }
        return nil
    }

    private func takeHost(
        _ bytes: Span<UInt8>, _ value: ByteRange, _ head: RequestHead, _ hosts: Int
    ) -> WireError? {
        guard hosts == 1 else { return WireError(400, "repeated_host") }
        guard Self.isAuthority(bytes, value) else { return WireError(400, "host") }
        if head.isAbsoluteForm {
            let isSecure = bytes.lowercased(head.target.lower + 4) == 0x73
            let same = Self.sameAuthority(bytes, head.authority, value, isSecure)
            return same ? nil : WireError(400, "host_disagrees")
        }
        head.authority = value
        return nil
    }

    /// `host[:port]` with a registered name, an IPv4 address or a bracketed IPv6 address; no user information.
    static func isAuthority(_ bytes: Span<UInt8>, _ range: ByteRange) -> Bool {
        guard range.count > 0 else { return false }
        var index = range.lower
        if bytes[index] == 0x5B {
            index += 1
            var colons = 0
            while index < range.upper, let isColon = isAddressCharacter(bytes[index]) {
                colons += isColon ? 1 : 0
                index += 1
            }
            guard index < range.upper, bytes[index] == 0x5D, colons >= 2 else { return false }
            index += 1
        } else {
            while index < range.upper, CharacterSets.isRegisteredName(bytes[index]) { index += 1 }
            if index == range.lower { return false }
        }
        if index == range.upper { return true }
        guard bytes[index] == 0x3A, range.upper - index <= 6 else { return false }
        index += 1
        var port = 0
        while index < range.upper {
            guard CharacterSets.isDigit(bytes[index]) else { return false }
            port = port * 10 + Int(bytes[index] &- 0x30)
            index += 1
        }
        return port <= 65_535
    }

    /// Whether a character of an IPv6 address is a colon; nil for one that none holds.
    private static func isAddressCharacter(_ byte: UInt8) -> Bool? {
        if byte == 0x3A { return true }
        return byte == 0x2E || CharacterSets.hexValue(byte) != nil ? false : nil
    }

    /// Compared in lower case and without the scheme's default port.
    private static func sameAuthority(
        _ bytes: Span<UInt8>, _ left: ByteRange, _ right: ByteRange, _ isSecure: Bool
    ) -> Bool {
        bytes.equalsIgnoringCase(
            withoutDefaultPort(bytes, left, isSecure), withoutDefaultPort(bytes, right, isSecure))
    }

    private static func withoutDefaultPort(_ bytes: Span<UInt8>, _ range: ByteRange, _ isSecure: Bool) -> ByteRange {
        var count = Int(range.count)
        let port: StaticString = isSecure ? ":443" : ":80"
        let digits = port.utf8CodeUnitCount
        if bytes[range.upper - 1] == 0x3A {
            count -= 1
        } else if count > digits, bytes.equalsIgnoringCase(ByteRange(start: range.upper - digits, count: digits), port)
        {
            count -= digits
        }
        return ByteRange(start: range.lower, count: count)
    }
}

extension Span<UInt8> {
    /// Whether a dot may begin a dot segment, or a slash follows another: then the path may have other forms. A backslash
    /// means something beside a dot segment only.
    @inline(__always)
    func isDoubtful(_ index: Int) -> Bool {
        let before = self[index - 1]
        return self[index] == 0x2E ? before == 0x2F || before == 0x5C : self[index] == 0x2F && before == 0x2F
    }

    /// What the parse of a request line finds out on its way, for a path alone.
    fileprivate func mayNeedNormalizing(_ path: ByteRange) -> Bool {
        for index in path.range where self[index] == 0x25 || index > path.lower && isDoubtful(index) { return true }
        return false
    }

    private func isSeparator(_ index: Int) -> Bool {
        self[index] == 0x2C || self[index] == 0x20 || self[index] == 0x09
    }

    /// Whether a TE value lists `trailers`.
    fileprivate func mentionsTrailers(_ value: ByteRange) -> Bool {
        guard value.count >= 8 else { return false }
        for start in value.lower...(value.upper - 8) {
            let end = start + 8
            let isStart = start == value.lower || isSeparator(start - 1)
            let isEnd = end == value.upper || isSeparator(end) || self[end] == 0x3B
            if isStart, isEnd, equalsIgnoringCase(ByteRange(start: start, count: 8), "trailers") { return true }
        }
        return false
    }
}
