// Owns the golden tests of what a backend gets.
import HTTPWire
import Testing

/// One request, what it is rewritten with, and the head that comes out.
struct RewriteCase: CustomTestStringConvertible, Sendable {
    let rule: String
    let lines: [String]
    let options: RequestOptions
    let expected: [String]

    init(_ rule: String, _ lines: [String], _ expected: [String]) {
        self.init(rule, lines, RequestOptions(), expected)
    }

    init(_ rule: String, _ lines: [String], _ options: RequestOptions, _ expected: [String]) {
        self.rule = rule
        self.lines = lines
        self.options = options
        self.expected = expected
    }

    var testDescription: String { rule }
}

@Suite("Requests: rewrite")
struct RequestRewriteTests {
    static let identity = "X-Request-Id: 0123456789abcdeffedcba9876543210"
    static let forwardedFor = "X-Forwarded-For: 192.0.2.7"

    /// The lines that every request gets, for `Host: a`.
    static let added = [forwardedFor, "X-Forwarded-Proto: http", "X-Forwarded-Host: a", identity]

    static func options(_ change: (inout RequestOptions) -> Void) -> RequestOptions {
        var options = RequestOptions()
        change(&options)
        return options
    }

    static let trusted = options { $0.trustsClient = true }
    static let passing = options { $0.passesUnderscores = true }

    static let targets: [RewriteCase] = [
        RewriteCase("as it came", ["GET /a?b HTTP/1.1", "Host: a"], ["GET /a?b HTTP/1.1", "Host: a"] + added),
        RewriteCase(
            "an empty line before it", ["", "GET / HTTP/1.1", "Host: a"], ["GET / HTTP/1.1", "Host: a"] + added),
        RewriteCase(
            "a bare percent sign in a query", ["GET /a?q=100%&r=%%2e HTTP/1.1", "Host: a"],
            ["GET /a?q=100%&r=%%2e HTTP/1.1", "Host: a"] + added),
        RewriteCase(
            "RFC 3986 5.2.4: normalised", ["GET /a/%2E./b%2fc/%7e?d=%2e HTTP/1.1", "Host: a"],
            ["GET /b%2Fc/~?d=%2e HTTP/1.1", "Host: a"] + added),
        RewriteCase(
            "RFC 9112 3.2.2: absolute, authority as Host", ["GET http://A:80/x?y HTTP/1.1", "Host: a", "B: c"],
            [
                "GET /x?y HTTP/1.1", "B: c", "Host: A:80", forwardedFor, "X-Forwarded-Proto: http",
                "X-Forwarded-Host: A:80", identity,
            ]),
        RewriteCase(
            "RFC 9112 3.2.1: absolute without a path", ["GET http://a?y HTTP/1.1", "Host: a"],
            ["GET /?y HTTP/1.1", "Host: a"] + added),
        RewriteCase(
            "absolute and normalised", ["GET http://a/b/../c HTTP/1.1", "Host: a"],
            ["GET /c HTTP/1.1", "Host: a"] + added),
        RewriteCase("RFC 9112 3.2.4", ["OPTIONS * HTTP/1.1", "Host: a"], ["OPTIONS * HTTP/1.1", "Host: a"] + added),
        RewriteCase(
            "RFC 9112 3.2.4: absolute", ["OPTIONS http://a HTTP/1.1", "Host: a"],
            ["OPTIONS * HTTP/1.1", "Host: a"] + added),
        RewriteCase(
            "HTTP/1.0 without Host", ["GET / HTTP/1.0"],
            ["GET / HTTP/1.1", "Host: fallback", forwardedFor, "X-Forwarded-Proto: http", identity]),
        RewriteCase("HTTP/1.0 with Host", ["GET / HTTP/1.0", "Host: a"], ["GET / HTTP/1.1", "Host: a"] + added),
    ]

