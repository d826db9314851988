// Owns what makes an upgrade to WebSocket valid (RFC 6455 section 4), of a request and of its response.

extension Span<UInt8> {
    /// Whether an `Upgrade` value lists WebSocket, perhaps beside other protocols (RFC 9110 section 7.8).
    func listsWebSocket(_ value: ByteRange) -> Bool {
        var start = value.lower
        while start < value.upper {
            var end = start
            while end < value.upper, self[end] != 0x2C { end += 1 }
            if equalsIgnoringCase(trimmed(start, end), "websocket") { return true }
            start = end + 1
        }
        return false
    }

    /// A stretch without the white space around it.
    private func trimmed(_ start: Int, _ end: Int) -> ByteRange {
        var low = start
        var high = end
        while low < high, self[low] == 0x20 || self[low] == 0x09 { low += 1 }
        while high > low, self[high - 1] == 0x20 || self[high - 1] == 0x09 { high -= 1 }
        return ByteRange(start: low, count: high - low)
    }

    /// Whether a value is the base64 of 16 bytes: 22 digits and the padding (RFC 4648 section 4).
    fileprivate func isWebSocketKey(_ value: ByteRange) -> Bool {
        guard value.count == 24, self[value.upper - 1] == 0x3D, self[value.upper - 2] == 0x3D else { return false }
        for index in value.lower..<(value.upper - 2) {
            let byte = self[index]
            let isLetter = (byte | 0x20) &- 0x61 < 26
            guard isLetter || CharacterSets.isDigit(byte) || byte == 0x2B || byte == 0x2F else { return false }
        }
        return true
    }

    /// Whether a value is a number of one to three digits, as versions of the protocol are.
    fileprivate func isVersionNumber(_ value: ByteRange) -> Bool {
        guard (1...3).contains(Int(value.count)) else { return false }
        for index in value.range where !CharacterSets.isDigit(self[index]) { return false }
        return true
    }
}

extension FieldTable {
    /// The value of the only field of a name; nil when there is none, or more than one.
    fileprivate func onlyValue(_ name: StaticString, _ bytes: Span<UInt8>) -> ByteRange? {
        var found: ByteRange?
        for index in 0..<count where bytes.equalsIgnoringCase(self[index].name, name) {
            guard found == nil else { return nil }
            found = self[index].value
        }
        return found
    }
}

extension RequestHead {
    /// What is wrong with a request that asks for WebSocket; nil when it asks rightly (RFC 6455 section 4.2.1). A version
    /// that is not 13 is told so by 426 (section 4.4), anything else is a bad request.
    func webSocketFault(_ bytes: Span<UInt8>) -> WireError? {
        guard method == .get else { return WireError(400, "websocket_method") }
        // A body would lie where the backend expects the first frame.
        guard framing == .none else { return WireError(400, "websocket_body") }
        guard let key = fields.onlyValue("sec-websocket-key", bytes), bytes.isWebSocketKey(key) else {
            return WireError(400, "websocket_key")
        }
        guard let version = fields.onlyValue("sec-websocket-version", bytes), bytes.isVersionNumber(version) else {
            return WireError(400, "websocket_version")
        }
        return bytes.equalsIgnoringCase(version, "13") ? nil : WireError(426, "websocket_version")
    }
}

extension ResponseHead {
    /// Whether a 101 switches to WebSocket and to nothing else (RFC 6455 section 4.1). That the key was answered rightly is
    /// the client's to judge.
    func isWebSocketAcceptance(_ bytes: Span<UInt8>) -> Bool {
        guard status == 101, minorVersion >= 1, fields.saysUpgrade,
            let upgrade = fields.onlyValue("upgrade", bytes),
            let accept = fields.onlyValue("sec-websocket-accept", bytes)
        else { return false }
        return bytes.equalsIgnoringCase(upgrade, "websocket") && !accept.isEmpty
    }
}
