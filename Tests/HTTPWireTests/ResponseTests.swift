// Owns the tests of responses: what a backend may send, and what its client gets.
import HTTPWire
import Testing

/// One response and what becomes of it.
struct ResponseCase: CustomTestStringConvertible, Sendable {
    let rule: String
    let text: String
    let reason: String?
    let method: RequestMethod
    let lenient: Bool

    /// `nil` for the reason: the head is whole.
    init(_ rule: String, _ text: String, _ reason: String? = nil, method: RequestMethod = .get, lenient: Bool = false) {
        self.rule = rule
        self.text = text
        self.reason = reason
        self.method = method
        self.lenient = lenient
    }

    var testDescription: String { "\(rule): \(text.prefix(60).debugDescription)" }
}

@Suite("Responses: parse")
struct ResponseParseTests {
    static func response(_ lines: String..., status: String = "200 OK") -> String {
        "HTTP/1.1 \(status)\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
    }

    static let strict: [ResponseCase] = [
        ResponseCase("RFC 9112 4", response()),
        ResponseCase("RFC 9112 4: no reason", "HTTP/1.1 200 \r\n\r\n"),
        ResponseCase("RFC 9112 4: not even a space", "HTTP/1.1 200\r\n\r\n"),
        ResponseCase("RFC 9112 4: obs-text in the reason", response(status: "200 \u{E9}")),
        ResponseCase("RFC 9112 4: a control in the reason", response(status: "200 a\u{0}b"), "status_line"),
        ResponseCase("RFC 9112 4", response(status: "20 OK"), "status_line"),
        ResponseCase("RFC 9112 4", response(status: "2000 OK"), "status_line"),
        ResponseCase("RFC 9112 4", response(status: "2x0 OK"), "status_line"),
        ResponseCase("RFC 9110 15: 100 to 999", response(status: "099 OK"), "status_line"),
        ResponseCase("RFC 9112 4", "HTTP/1.1  200 OK\r\n\r\n", "status_line"),
        ResponseCase("RFC 9112 4", "HTTP/1.1\t200 OK\r\n\r\n", "status_line"),
        ResponseCase("RFC 9112 4", "HTTP/2.0 200 OK\r\n\r\n", "version"),
        ResponseCase("RFC 9112 4", "HTTP/1.2 200 OK\r\n\r\n", "version"),
        ResponseCase("RFC 9112 4", "http/1.1 200 OK\r\n\r\n", "version"),
        ResponseCase("RFC 9112 2.2: an empty line before it", "\r\nHTTP/1.1 200 OK\r\n\r\n", "version"),
        ResponseCase("HTTP/0.9", "<html>hello, world</html>", "version"),
        ResponseCase("RFC 9112 2.2: bare LF", "HTTP/1.1 200 OK\n\n", "status_line"),
        ResponseCase("RFC 9112 2.2: bare LF", "HTTP/1.1 200 OK\r\nA: b\n\r\n", "bare_lf"),
        ResponseCase("RFC 9112 2.2: bare CR", response("A: b\rc"), "bare_cr"),
        ResponseCase("RFC 9112 5.1", response("A : b"), "space_before_colon"),
        ResponseCase("RFC 9112 5.2", response("A: b\r\n c"), "folded_field"),
        ResponseCase("RFC 9110 5.5", response("A: b\u{0}"), "control_character"),
        ResponseCase("RFC 9110 5.1", response("A(: b"), "field_name"),
        ResponseCase(
            "RFC 9112 6.3: both", response("Content-Length: 5", "Transfer-Encoding: chunked"),
            "length_and_transfer_encoding"),
        ResponseCase(
            "RFC 9112 6.3: both, to HEAD", response("Content-Length: 5", "Transfer-Encoding: chunked"),
            "length_and_transfer_encoding", method: .head),
        ResponseCase("RFC 9110 8.6", response("Content-Length: 5", "Content-Length: 5"), "repeated_content_length"),
        ResponseCase("RFC 9110 8.6", response("Content-Length: 5, 5"), "content_length"),
        ResponseCase("RFC 9110 8.6", response("Content-Length: -5"), "content_length"),
        ResponseCase("RFC 9112 6.1", response("Transfer-Encoding: gzip"), "unknown_transfer_coding"),
        ResponseCase("RFC 9112 6.1", response("Transfer-Encoding: gzip, chunked"), "transfer_encoding"),
        ResponseCase(
            "RFC 9112 6.1: in 1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "transfer_encoding_in_1_0"),
        ResponseCase(
            "RFC 9112 6.1: 204", response("Transfer-Encoding: chunked", status: "204 No Content"), "body_not_allowed"),
        ResponseCase(
            "RFC 9112 6.1: 1xx", response("Transfer-Encoding: chunked", status: "103 Early Hints"), "body_not_allowed"),
        ResponseCase(
            "RFC 9112 6.1: 204 to HEAD", response("Transfer-Encoding: chunked", status: "204 No Content"),
            "body_not_allowed", method: .head),
        ResponseCase("RFC 9112 6.1: 304 may", response("Transfer-Encoding: chunked", status: "304 Not Modified")),
        ResponseCase(
            "nominated framing", response("Connection: content-length", "Content-Length: 5"), "nominated_field"),
        ResponseCase("nominated framing", response("Connection: Transfer-Encoding"), "nominated_field"),
        ResponseCase("nominated Via is the backend's own affair", response("Connection: via, host", "Via: 1.1 x")),
    ]

    static let lenient: [ResponseCase] = [
        ResponseCase("bare LF", "HTTP/1.1 200 OK\nA: b\n\n", lenient: true),
        ResponseCase("bare LF without a reason", "HTTP/1.1 200\n\n", lenient: true),
        ResponseCase("both ends of line", "HTTP/1.1 200 OK\r\nA: b\nC: d\r\n\n", lenient: true),
        ResponseCase("a bare CR is still refused", "HTTP/1.1 200 OK\nA: b\rc\n\n", "bare_cr", lenient: true),
        ResponseCase("a fold is still refused", "HTTP/1.1 200 OK\nA: b\n c\n\n", "folded_field", lenient: true),
        ResponseCase("a long status is still refused", "HTTP/1.1 2000 OK\n\n", "status_line", lenient: true),
    ]

    /// Framing fields that a response without a body should not have, in every way they can be wrong.
    static let needless = [
        "Transfer-Encoding: chunked", "Transfer-Encoding: gzip", "Transfer-Encoding:", "Content-Length: x",
        "Content-Length: 5\r\nContent-Length: 6", "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "Content-Length: 5",
    ]

    @Test(
        "What has no body by its status has none, whatever its fields say, to the lenient (RFC 9112 6.3)",
        arguments: ["100", "103", "204", "304"], needless)
    func noBody(_ status: String, _ lines: String) {
        for version in ["1.0", "1.1"] {
            let text = "HTTP/\(version) \(status) X\r\nETag: y\r\n\(lines)\r\n\r\n"
            let response = ParsedResponse(text, lenient: true)
            #expect(response.verdict == .complete(text.utf8.count))
            #expect(response.head.framing == .none)
            var options = ResponseOptions()
            options.lenient = true
            options.requestID = ""
            #expect(rewriteResponse(text, options) == "HTTP/1.1 \(status) X\r\nETag: y\r\n\r\n")
        }
    }

    @Test("Other statuses are not excused", arguments: ["200", "404", "205"], needless.dropLast())
    func otherStatuses(_ status: String, _ lines: String) {
        guard lines != "Transfer-Encoding: chunked" else { return }
        let text = "HTTP/1.1 \(status) X\r\n\(lines)\r\n\r\n"
        guard case .refused(502, _) = ParsedResponse(text, lenient: true).verdict else {
            Issue.record("accepted")
            return
        }
    }

    @Test("Heads", arguments: strict + lenient)
    func heads(_ item: ResponseCase) {
        let response = ParsedResponse(item.text, method: item.method, lenient: item.lenient)
        #expect(response.verdict == item.reason.map { .refused(502, $0) } ?? .complete(item.text.utf8.count))
    }

    @Test(
        "Framing (RFC 9112 6.3)",
        arguments: [
            ("200", RequestMethod.get, "Content-Length: 5", BodyFraming.length(5)),
            ("200", .get, "Content-Length: 0", .none), ("200", .get, "Transfer-Encoding: chunked", .chunked),
            ("200", .get, "A: b", .untilClose), ("200", .head, "Content-Length: 5", .none),
            ("200", .head, "Transfer-Encoding: chunked", .none), ("200", .head, "A: b", .none),
            ("204", .get, "A: b", .none), ("204", .get, "Content-Length: 5", .none),
            ("304", .get, "Content-Length: 5", .none),
            ("304", .get, "Transfer-Encoding: chunked", .none), ("100", .get, "A: b", .none),
            ("101", .get, "Content-Length: 5", .none), ("500", .post, "A: b", .untilClose),
            ("205", .get, "Content-Length: 0", .none),
        ])
    func framing(_ status: String, _ method: RequestMethod, _ line: String, _ expected: BodyFraming) {
        let response = ParsedResponse("HTTP/1.1 \(status) X\r\n\(line)\r\n\r\n", method: method)
        #expect(response.head.framing == expected)
        #expect(response.head.status == Int(status))
        #expect(response.head.isInformational == (status < "200"))
    }

    @Test(
        "Whose connection goes on (RFC 9112 9.3)",
        arguments: [
            ("1.1", "Content-Length: 1", true), ("1.1", "Content-Length: 1\r\nConnection: close", false),
            ("1.1", "A: b", false), ("1.0", "Content-Length: 1", false),
            ("1.0", "Content-Length: 1\r\nConnection: keep-alive", true), ("1.1", "Transfer-Encoding: chunked", true),
        ])
    func keepsAlive(_ version: String, _ lines: String, _ expected: Bool) {
        #expect(ParsedResponse("HTTP/\(version) 200 OK\r\n\(lines)\r\n\r\n").head.keepsAlive == expected)
    }

    @Test(
        "Keep-Alive: timeout",
        arguments: [
            ("timeout=5", 5), ("max=100, timeout=30", 30), ("Timeout=5, max=1", 5), ("timeout=", nil),
            ("timeout=x", nil),
            ("max=5", nil), ("timeout=99999999999999999999999", 999_999), ("", nil),
        ] as [(String, Int?)])
    func keepAliveTimeout(_ value: String, _ expected: Int?) {
        let response = ParsedResponse("HTTP/1.1 200 OK\r\nKeep-Alive: \(value)\r\n\r\n")
        #expect(response.head.keepAliveTimeout(response.bytes.span) == expected)
        let without = ParsedResponse("HTTP/1.1 200 OK\r\n\r\n")
        #expect(without.head.keepAliveTimeout(without.bytes.span) == nil)
    }

    @Test("The reason phrase is known")
    func reason() {
        for (line, expected) in [("200 Very OK", "Very OK"), ("200 ", ""), ("200", "")] {
            let response = ParsedResponse("HTTP/1.1 \(line)\r\n\r\n")
            #expect(response.bytes.text(response.head.reason) == expected)
        }
    }
}

@Suite("Responses: rewrite")
struct ResponseRewriteTests {
    static func options(_ change: (inout ResponseOptions) -> Void) -> ResponseOptions {
        var options = ResponseOptions()
        change(&options)
        return options
    }