    static let hops: [RewriteCase] = [
        RewriteCase(
            "RFC 9110 7.6.1: fields of the connection",
            [
                "GET / HTTP/1.1", "Connection: keep-alive", "Host: a", "Keep-Alive: timeout=5", "Proxy-Connection: x",
                "B: c",
            ],
            ["GET / HTTP/1.1", "Host: a", "B: c"] + added),
        RewriteCase(
            "RFC 9110 7.6.1: named by Connection",
            ["GET / HTTP/1.1", "Host: a", "B: c", "D: e", "Connection: close, b"],
            ["GET / HTTP/1.1", "Host: a", "D: e"] + added),
        RewriteCase(
            "RFC 9110 7.6.1: named before and behind", ["GET / HTTP/1.1", "B: 1", "Connection: b", "Host: a", "b: 2"],
            ["GET / HTTP/1.1", "Host: a"] + added),
        RewriteCase(
            "RFC 9110 7.6.1: named with an underscore, let pass",
            ["GET / HTTP/1.1", "Host: a", "B_c: d", "Connection: b_c"], passing, ["GET / HTTP/1.1", "Host: a"] + added),
        RewriteCase(
            "RFC 9110 10.1.4: only trailers of TE",
            ["GET / HTTP/1.1", "Host: a", "TE: gzip, trailers", "Connection: TE"],
            ["GET / HTTP/1.1", "Host: a"] + added + ["TE: trailers", "Connection: TE"]),
        RewriteCase(
            "RFC 9110 10.1.4: nothing of TE", ["GET / HTTP/1.1", "Host: a", "TE: gzip", "Connection: TE"],
            ["GET / HTTP/1.1", "Host: a"] + added),
        RewriteCase(
            "RFC 9110 7.8: h2c is dropped",
            [
                "GET / HTTP/1.1", "Host: a", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c",
                "HTTP2-Settings: AAMAAABkAAQ",
            ], ["GET / HTTP/1.1", "Host: a"] + added),
        RewriteCase(
            "RFC 6455 4.1: WebSocket passes",
            [
                "GET / HTTP/1.1", "Host: a", "Upgrade: WebSocket", "Connection: upgrade", "Sec-WebSocket-Version: 13",
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            ],
            [
                "GET / HTTP/1.1", "Host: a", "Sec-WebSocket-Version: 13",
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            ] + added + ["Connection: Upgrade", "Upgrade: websocket"]),
        RewriteCase(
            "RFC 9110 10.1.1: Expect", ["PUT / HTTP/1.1", "Host: a", "Expect: 100-continue", "Content-Length: 1"],
            ["PUT / HTTP/1.1", "Host: a", "Expect: 100-continue", "Content-Length: 1"] + added),
        RewriteCase(
            "Expect, when told to continue",
            ["PUT / HTTP/1.1", "Host: a", "Expect: 100-continue", "Content-Length: 1"],
            options { $0.omitsExpect = true }, ["PUT / HTTP/1.1", "Host: a", "Content-Length: 1"] + added),
        RewriteCase(
            "RFC 9110 10.1.1: Expect in HTTP/1.0",
            ["PUT / HTTP/1.0", "Host: a", "Expect: 100-continue", "Content-Length: 1"],
            ["PUT / HTTP/1.1", "Host: a", "Content-Length: 1"] + added),
    ]

    static let framings: [RewriteCase] = [
        RewriteCase(
            "a length", ["PUT / HTTP/1.1", "Content-Length: 10", "Host: a"],
            ["PUT / HTTP/1.1", "Content-Length: 10", "Host: a"] + added),
        RewriteCase(
            "chunks", ["PUT / HTTP/1.1", "transfer-encoding: Chunked", "Host: a"],
            ["PUT / HTTP/1.1", "transfer-encoding: Chunked", "Host: a"] + added),
        RewriteCase(
            "a length of none on GET", ["GET / HTTP/1.1", "Content-Length: 0", "Host: a"],
            ["GET / HTTP/1.1", "Host: a"] + added),
        RewriteCase(
            "a length of none on POST", ["POST / HTTP/1.1", "Content-Length: 0", "Host: a"],
            ["POST / HTTP/1.1", "Content-Length: 0", "Host: a"] + added),
        RewriteCase(
            "a length of none on HEAD", ["HEAD / HTTP/1.1", "Content-Length: 0", "Host: a"],
            ["HEAD / HTTP/1.1", "Content-Length: 0", "Host: a"] + added),
        RewriteCase(
            "a body on GET", ["GET / HTTP/1.1", "Content-Length: 3", "Host: a"],
            ["GET / HTTP/1.1", "Content-Length: 3", "Host: a"] + added),
        RewriteCase(
            "odd white space around chunked", ["PUT / HTTP/1.1", "Transfer-Encoding:\tchunked", "Host: a"],
            ["PUT / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked"] + added),
        RewriteCase(
            "white space behind chunked", ["PUT / HTTP/1.1", "Transfer-Encoding: chunked \t", "Host: a"],
            ["PUT / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked"] + added),
        RewriteCase(
            "no white space before a length", ["PUT / HTTP/1.1", "Content-Length:5", "Host: a"],
            ["PUT / HTTP/1.1", "Host: a", "Content-Length: 5"] + added),
        RewriteCase(
            "needless zeros of a length", ["PUT / HTTP/1.1", "Content-Length: 010", "Host: a"],
            ["PUT / HTTP/1.1", "Host: a", "Content-Length: 10"] + added),
        RewriteCase(
            "odd white space around a host", ["GET / HTTP/1.1", "Host:\ta ", "B: c"],
            ["GET / HTTP/1.1", "B: c", "Host: a"] + added),
    ]

