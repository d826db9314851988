// Owns the tests of what a request's fields mean: host, framing, connection, expectation, upgrade.
import HTTPWire
import Testing

@Suite("Requests: meaning")
struct RequestMeaningTests {
    static func request(_ lines: String..., version: String = "1.1", method: String = "GET") -> String {
        "\(method) / HTTP/\(version)\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
    }

    static func absolute(_ target: String, _ host: String) -> String {
        "GET \(target) HTTP/1.1\r\nHost: \(host)\r\n\r\n"
    }

    static let hosts: [HeadCase] = [
        HeadCase("RFC 9112 3.2: none", request("A: b"), 400, "no_host"),
        HeadCase("RFC 9112 3.2: none in 1.0", request("A: b", version: "1.0")),
        HeadCase("RFC 9112 3.2: two", request("Host: a", "Host: a"), 400, "repeated_host"),
        HeadCase("RFC 9112 3.2: two in 1.0", request("Host: a", "host: a", version: "1.0"), 400, "repeated_host"),
        HeadCase("RFC 9112 3.2: two, differing in case", request("Host: a", "HOST: b"), 400, "repeated_host"),
        HeadCase("RFC 9110 4.2.1: empty", request("Host:"), 400, "host"),
        HeadCase("RFC 9110 7.2", request("Host: a b"), 400, "host"),
        HeadCase("RFC 9110 7.2", request("Host: a/b"), 400, "host"),
        HeadCase("RFC 9110 7.2", request("Host: a@b"), 400, "host"),
        HeadCase("RFC 9110 7.2", request("Host: a?b"), 400, "host"),
        HeadCase("RFC 9110 7.2", request("Host: a:b"), 400, "host"),
        HeadCase("RFC 9110 7.2", request("Host: a:80:80"), 400, "host"),
        HeadCase("RFC 9110 7.2", request("Host: :80"), 400, "host"),
        HeadCase("RFC 9110 7.2", request("Host: a:123456"), 400, "host"),
        HeadCase("RFC 9110 7.2", request("Host: http://a"), 400, "host"),
        HeadCase("RFC 9110 7.2", request("Host: [::1"), 400, "host"),
        HeadCase("RFC 9110 7.2", request("Host: [::1]x"), 400, "host"),
        HeadCase("RFC 9110 7.2", request("Host: []"), 400, "host"),
        HeadCase("RFC 9110 7.2", request("Host: [1.2.3.4]"), 400, "host"),
        HeadCase("RFC 9110 7.2", request("Host: [g::1]"), 400, "host"),
        HeadCase("RFC 9110 7.2: obs-text", request("Host: \u{E9}"), 400, "host"),
        HeadCase("RFC 9110 7.2", request("Host: a.example:8080")),
        HeadCase("RFC 9110 7.2: an empty port", request("Host: a:")),
        HeadCase("RFC 9110 7.2: the highest port", request("Host: a:65535")),
        HeadCase("RFC 3986 3.2.3: no such port", request("Host: a:65536"), 400, "host"),
        HeadCase("RFC 3986 3.2.3: no such port", request("Host: [::1]:99999"), 400, "host"),
        HeadCase("RFC 9110 7.2", request("Host: a_b.example.")),
        HeadCase("RFC 9110 7.2", request("Host: [2001:db8::1]:80")),
        HeadCase("RFC 9110 7.2", request("Host: [::ffff:192.0.2.1]")),
        HeadCase("RFC 9112 3.2.2", absolute("http://a/", "A")),
        HeadCase("RFC 9112 3.2.2", absolute("http://a:80/", "a")),
        HeadCase("RFC 9112 3.2.2", absolute("http://a/", "a:80")),
        HeadCase("RFC 9112 3.2.2", absolute("https://a/", "a:443")),
        HeadCase("RFC 9112 3.2.2: disagrees", absolute("http://a/", "b"), 400, "host_disagrees"),
        HeadCase("RFC 9112 3.2.2: disagrees", absolute("http://a:8080/", "a"), 400, "host_disagrees"),
        HeadCase("RFC 9112 3.2.2: the other's port", absolute("http://a/", "a:443"), 400, "host_disagrees"),
        HeadCase("RFC 9112 3.2.2: the other's port", absolute("https://a:80/", "a"), 400, "host_disagrees"),
        HeadCase("RFC 9112 3.2: absolute without Host", "GET http://a/ HTTP/1.1\r\n\r\n", 400, "no_host"),
    ]

    @Test("Host", arguments: hosts)
    func host(_ item: HeadCase) { item.check() }