    static let identity = "X-Request-Id: abc"
    static let old = options { $0.isOldClient = true }
    static let lenient = options { $0.lenient = true }

    static let cases: [(String, [String], ResponseOptions, [String])] = [
        (
            "as it came", ["HTTP/1.1 200 OK", "Content-Length: 5", "A: b"], options { _ in },
            ["HTTP/1.1 200 OK", "Content-Length: 5", "A: b", identity]
        ),
        (
            "RFC 9110 2.5: our own version", ["HTTP/1.0 200 OK", "Content-Length: 5"], options { _ in },
            ["HTTP/1.1 200 OK", "Content-Length: 5", identity]
        ),
        (
            "RFC 9112 4: a space before no reason", ["HTTP/1.1 200", "Content-Length: 5"], options { _ in },
            ["HTTP/1.1 200 ", "Content-Length: 5", identity]
        ),
        ("no fields at all", ["HTTP/1.1 204 No Content"], options { _ in }, ["HTTP/1.1 204 No Content", identity]),
        (
            "RFC 9110 7.6.1: hop by hop",
            [
                "HTTP/1.1 200 OK", "Connection: keep-alive, b", "Keep-Alive: timeout=5", "B: c", "Upgrade: h2c",
                "Proxy-Connection: x", "Content-Length: 5", "D: e",
            ],
            options { _ in }, ["HTTP/1.1 200 OK", "Content-Length: 5", "D: e", identity]
        ),
        (
            "underscores are the backend's own",
            ["HTTP/1.1 200 OK", "Connection: keep-alive", "a_b: c", "Content-Length: 5"],
            options { _ in }, ["HTTP/1.1 200 OK", "a_b: c", "Content-Length: 5", identity]
        ),
        (
            "but go when named", ["HTTP/1.1 200 OK", "Connection: a_b", "a_b: c", "Content-Length: 5"],
            options { _ in },
            ["HTTP/1.1 200 OK", "Content-Length: 5", identity]
        ),
        (
            "its own id is kept", ["HTTP/1.1 200 OK", "Content-Length: 5", "x-request-id: z"], options { _ in },
            ["HTTP/1.1 200 OK", "Content-Length: 5", "x-request-id: z"]
        ),
        (
            "but not when named",
            ["HTTP/1.1 200 OK", "Content-Length: 5", "X-Request-Id: z", "Connection: x-request-id"], options { _ in },
            ["HTTP/1.1 200 OK", "Content-Length: 5", identity]
        ),
        (
            "RFC 9110 8.6: no length on 204", ["HTTP/1.1 204 No Content", "Content-Length: 5"], options { _ in },
            ["HTTP/1.1 204 No Content", identity]
        ),
        (
            "RFC 9110 15.4.5: 304 keeps it", ["HTTP/1.1 304 Not Modified", "Content-Length: 5", "ETag: x"],
            options { _ in }, ["HTTP/1.1 304 Not Modified", "Content-Length: 5", "ETag: x", identity]
        ),
        (
            "RFC 9110 9.3.2: HEAD keeps it", ["HTTP/1.1 200 OK", "Content-Length: 5"], options { $0.method = .head },
            ["HTTP/1.1 200 OK", "Content-Length: 5", identity]
        ),
        (
            "odd spellings of a length", ["HTTP/1.1 200 OK", "Content-Length:  005 ", "A: b"], options { _ in },
            ["HTTP/1.1 200 OK", "A: b", "Content-Length: 5", identity]
        ),
        (
            "odd spellings of chunked", ["HTTP/1.1 200 OK", "Transfer-Encoding:\tchunked"], options { _ in },
            ["HTTP/1.1 200 OK", "Transfer-Encoding: chunked", identity]
        ),
        (
            "closing", ["HTTP/1.1 200 OK", "Content-Length: 5"], options { $0.keepsAlive = false },
            ["HTTP/1.1 200 OK", "Content-Length: 5", identity, "Connection: close"]
        ),
        (
            "RFC 9112 C.2.2: 1.0 is told", ["HTTP/1.1 200 OK", "Content-Length: 5"], old,
            ["HTTP/1.1 200 OK", "Content-Length: 5", identity, "Connection: keep-alive"]
        ),
        (
            "RFC 9112 6.1: no chunks for 1.0", ["HTTP/1.1 200 OK", "Transfer-Encoding: chunked"],
            options {
                $0.isOldClient = true
                $0.keepsAlive = false
                $0.transfer = .untilClose
            }, ["HTTP/1.1 200 OK", identity, "Connection: close"]
        ),
        (
            "RFC 9112 6.1: nor a word of them after HEAD", ["HTTP/1.1 200 OK", "Transfer-Encoding: chunked"],
            options {
                $0.isOldClient = true
                $0.method = .head
            }, ["HTTP/1.1 200 OK", identity, "Connection: keep-alive"]
        ),
        (
            "a body until close, in chunks", ["HTTP/1.1 200 OK", "A: b"], options { $0.transfer = .chunk },
            ["HTTP/1.1 200 OK", "A: b", identity, "Transfer-Encoding: chunked"]
        ),
        (
            "RFC 9110 7.6.3", ["HTTP/1.1 200 OK", "Content-Length: 5", "Via: 1.1 x"], options { $0.via = "node" },
            ["HTTP/1.1 200 OK", "Content-Length: 5", "Via: 1.1 x", identity, "Via: 1.1 node"]
        ),
        (
            "RFC 9110 15.2: 1xx is passed as it is", ["HTTP/1.1 103 Early Hints", "Link: </a>", "Connection: x"],
            options { $0.keepsAlive = false }, ["HTTP/1.1 103 Early Hints", "Link: </a>"]
        ),
        ("RFC 9110 15.2.1", ["HTTP/1.1 100 Continue"], options { _ in }, ["HTTP/1.1 100 Continue"]),
        (
            "RFC 9110 15.2: an interim response has no body, however that of the final one is sent",
            ["HTTP/1.1 103 Early Hints", "Link: </a>"], options { $0.transfer = .chunk },
            ["HTTP/1.1 103 Early Hints", "Link: </a>"]
        ),
        (
            "RFC 9112 6.1: nor has 204", ["HTTP/1.1 204 No Content"], options { $0.transfer = .chunk },
            ["HTTP/1.1 204 No Content", identity]
        ),
        (
            "RFC 9112 6.1: nor 304", ["HTTP/1.1 304 Not Modified", "ETag: x"], options { $0.transfer = .chunk },
            ["HTTP/1.1 304 Not Modified", "ETag: x", identity]
        ),
        (
            "RFC 9112 6.1: nor the answer to HEAD", ["HTTP/1.1 200 OK", "ETag: x"],
            options {
                $0.method = .head
                $0.transfer = .chunk
            }, ["HTTP/1.1 200 OK", "ETag: x", identity]
        ),
        (
            "RFC 6455 4.2.2",
            [
                "HTTP/1.1 101 Switching Protocols", "Upgrade: WebSocket", "Connection: upgrade",
                "Sec-WebSocket-Accept: x",
            ],
            options { $0.isUpgrade = true },
            [
                "HTTP/1.1 101 Switching Protocols", "Sec-WebSocket-Accept: x", "Connection: Upgrade",
                "Upgrade: websocket",
            ]
        ),
    ]