    static let trust: [RewriteCase] = [
        RewriteCase(
            "forwarded fields of a client are replaced",
            [
                "GET / HTTP/1.1", "Host: a", "X-Forwarded-For: 1.1.1.1", "x-forwarded-proto: https",
                "X-Forwarded-Host: b", "Forwarded: for=1.1.1.1",
            ], ["GET / HTTP/1.1", "Host: a"] + added),
        RewriteCase(
            "and all that proxies tell backends of a client",
            [
                "GET / HTTP/1.1", "X-Real-IP: 1.1.1.1", "Host: a", "X-Forwarded-Port: 443", "x-forwarded-prefix: /x",
                "X-Forwarded-Server: x", "X-FORWARDED-USER: root", "X-Forwarded-: x", "x-real-ip: 2.2.2.2",
                "X_Real_IP: 3.3.3.3", "X-Real_IP: 3.3.3.3", "X_Forwarded_Prefix: /y",
            ], passing, ["GET / HTTP/1.1", "Host: a"] + added),
        RewriteCase(
            "but for what a trusted proxy says",
            [
                "GET / HTTP/1.1", "X-Real-IP: 1.1.1.1", "Host: a", "X-Forwarded-Port: 443", "x-forwarded-prefix: /x",
                "X_Real_IP: 3.3.3.3",
            ], trusted,
            [
                "GET / HTTP/1.1", "X-Real-IP: 1.1.1.1", "Host: a", "X-Forwarded-Port: 443", "x-forwarded-prefix: /x",
            ] + added),
        RewriteCase(
            "names that only begin like them pass",
            ["GET / HTTP/1.1", "Host: a", "X-Forwarder: x", "X-Real-IPs: y", "X-Real: z", "X-Forwarded: z"],
            [
                "GET / HTTP/1.1", "Host: a", "X-Forwarder: x", "X-Real-IPs: y", "X-Real: z", "X-Forwarded: z",
            ] + added),
        RewriteCase(
            "forwarded fields of a trusted proxy are kept and added to",
            [
                "GET / HTTP/1.1", "Host: a", "X-Forwarded-For: 1.1.1.1, 2.2.2.2", "X-Forwarded-Proto: https",
                "X-Forwarded-Host: b", "Forwarded: for=1.1.1.1",
            ], trusted,
            [
                "GET / HTTP/1.1", "Host: a", "Forwarded: for=1.1.1.1",
                "X-Forwarded-For: 1.1.1.1, 2.2.2.2, 192.0.2.7", "X-Forwarded-Proto: https", "X-Forwarded-Host: b",
                identity,
            ]),
        RewriteCase(
            "RFC 9110 5.3: several lines of a trusted proxy are one list",
            ["GET / HTTP/1.1", "X-Forwarded-For: 1.1.1.1", "Host: a", "X-Forwarded-For:", "x-forwarded-for: 2.2.2.2"],
            trusted,
            ["GET / HTTP/1.1", "Host: a", "X-Forwarded-For: 1.1.1.1, 2.2.2.2, 192.0.2.7"] + added.dropFirst()),
        RewriteCase(
            "by TLS", ["GET / HTTP/1.1", "Host: a"], options { $0.isSecure = true },
            ["GET / HTTP/1.1", "Host: a", forwardedFor, "X-Forwarded-Proto: https", "X-Forwarded-Host: a", identity]),
        RewriteCase(
            "what Meridian sets is removed in every spelling",
            [
                "GET / HTTP/1.1", "Meridian-Epoch: 9", "Host: a", "meridian_epoch: 9", "MERIDIAN_Datacenter: x",
                "meridian-anything: x", "X_Forwarded_For: x", "X-Forwarded_For: x", "x_request_id: x",
                "Content_Length: 3", "Transfer_Encoding: chunked", "Keep_Alive: 1",
            ], passing, ["GET / HTTP/1.1", "Host: a"] + added),
        RewriteCase(
            "and added behind", ["GET / HTTP/1.1", "Host: a", "Meridian-Epoch: 9"],
            options { $0.serviceLines = "Meridian-Datacenter: b\r\nMeridian-Epoch: 7\r\n" },
            ["GET / HTTP/1.1", "Host: a"] + added + ["Meridian-Datacenter: b", "Meridian-Epoch: 7"]),
        RewriteCase(
            "names with an underscore are dropped", ["GET / HTTP/1.1", "B_c: d", "Host: a", "_: e", "F: _"],
            ["GET / HTTP/1.1", "Host: a", "F: _"] + added),
        RewriteCase(
            "or pass", ["GET / HTTP/1.1", "B_c: d", "Host: a", "Meridians_x: e"], passing,
            ["GET / HTTP/1.1", "B_c: d", "Host: a", "Meridians_x: e"] + added),
        RewriteCase(
            "a name that only begins like ours passes", ["GET / HTTP/1.1", "Host: a", "Meridian: x", "Meridianx-y: z"],
            ["GET / HTTP/1.1", "Host: a", "Meridian: x", "Meridianx-y: z"] + added),
    ]

