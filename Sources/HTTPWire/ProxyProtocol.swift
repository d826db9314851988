// Owns the PROXY protocol, versions 1 and 2: who a connection that came through another proxy is really from.

/// Reads the header that a proxy sends before the first byte of its client's ("The PROXY protocol", versions 1 and 2,
/// by W. Tarreau).
public enum ProxyProtocol {
    /// The longest header of version 1, with its CRLF (section 2.1).
    public static let maximumText = 107
    /// The longest header of version 2 that is taken: the addresses and 2 KiB of extensions, which are skipped.
    public static let maximumBinary = 16 + 36 + (2 << 10)

    /// What reading a header came to.
    public enum Outcome: Hashable, Sendable {
        /// The header takes so many bytes. No source: the proxy speaks for itself (`LOCAL`) or does not know
        /// (`UNKNOWN`), and the connection's own address counts.
        case complete(Int, ProxySource?)
        /// Nothing is wrong so far, but the header's end has not come.
        case needMore
        case failed(WireError)
    }

    /// Reads the header that `bytes` begins with. There must be one: what sends none is refused, since anybody could
    /// leave it out.
    public static func parse(_ bytes: Span<UInt8>) -> Outcome {
        guard bytes.count > 0 else { return .needMore }
        switch bytes[0] {
        case 0x50: return parseText(bytes)
        case 0x0D: return parseBinary(bytes)
        default: return .failed(WireError(400, "no_proxy_header"))
        }
    }

    // MARK: Version 1

    private static func parseText(_ bytes: Span<UInt8>) -> Outcome {
        let prefix: StaticString = "PROXY "
        guard begins(bytes, prefix) else { return .failed(WireError(400, "no_proxy_header")) }
        var end = 0
        while end < min(bytes.count, maximumText), bytes[end] != 0x0A { end += 1 }
        guard end < bytes.count, end < maximumText else {
            return end < maximumText ? .needMore : .failed(WireError(400, "proxy_header_too_long"))
        }
        guard end >= prefix.utf8CodeUnitCount, bytes[end - 1] == 0x0D else {
            return .failed(WireError(400, "proxy_header"))
        }
        var line = LineReader(bytes, from: prefix.utf8CodeUnitCount, to: end - 1)
        let family = line.word()
        if bytes.reads(family, "UNKNOWN") { return .complete(end + 1, nil) }
        let isIPv6 = bytes.reads(family, "TCP6")
        guard isIPv6 || bytes.reads(family, "TCP4"), let source = address(bytes, line.word(), isIPv6),
            address(bytes, line.word(), isIPv6) != nil, let sourcePort = port(bytes, line.word()),
            port(bytes, line.word()) != nil, line.isAtEnd
        else { return .failed(WireError(400, "proxy_header")) }
        return .complete(end + 1, ProxySource(address: source, isIPv6: isIPv6, port: sourcePort))
    }

    /// Whether `bytes` begins with `prefix`, as far as it goes.
    private static func begins(_ bytes: Span<UInt8>, _ prefix: StaticString) -> Bool {
        prefix.withUTF8Buffer { expected in
            for index in 0..<min(bytes.count, expected.count) where bytes[index] != expected[index] { return false }
            return true
        }
    }

    private static func address(_ bytes: Span<UInt8>, _ word: Range<Int>, _ isIPv6: Bool) -> ProxySource.Address? {
        var reader = AddressReader(bytes, word)
        return isIPv6 ? reader.readIPv6() : reader.readIPv4()
    }

    /// 0 to 65535 without leading zeros.
    private static func port(_ bytes: Span<UInt8>, _ word: Range<Int>) -> UInt16? {
        guard (1...5).contains(word.count), word.count == 1 || bytes[word.lowerBound] != 0x30 else { return nil }
        var value = 0
        for index in word {
            guard CharacterSets.isDigit(bytes[index]) else { return nil }
            value = value * 10 + Int(bytes[index] &- 0x30)
        }
        return UInt16(exactly: value)
    }

    // MARK: Version 2

    private static func parseBinary(_ bytes: Span<UInt8>) -> Outcome {
        guard begins(bytes, "\r\n\r\n\0\r\nQUIT\n") else { return .failed(WireError(400, "no_proxy_header")) }
        guard bytes.count >= 16 else { return .needMore }
        guard bytes[12] >> 4 == 2, bytes[12] & 15 <= 1 else { return .failed(WireError(400, "proxy_header")) }
        let length = 16 + (Int(bytes[14]) << 8 | Int(bytes[15]))
        guard length <= maximumBinary else { return .failed(WireError(400, "proxy_header_too_long")) }
        guard bytes.count >= length else { return .needMore }
        // LOCAL: a health check of the proxy's own. What addresses it carries do not count (section 2.2).
        if bytes[12] & 15 == 0 { return .complete(length, nil) }
        switch bytes[13] {
        case 0x11:
            guard length >= 16 + 12 else { return .failed(WireError(400, "proxy_header")) }
            return .complete(length, source(bytes, isIPv6: false, portOffset: 24))
        case 0x21:
            guard length >= 16 + 36 else { return .failed(WireError(400, "proxy_header")) }
            return .complete(length, source(bytes, isIPv6: true, portOffset: 48))
        // Of a protocol unknown to the proxy, datagrams or a local socket: accepted, with no address of use.
        case 0x00, 0x12, 0x22, 0x31, 0x32: return .complete(length, nil)
        default: return .failed(WireError(400, "proxy_header"))
        }
    }

    private static func source(_ bytes: Span<UInt8>, isIPv6: Bool, portOffset: Int) -> ProxySource {
        var address = ProxySource.Address()
        for index in 0..<(isIPv6 ? 16 : 4) { address[index] = bytes[16 + index] }
        let port = UInt16(bytes[portOffset]) << 8 | UInt16(bytes[portOffset + 1])
        return ProxySource(address: address, isIPv6: isIPv6, port: port)
    }
}

/// The words of a line, each behind exactly one space.
private struct LineReader: ~Escapable {
    private let bytes: Span<UInt8>
    private var position: Int
    private let end: Int

    @_lifetime(copy bytes)
    init(_ bytes: Span<UInt8>, from start: Int, to end: Int) {
        self.bytes = bytes
        position = start
        self.end = end
    }

    var isAtEnd: Bool { position > end }

    /// The next word; empty when there is none, or when two spaces follow each other.
    @_lifetime(self: copy self)
    mutating func word() -> Range<Int> {
        let start = min(position, end)
        var index = start
        while index < end, bytes[index] != 0x20 { index += 1 }
        position = index + 1
        return start..<index
    }
}

extension Span<UInt8> {
    fileprivate func reads(_ range: Range<Int>, _ text: StaticString) -> Bool {
        guard range.count == text.utf8CodeUnitCount else { return false }
        return text.withUTF8Buffer { expected in
            for index in 0..<expected.count where self[range.lowerBound + index] != expected[index] { return false }
            return true
        }
    }
}