    @Test("Heads", arguments: cases.indices)
    func heads(_ index: Int) {
        let (rule, lines, options, expected) = Self.cases[index]
        let text = rewriteResponse(lines.joined(separator: "\r\n") + "\r\n\r\n", options)
        #expect(text == expected.joined(separator: "\r\n") + "\r\n\r\n", "\(rule)")
    }

    @Test("A response without a date gets that of its arrival (RFC 9110 6.6.1)")
    func date() {
        var options = ResponseOptions()
        options.date = "NOW"
        let length = "Content-Length: 0\r\n"
        let own = "HTTP/1.1 200 OK\r\n\(length)Date: THEN\r\n"
        #expect(rewriteResponse(own + "\r\n", options) == own + "X-Request-Id: abc\r\n\r\n")
        let none = "HTTP/1.1 200 OK\r\n\(length)"
        #expect(rewriteResponse(none + "\r\n", options) == none + "Date: NOW\r\nX-Request-Id: abc\r\n\r\n")
        // Not for interim responses, which are not what is dated.
        #expect(rewriteResponse("HTTP/1.1 103 Early\r\n\r\n", options) == "HTTP/1.1 103 Early\r\n\r\n")
    }

    @Test("What was read leniently is sent strictly", arguments: ["\n", "\r\n"])
    func leniently(_ end: String) {
        let text = "HTTP/1.1 200 OK\nA:b \(end)Connection: x\nX: y\(end)Content-Length:  05\nC_d: e\n\n"
        let expected = "HTTP/1.1 200 OK\r\nA: b\r\nC_d: e\r\nContent-Length: 5\r\n\(Self.identity)\r\n\r\n"
        #expect(rewriteResponse(text, Self.lenient) == expected)
        // One bare line feed among the fields is enough.
        let one = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nA: b\nC: d\r\n\r\n"
        let lines = "Content-Length: 5\r\nA: b\r\nC: d\r\n\(Self.identity)\r\n\r\n"
        #expect(rewriteResponse(one, Self.lenient) == "HTTP/1.1 200 OK\r\n" + lines)
    }