    static let framings: [HeadCase] = [
        HeadCase(
            "RFC 9112 6.3: both", post("Content-Length: 5", "Transfer-Encoding: chunked"), 400,
            "length_and_transfer_encoding"),
        HeadCase(
            "RFC 9112 6.3: both", post("Transfer-Encoding: chunked", "Content-Length: 0"), 400,
            "length_and_transfer_encoding"),
        HeadCase("RFC 9110 8.6: twice", post("Content-Length: 5", "Content-Length: 6"), 400, "repeated_content_length"),
        HeadCase(
            "RFC 9110 8.6: twice the same", post("Content-Length: 5", "Content-Length: 5"), 400,
            "repeated_content_length"),
        HeadCase("RFC 9110 8.6: a list", post("Content-Length: 5, 5"), 400, "content_length"),
        HeadCase("RFC 9110 8.6", post("Content-Length:"), 400, "content_length"),
        HeadCase("RFC 9110 8.6", post("Content-Length: -1"), 400, "content_length"),
        HeadCase("RFC 9110 8.6", post("Content-Length: +1"), 400, "content_length"),
        HeadCase("RFC 9110 8.6", post("Content-Length: 0x10"), 400, "content_length"),
        HeadCase("RFC 9110 8.6", post("Content-Length: 1 0"), 400, "content_length"),
        HeadCase("RFC 9110 8.6", post("Content-Length: 1e3"), 400, "content_length"),
        HeadCase("RFC 9110 8.6", post("Content-Length: \u{FF15}"), 400, "content_length"),
        HeadCase("RFC 9110 8.6: no overflow", post("Content-Length: 9223372036854775808"), 400, "content_length"),
        HeadCase("RFC 9110 8.6: no overflow", post("Content-Length: 18446744073709551621"), 400, "content_length"),
        HeadCase("RFC 9110 8.6", post("Content-Length: 9223372036854775807")),
        HeadCase("RFC 9112 6.1", post("Transfer-Encoding: chunked")),
        HeadCase("RFC 9112 6.1: any case", post("transfer-encoding: CHUNKED")),
        HeadCase("RFC 9112 6.1: unknown", post("Transfer-Encoding: gzip"), 501, "unknown_transfer_coding"),
        HeadCase("RFC 9112 6.1: unknown", post("Transfer-Encoding: identity"), 501, "unknown_transfer_coding"),
        HeadCase("RFC 9112 6.1: unknown", post("Transfer-Encoding: xchunked"), 501, "unknown_transfer_coding"),
        HeadCase("RFC 9112 6.1: a list", post("Transfer-Encoding: gzip, chunked"), 400, "transfer_encoding"),
        HeadCase("RFC 9112 6.1: not last", post("Transfer-Encoding: chunked, gzip"), 400, "transfer_encoding"),
        HeadCase("RFC 9112 6.1: twice", post("Transfer-Encoding: chunked, chunked"), 400, "transfer_encoding"),
        HeadCase("RFC 9112 6.1: parameters", post("Transfer-Encoding: chunked;a=b"), 400, "transfer_encoding"),
        HeadCase("RFC 9112 6.1: quoted", post("Transfer-Encoding: \"chunked\""), 400, "transfer_encoding"),
        HeadCase("RFC 9112 6.1: empty", post("Transfer-Encoding:"), 400, "transfer_encoding"),
        HeadCase("RFC 9112 6.1: a comma", post("Transfer-Encoding: ,chunked"), 400, "transfer_encoding"),
        HeadCase(
            "RFC 9112 6.1: two lines", post("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), 400,
            "repeated_transfer_encoding"),
        HeadCase(
            "RFC 9112 6.1: two lines", post("Transfer-Encoding: chunked", "Transfer-Encoding: identity"), 400,
            "repeated_transfer_encoding"),
        HeadCase(
            "RFC 9112 6.1: in 1.0", request("Transfer-Encoding: chunked", version: "1.0"), 400,
            "transfer_encoding_in_1_0"),
    ]

    static func post(_ lines: String...) -> String {
        "POST / HTTP/1.1\r\nHost: a\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
    }

    @Test("Framing", arguments: framings)
    func framing(_ item: HeadCase) { item.check() }

    @Test("What the framing is (RFC 9112 6.3)")
    func framingValues() {
        #expect(ParsedRequest(Self.post("A: b")).head.framing == .none)
        #expect(ParsedRequest(Self.post("Content-Length: 0")).head.framing == .none)
        #expect(ParsedRequest(Self.post("Content-Length: 007")).head.framing == .length(7))
        #expect(
            ParsedRequest(Self.post("Content-Length: 9223372036854775807")).head.framing == .length(UInt64(Int64.max)))
        #expect(ParsedRequest(Self.post("Transfer-Encoding: chunked")).head.framing == .chunked)
    }