    static let identities: [RewriteCase] = [
        RewriteCase(
            "kept", ["GET / HTTP/1.1", "X-Request-Id: a-1.b", "Host: a"],
            ["GET / HTTP/1.1", "X-Request-Id: a-1.b", "Host: a"] + added.dropLast()),
        RewriteCase(
            "replaced when it is no token", ["GET / HTTP/1.1", "X-Request-Id: a b", "Host: a"],
            ["GET / HTTP/1.1", "Host: a"] + added),
        RewriteCase(
            "replaced when it is empty", ["GET / HTTP/1.1", "X-Request-Id:", "Host: a"],
            ["GET / HTTP/1.1", "Host: a"] + added),
        RewriteCase(
            "128 characters are kept", ["GET / HTTP/1.1", "X-Request-Id: " + long(128), "Host: a"],
            ["GET / HTTP/1.1", "X-Request-Id: " + long(128), "Host: a"] + added.dropLast()),
        RewriteCase(
            "129 are not", ["GET / HTTP/1.1", "X-Request-Id: " + long(129), "Host: a"],
            ["GET / HTTP/1.1", "Host: a"] + added),
        RewriteCase(
            "the first counts", ["GET / HTTP/1.1", "X-Request-Id: a", "Host: a", "X-Request-Id: b"],
            ["GET / HTTP/1.1", "X-Request-Id: a", "Host: a"] + added.dropLast()),
        RewriteCase(
            "the first counts, also when it is bad",
            ["GET / HTTP/1.1", "X-Request-Id: (", "Host: a", "X-Request-Id: b"],
            ["GET / HTTP/1.1", "Host: a"] + added),
        RewriteCase(
            "tracing passes untouched",
            [
                "GET / HTTP/1.1", "Host: a", "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                "tracestate: a=b",
            ],
            [
                "GET / HTTP/1.1", "Host: a", "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                "tracestate: a=b",
            ] + added),
        RewriteCase(
            "RFC 9110 7.6.3: Via", ["GET / HTTP/1.1", "Host: a", "Via: 1.1 other"], options { $0.via = "node" },
            ["GET / HTTP/1.1", "Host: a", "Via: 1.1 other"] + added + ["Via: 1.1 node"]),
        RewriteCase(
            "RFC 9110 7.6.3: Via tells the version received", ["GET / HTTP/1.0", "Host: a"],
            options { $0.via = "node" }, ["GET / HTTP/1.1", "Host: a"] + added + ["Via: 1.0 node"]),
    ]

    static func long(_ count: Int) -> String { String(repeating: "x", count: count) }

    static func check(_ item: RewriteCase) {
        let (text, refused) = rewriteRequest(item.lines.joined(separator: "\r\n") + "\r\n\r\n", item.options)
        #expect(refused == nil)
        #expect(text == item.expected.joined(separator: "\r\n") + "\r\n\r\n")
    }

