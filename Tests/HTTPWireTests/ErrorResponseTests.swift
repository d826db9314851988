// Owns the tests of Meridian's own answers and of the writer they go through.
import HTTPWire
import Testing

@Suite("Own answers")
struct ErrorResponseTests {
    static func answer(
        _ status: Int, page: String = "", keepsAlive: Bool = false, headOnly: Bool = false, retryAfter: Int = 0,
        requestID: String = "abc", isOldClient: Bool = false, detail: StaticString = ""
    ) -> String {
        let date = Array("Sun, 06 Nov 1994 08:49:37 GMT".utf8)
        let identity = Array(requestID.utf8)
        let body = Array(page.utf8)
        var output = [UInt8](repeating: 0, count: 2048)
        var writer = OutputWriter(output.mutableSpan)
        ErrorResponse.write(
            status: status, date: date.span, requestID: identity.span, page: body.span, keepsAlive: keepsAlive,
            headOnly: headOnly, retryAfter: retryAfter, isOldClient: isOldClient, detail: detail, into: &writer)
        let count = writer.count
        return String(decoding: output[..<count], as: UTF8.self)
    }

    @Test("A whole answer")
    func whole() {
        #expect(
            Self.answer(503, retryAfter: 2) == """
                HTTP/1.1 503 Service Unavailable\r
                Date: Sun, 06 Nov 1994 08:49:37 GMT\r
                Content-Type: text/plain; charset=utf-8\r
                Content-Length: 24\r
                X-Request-Id: abc\r
                Retry-After: 2\r
                Connection: close\r
                Cache-Control: no-store\r
                \r
                503 Service Unavailable

                """)
    }

    @Test("A detail, where there is no page")
    func detail() {
        let text = Self.answer(503, detail: "nobody is there")
        #expect(text.hasSuffix("\r\n\r\n503 Service Unavailable: nobody is there\n"))
        #expect(text.contains("\r\nContent-Length: 41\r\n"))
        #expect(Self.answer(503, page: "<p>sorry</p>", detail: "nobody is there").hasSuffix("\r\n\r\n<p>sorry</p>"))
    }

    @Test("A page of the operator's")
    func page() {
        let text = Self.answer(502, page: "<p>sorry</p>", keepsAlive: true)
        #expect(text.hasSuffix("\r\n\r\n<p>sorry</p>"))
        #expect(text.contains("\r\nContent-Length: 12\r\n"))
        #expect(text.contains("\r\nContent-Type: text/html; charset=utf-8\r\n"))
        #expect(!text.contains("Connection"))
    }

    @Test("Every answer parses, with the body that it announces", arguments: Array(400...599), [false, true])
    func parses(_ status: Int, _ headOnly: Bool) {
        let text = Self.answer(status, headOnly: headOnly, requestID: "")
        let response = ParsedResponse(text)
        guard case .complete(let length) = response.verdict, case .length(let announced) = response.head.framing else {
            Issue.record("\(response.verdict)")
            return
        }
        #expect(response.head.status == status)
        #expect(text.utf8.count - length == (headOnly ? 0 : Int(announced)))
        #expect(!response.head.keepsAlive)
    }

    @Test("Clients of HTTP/1.0 are told that the connection stays (RFC 9112 C.2.2)")
    func oldClient() {
        #expect(Self.answer(404, keepsAlive: true, isOldClient: true).contains("\r\nConnection: keep-alive\r\n"))
        #expect(Self.answer(404, keepsAlive: false, isOldClient: true).contains("\r\nConnection: close\r\n"))
    }

    @Test("405 lists what is allowed (RFC 9110 15.5.6)")
    func allow() {
        #expect(Self.answer(405).contains("\r\nAllow: GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH, TRACE\r\n"))
    }
}

@Suite("Output")
struct OutputWriterTests {
    static func write(_ room: Int, _ body: (inout OutputWriter) -> Void) -> (String, overflowed: Bool) {
        var output = [UInt8](repeating: 0x2D, count: room)
        var writer = OutputWriter(output.mutableSpan)
        body(&writer)
        let count = writer.count
        let overflowed = writer.overflowed
        return (String(decoding: output[..<count], as: UTF8.self), overflowed)
    }

    @Test("Decimal numbers", arguments: [0, 1, 9, 10, 99, 100, 12345, Int.max, -1, Int.min])
    func decimal(_ value: Int) {
        let (text, overflowed) = Self.write(32) { $0.append(decimal: value) }
        #expect(text == String(value))
        #expect(!overflowed)
    }

    @Test("Hexadecimal numbers")
    func hexadecimal() {
        #expect(Self.write(16) { $0.append(hex: 0x0123_4567_89AB_CDEF) } == ("0123456789abcdef", false))
        #expect(Self.write(16) { $0.append(hex: 0) } == ("0000000000000000", false))
    }

    @Test("What does not fit is told and not written")
    func overflow() {
        let source = Array("abc".utf8)
        #expect(Self.write(3) { $0.append(all: source.span) } == ("abc", false))
        #expect(Self.write(2) { $0.append(all: source.span) } == ("", true))
        #expect(Self.write(2) { $0.append("abc") } == ("", true))
        #expect(Self.write(0) { $0.append(byte: 1) } == ("", true))
        #expect(Self.write(8) { $0.append(source.span, 1, 3) } == ("bc", false))
        #expect(Self.write(8) { $0.append(source.span, 1, 4) } == ("", true))
        #expect(Self.write(8) { $0.append(source.span, -1, 2) } == ("", true))
        #expect(Self.write(8) { $0.append(source.span, 2, 1) } == ("", false))
    }
}