    @Test(
        "Who keeps the connection (RFC 9112 9.3)",
        arguments: [
            ("1.1", "", true), ("1.1", "close", false), ("1.1", "keep-alive", true),
            ("1.1", "Keep-Alive, Close", false),
            ("1.1", "x,close,y", false), ("1.1", "closed", true), ("1.0", "", false), ("1.0", "keep-alive", true),
            ("1.0", "Keep-Alive", true), ("1.0", "close, keep-alive", false), ("1.1", " , ,close", false),
        ])
    func keepsAlive(_ version: String, _ connection: String, _ expected: Bool) {
        let lines = connection.isEmpty ? "" : "Connection: \(connection)\r\n"
        let request = ParsedRequest("GET / HTTP/\(version)\r\nHost: a\r\n\(lines)\r\n")
        #expect(request.head.keepsAlive == expected)
    }

    @Test("Several Connection lines count together (RFC 9110 5.3)")
    func connectionLines() {
        #expect(!ParsedRequest(Self.request("Host: a", "Connection: x", "Connection: close")).head.keepsAlive)
    }

    @Test(
        "Fields that Connection may not name",
        arguments: [
            "Host", "Content-Length", "Transfer-Encoding", "Forwarded", "X-Forwarded-For", "X-Forwarded-Proto",
            "X-Forwarded-Host", "x-forwarded-anything", "X-Real-IP", "close, HOST", "TE,x-forwarded-for",
            "X-Request-Id", "Via",
            "Expect",
        ])
    func nominated(_ option: String) {
        let request = ParsedRequest(Self.request("Host: a", "Connection: \(option)"))
        #expect(request.verdict == .refused(400, "nominated_field"))
    }

    @Test("Connection has a bounded number of options")
    func boundedOptions() {
        let few = Self.request("Host: a", "Connection: " + Array(repeating: "x", count: 64).joined(separator: ","))
        #expect(ParsedRequest(few).verdict == .complete(few.utf8.count))
        let many = Self.request("Host: a", "Connection: " + Array(repeating: "x", count: 65).joined(separator: ","))
        #expect(ParsedRequest(many).verdict == .refused(400, "connection_options"))
    }

    @Test("Expect (RFC 9110 10.1.1)")
    func expect() {
        #expect(ParsedRequest(Self.post("Content-Length: 1", "Expect: 100-Continue")).head.expectsContinue)
        #expect(!ParsedRequest(Self.post("Content-Length: 1")).head.expectsContinue)
        #expect(ParsedRequest(Self.post("Expect: 200-ok")).verdict == .refused(417, "expectation"))
        #expect(!ParsedRequest(Self.request("Expect: 100-continue", version: "1.0")).head.expectsContinue)
    }

    @Test(
        "TE: trailers (RFC 9110 10.1.4)",
        arguments: [
            ("trailers", true), ("Trailers", true), ("gzip, trailers", true), ("gzip;q=0.5,trailers", true),
            ("gzip", false), ("trailersx", false), ("xtrailers", false), ("", false),
        ])
    func trailers(_ value: String, _ expected: Bool) {
        let request = ParsedRequest(Self.request("Host: a", "TE: \(value)", "Connection: TE"))
        #expect(request.head.acceptsTrailers == expected)
    }

    @Test("Nothing of one request is left in the next")
    func reuse() {
        let head = RequestHead()
        let parser = RequestHeadParser()
        let first = Array(
            ("POST http://a/../x?q HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close, TE\r\n"
                + "TE: trailers\r\nExpect: 100-continue\r\n\r\n").utf8)
        let second = Array("GET / HTTP/1.0\r\n\r\n".utf8)
        let third = Array("OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n".utf8)
        for _ in 0..<2 {
            #expect(parser.parse(first.span, into: head) == .complete(first.count))
            #expect(head.framing == .chunked && head.expectsContinue && head.acceptsTrailers && !head.keepsAlive)
            #expect(parser.parse(third.span, into: head) == .complete(third.count))
            #expect(head.isAsterisk && head.path.isEmpty && head.query.isEmpty && !head.mayNeedNormalizing)
            #expect(parser.parse(second.span, into: head) == .complete(second.count))
            #expect(head.framing == .none && !head.expectsContinue && !head.acceptsTrailers && !head.isAsterisk)
            #expect(!head.isAbsoluteForm && head.authority.isEmpty && !head.wantsWebSocket && head.fields.count == 0)
        }
    }
}