    @Test("The room that is promised holds the longest head")
    func room() {
        // Lines of five bytes that become lines of seven, the most fields, the longest id, and a long name.
        let text = "HTTP/1.0 200\nContent-Length:1\n" + String(repeating: "A:b\n", count: 127) + "\n"
        let bytes = Array(text.utf8)
        let head = ResponseHead()
        let outcome = ResponseHeadParser().parse(bytes.span, method: .get, lenient: true, into: head)
        #expect(outcome == .complete(bytes.count))
        let identity = [UInt8](repeating: 0x78, count: 128)
        let date = [UInt8](repeating: 0x7A, count: 29)
        let name = [UInt8](repeating: 0x79, count: 200)
        for (transfer, isUpgrade) in [(BodyTransfer.chunk, false), (.verbatim, true), (.untilClose, false)] {
            let edits = ResponseEdits(requestID: identity.span, date: date.span, via: name.span)
            var delivery = ResponseDelivery()
            delivery.keepsAlive = false
            delivery.transfer = transfer
            delivery.isUpgrade = isUpgrade
            var output = [UInt8](
                repeating: 0, count: ResponseRewriter.room(for: head, headLength: bytes.count, edits))
            var writer = OutputWriter(output.mutableSpan)
            ResponseRewriter.write(head, bytes.span, edits, delivery, into: &writer)
            let overflowed = writer.overflowed
            #expect(!overflowed)
        }
    }
}