    @Test("Target", arguments: targets) func target(_ item: RewriteCase) { Self.check(item) }
    @Test("Hop by hop", arguments: hops) func hop(_ item: RewriteCase) { Self.check(item) }
    @Test("Framing", arguments: framings) func framing(_ item: RewriteCase) { Self.check(item) }
    @Test("Trust", arguments: trust) func trusts(_ item: RewriteCase) { Self.check(item) }
    @Test("Identity and path", arguments: identities) func identity(_ item: RewriteCase) { Self.check(item) }

    @Test(
        "A request that passed here already is refused (RFC 9110 7.6.3)",
        arguments: [
            ("Via: 1.1 node\r\n", true), ("Via: 1.1 other, 1.0 node\r\n", true), ("Via: 1.1 node, 1.1 other\r\n", true),
            ("Via: 1.1\tnode (comment)\r\n", true), ("Via: 1.1 node\r\nVia: 1.1 other\r\n", true),
            ("Via: 1.1 node2\r\n", false), ("Via: 1.1 anode\r\n", false), ("Via: node\r\n", false), ("Via:\r\n", false),
        ])
    func loops(_ lines: String, _ isLoop: Bool) {
        var options = RequestOptions()
        options.via = "node"
        let (_, refused) = rewriteRequest("GET / HTTP/1.1\r\nHost: a\r\n\(lines)\r\n", options)
        #expect(refused == (isLoop ? .refused(508, "loop") : nil))
    }

    @Test(
        "Max-Forwards is counted down for OPTIONS and TRACE (RFC 9110 7.6.2)",
        arguments: [
            ("OPTIONS", "1", "0", nil), ("TRACE", "10", "9", nil), ("OPTIONS", "007", "6", nil),
            ("OPTIONS", "99999999999999999999", "999999998", nil), ("GET", "0", "0", nil), ("GET", "x", "x", nil),
            ("OPTIONS", "0", nil, .refused(200, "max_forwards")), ("TRACE", "0", nil, .refused(501, "max_forwards")),
            ("OPTIONS", "-1", nil, .refused(400, "max_forwards")), ("TRACE", "", nil, .refused(400, "max_forwards")),
            ("TRACE", "1 2", nil, .refused(400, "max_forwards")),
        ] as [(String, String, String?, Verdict?)])
    func forwards(_ method: String, _ value: String, _ left: String?, _ expected: Verdict?) {
        let (text, refused) = rewriteRequest("\(method) / HTTP/1.1\r\nHost: a\r\nMax-Forwards: \(value)\r\n\r\n")
        #expect(refused == expected)
        guard let left else { return }
        let lines = text.split(separator: "\r\n").filter { $0.hasPrefix("Max-Forwards") }
        #expect(lines == ["Max-Forwards: \(left)"])
    }

    @Test("Only the first of several Max-Forwards counts")
    func severalForwards() {
        let (text, refused) = rewriteRequest(
            "OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 3\r\nMax-Forwards: 0\r\n\r\n")
        #expect(refused == nil)
        #expect(text.split(separator: "\r\n").filter { $0.hasPrefix("Max-Forwards") } == ["Max-Forwards: 2"])
    }

    @Test("What does not fit is refused, never cut short in silence")
    func room() {
        let text = "GET /abc HTTP/1.1\r\nHost: a\r\n\r\n"
        let whole = rewriteRequest(text).text.utf8.count
        for room in 0...whole {
            let (_, refused) = rewriteRequest(text, Self.options { $0.room = room })
            #expect(refused == (room < whole ? .refused(431, "head_too_large") : nil))
        }
    }

    @Test("The room that is promised holds the longest head")
    func promisedRoom() {
        let authority = String(repeating: "h", count: 3000)
        let text = "GET http://\(authority):80 HTTP/1.0\r\nHost: \(authority)\r\nContent-Length:1\r\n\r\n"
        let bytes = Array(text.utf8)
        let head = RequestHead()
        #expect(RequestHeadParser().parse(bytes.span, into: head) == .complete(bytes.count))
        let long = [UInt8](repeating: 0x61, count: 300)
        let edits = RequestEdits(
            client: long.span, serviceLines: long.span, fallbackHost: long.span, normalizedPath: nil, via: long.span,
            requestID: long.span)
        var output = [UInt8](repeating: 0, count: RequestRewriter.room(for: head, headLength: bytes.count, edits))
        var writer = OutputWriter(output.mutableSpan)
        let error = RequestRewriter.write(head, bytes.span, edits, into: &writer)
        #expect(error == nil)
    }
}
