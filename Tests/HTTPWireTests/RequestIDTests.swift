// Owns the tests of a request's id.
import HTTPWire
import Testing

@Suite("Request ids")
struct RequestIDTests {
    static func text(_ id: RequestID, _ bytes: [UInt8] = []) -> String {
        let span = id.span(in: bytes.span)
        return String(decoding: (0..<span.count).map { span[$0] }, as: UTF8.self)
    }

    @Test(
        "Ours are 32 digits",
        arguments: [
            (0, 0, "00000000000000000000000000000000"),
            (0x0123_4567_89AB_CDEF, 0xFEDC_BA98_7654_3210, "0123456789abcdeffedcba9876543210"),
            (UInt64.max, 1, "ffffffffffffffff0000000000000001"),
        ])
    func ours(_ high: UInt64, _ low: UInt64, _ expected: String) {
        let id = RequestID(high: high, low: low)
        #expect(Self.text(id) == expected)
        #expect(!id.isGiven)
    }

    @Test(
        "A client's is kept when it is 1 to 128 token characters, and the first counts",
        arguments: [
            ("X-Request-Id: a-1.b", "a-1.b"), ("x-request-id:a", "a"), ("X-Request-Id: a\r\nX-Request-Id: b", "a"),
            ("X-Request-Id: " + String(repeating: "x", count: 128), String(repeating: "x", count: 128)),
            ("X-Request-Id: " + String(repeating: "x", count: 129), nil), ("X-Request-Id:", nil),
            ("X-Request-Id: a b", nil), ("X-Request-Id: (\r\nX-Request-Id: b", nil), ("A: b", nil),
        ] as [(String, String?)])
    func given(_ lines: String, _ expected: String?) {
        let request = ParsedRequest("GET / HTTP/1.1\r\nHost: a\r\n\(lines)\r\n\r\n")
        let id = RequestID(given: request.head.fields.value(of: .requestID), request.bytes.span, high: 1, low: 2)
        #expect(id.isGiven == (expected != nil))
        #expect(Self.text(id, request.bytes) == expected ?? "00000000000000010000000000000002")
        // Without the head there is nothing of a client's id, and all of ours.
        #expect(Self.text(id) == (expected == nil ? "00000000000000010000000000000002" : ""))
    }

    @Test("Every exchange holds one, so it is small")
    func size() { #expect(MemoryLayout<RequestID>.size <= 40) }
}
