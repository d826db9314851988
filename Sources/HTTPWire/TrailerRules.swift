// Owns which trailers are passed on (RFC 9110 section 6.5.1), whatever version they came by.

/// What may come behind a body.
public enum TrailerRules {
    private static let forbidden: [StaticString] = [
        "proxy-authorization", "proxy-authenticate", "set-cookie", "cache-control",
        "content-encoding", "content-type", "content-range", "range", "if-match", "if-none-match",
        "if-modified-since", "if-unmodified-since", "if-range", "location", "age", "expires", "warning", "vary",
        "pragma", "retry-after", "www-authenticate", "x-http-method-override",
    ]

    /// Whether a trailer of a name may be passed on: framing, routing and authentication fields may not.
    ///
    /// - Parameters:
    ///   - start: where the name begins.
    ///   - count: its bytes.
    public static func maySend(_ line: Span<UInt8>, _ start: Int, _ count: Int) -> Bool {
        switch FieldName.recognise(line, start, count) {
        case .other, .date, .server: break
        default: return false
        }
        let name = ByteRange(start: start, count: count)
        for index in name.range where line[index] == 0x5F { return false }
        return !forbidden.contains { line.equalsIgnoringCase(name, $0) }
    }
}
