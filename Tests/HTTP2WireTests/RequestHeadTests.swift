// Owns the tests of requests that come by HTTP/2: what they are as HTTP/1.1, and which are none.
import HTTP2Wire
import HTTPWire
import Testing

@Suite("Requests of HTTP/2 become strict requests of HTTP/1.1")
struct RequestHeadTests {
    typealias Fields = [(String, String)]

    static let translated: [(fields: Fields, ends: Bool, text: String)] = [
        (plainGet, true, "GET / HTTP/1.1|host: a.example||"),
        (plainGet, false, "GET / HTTP/1.1|host: a.example|transfer-encoding: chunked||"),
        (plainGet + [("content-length", "3")], false, "GET / HTTP/1.1|host: a.example|content-length: 3||"),
        (plainGet + [("content-length", "0")], true, "GET / HTTP/1.1|host: a.example|content-length: 0||"),
        (
            plainGet + [("cookie", "a=1"), ("accept", "*/*"), ("cookie", "b=2"), ("cookie", "c=3")], true,
            "GET / HTTP/1.1|host: a.example|accept: */*|cookie: a=1; b=2; c=3||"
        ),
        // An empty crumb says nothing.
        (
            plainGet + [("cookie", ""), ("cookie", "a=1"), ("cookie", "")], true,
            "GET / HTTP/1.1|host: a.example|cookie: a=1||"
        ),
        (
            [
                (":authority", "A.example:8443"), (":path", "/x?y=%20"), (":scheme", "http"), (":method", "POST"),
                ("te", "trailers"),
            ], true, "POST /x?y=%20 HTTP/1.1|host: A.example:8443|te: trailers||"
        ),
        (
            [(":method", "GET"), (":scheme", "https"), (":path", "/"), ("host", "b.example")], true,
            "GET / HTTP/1.1|host: b.example||"
        ),
        (plainGet + [("x", "y"), ("host", "A.Example")], true, "GET / HTTP/1.1|host: a.example|x: y||"),
        (
            [(":method", "OPTIONS"), (":scheme", "https"), (":path", "*"), (":authority", "a")], true,
            "OPTIONS * HTTP/1.1|host: a||"
        ),
        (plainGet + [("x", ""), ("y", "a\tb \u{E9}")], true, "GET / HTTP/1.1|host: a.example|x: |y: a\tb \u{E9}||"),
        (plainGet + [("priority", "u=1, i")], true, "GET / HTTP/1.1|host: a.example|priority: u=1, i||"),
        (
            [
                (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"), (":path", "/chat"),
                (":authority", "a"), ("sec-websocket-version", "13"), ("sec-websocket-key", "dropped"),
            ], false,
            "GET /chat HTTP/1.1|host: a|sec-websocket-version: 13|connection: upgrade|upgrade: websocket|"
                + "sec-websocket-key: TWVyaWRpYW4gaDIga2V5cw==||"
        ),
    ]

    @Test("A request is translated", arguments: translated.indices)
    func translates(_ index: Int) {
        let example = Self.translated[index]
        for frame in [16_384, 7] {
            let talk = CoreTalk.greeted()
            let input = headers(1, literals(example.fields), endsStream: example.ends, maximumFrame: frame)
            let expected = "request 1\(example.ends ? " end" : "") \(example.text)"
            #expect(talk.receive(input, portions: frame == 7 ? 5 : 65_536) == [expected])
        }
    }

    /// Each is a stream error, of which the shell hears nothing.
    static let malformed: [Fields] = [
        // Pseudo fields: missing, empty, twice, unknown, of responses, behind others, in capitals.
        [(":scheme", "https"), (":path", "/"), (":authority", "a")], [(":method", "GET"), (":path", "/")],
        [(":method", "GET"), (":scheme", "https"), (":authority", "a")],
        [(":method", "GET"), (":scheme", "https"), (":path", ""), (":authority", "a")],
        [(":method", ""), (":scheme", "https"), (":path", "/"), (":authority", "a")],
        plainGet + [(":path", "/")], plainGet + [(":method", "GET")], plainGet + [(":scheme", "https")],
        plainGet + [(":authority", "a.example")], plainGet + [(":status", "200")], plainGet + [(":test", "ok")],
        plainGet + [(":", "")], plainGet + [("x", "y"), (":path", "/")],
        [("x", "y")] + plainGet, [(":METHOD", "GET"), (":scheme", "https"), (":path", "/"), (":authority", "a")],
        // Targets that HTTP/1 would read otherwise.
        [(":method", "GET"), (":scheme", "https"), (":path", "http://b/"), (":authority", "a")],
        [(":method", "GET"), (":scheme", "https"), (":path", "x"), (":authority", "a")],
        [(":method", "GET"), (":scheme", "https"), (":path", "/ HTTP/1.1\r\nx: y"), (":authority", "a")],
        [(":method", "GET"), (":scheme", "https"), (":path", "/a b"), (":authority", "a")],
        [(":method", "GET / HTTP/1.1\r\nx: y"), (":scheme", "https"), (":path", "/"), (":authority", "a")],
        [(":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", "a\r\nx: y")],
        // CONNECT, without what it needs and with what it may not have.
        [(":method", "CONNECT"), (":scheme", "https"), (":path", "/"), (":authority", "a:1")],
        [(":method", "CONNECT")], plainGet + [(":protocol", "websocket")],
        // Names.
        plainGet + [("X-Upper", "y")], plainGet + [("", "y")], plainGet + [("a b", "y")], plainGet + [("a:b", "y")],
        plainGet + [("a\r\nb", "y")], plainGet + [("a\u{0}", "y")], plainGet + [("\u{E9}", "y")],
        // Values.
        plainGet + [("x", "a\r\nb: c")], plainGet + [("x", "a\nb")], plainGet + [("x", "a\u{0}")],
        plainGet + [("x", " a")], plainGet + [("x", "a ")], plainGet + [("x", "\ta")], plainGet + [("x", "a\t")],
        plainGet + [("x", "\u{7F}")], plainGet + [("cookie", "a=b\r\nx: y")],
        // Of the connection.
        plainGet + [("connection", "close")], plainGet + [("keep-alive", "timeout=5")],
        plainGet + [("proxy-connection", "close")], plainGet + [("transfer-encoding", "chunked")],
        plainGet + [("upgrade", "h2c")], plainGet + [("te", "gzip")], plainGet + [("te", "trailers, deflate")],
        // Bodies that are not there; authorities that disagree.
        plainGet + [("content-length", "1")], plainGet + [("host", "b.example")],
    ]

    @Test("A malformed request is a stream error", arguments: malformed.indices)
    func resets(_ index: Int) {
        let talk = CoreTalk.greeted()
        let fields = Self.malformed[index]
        #expect(talk.receive(headers(1, literals(fields), endsStream: true)) == [], "\(fields)")
        #expect(talk.frames() == ["reset 1 PROTOCOL_ERROR"], "\(fields)")
        #expect(talk.connection.streamCount == 0)
        // The connection goes on, and its table is right.
        #expect(talk.receive(request(3)) == ["request 3 end GET / HTTP/1.1|host: a.example||"])
    }

    static let refused: [(fields: Fields, error: String)] = [
        ([(":method", "CONNECT"), (":authority", "a:1")], "405 connect_refused"),
        ([(":method", "GET"), (":scheme", "https"), (":path", "/")], "400 no_host"),
        ([(":method", "GET"), (":scheme", "https"), (":path", "/%0"), (":authority", "a")], "400 percent_encoding"),
        ([(":method", "GET"), (":scheme", "https"), (":path", "*"), (":authority", "a")], "400 target"),
        ([(":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", "u@a")], "400 host"),
        ([(":method", "G T"), (":scheme", "https"), (":path", "/"), (":authority", "a")], "400 target"),
        (plainGet + [("content-length", "1"), ("content-length", "1")], "400 repeated_content_length"),
        (plainGet + [("content-length", "+1")], "400 content_length"),
        (plainGet + [("expect", "200-ok")], "417 expectation"),
        (
            [
                (":method", "CONNECT"), (":protocol", "connect-udp"), (":scheme", "https"), (":path", "/"),
                (":authority", "a"),
            ], "501 unknown_protocol"
        ),
        (
            [
                (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"), (":path", "/"),
                (":authority", "a"),
            ], "400 websocket_version"
        ),
    ]

    @Test("A request that HTTP/1 refuses is answered", arguments: refused.indices)
    func refuses(_ index: Int) {
        let talk = CoreTalk.greeted()
        let example = Self.refused[index]
        let found = talk.receive(headers(1, literals(example.fields), endsStream: true))
        #expect(found == ["refused 1 end \(example.error)"])
        #expect(talk.frames() == [])
    }

    @Test("A head that is too large, in bytes, fields or crumbs, is answered 431 and the table goes on")
    func tooLarge() {
        let many = (0..<125).map { ("x\($0)", "y") }
        let crumbs = (0..<125).map { ("cookie", "a=\($0)") }
        let large = [("x", String(repeating: "y", count: 33_000))]
        let larger = [("x", String(repeating: "y", count: 50_000))]
        for fields in [many, crumbs, large, larger] {
            let talk = CoreTalk.greeted()
            var block = literals(plainGet + fields)
            // The last field enters the table, though it is dropped.
            block += bytes("4003 616263 03 646566")
            #expect(talk.receive(headers(1, block, endsStream: true)) == ["refused 1 end 431 head_too_large"])
            let next = talk.receive(headers(3, literals(plainGet) + bytes("be"), endsStream: true))
            #expect(next == ["request 3 end GET / HTTP/1.1|host: a.example|abc: def||"])
        }
        // As many as may be.
        let talk = CoreTalk.greeted()
        let input = headers(1, literals(plainGet + many.prefix(123)), endsStream: true)
        #expect(talk.receive(input).first?.hasPrefix("request 1 end") == true)
    }

    @Test("Of a cheap block that unfolds into thousands of fields, the connection ends")
    func flood() {
        let talk = CoreTalk.greeted()
        let value = [UInt8](repeating: 0x61, count: 4000)
        var block = literals(plainGet) + bytes("4001 78 7f a1 1e") + value
        block += [UInt8](repeating: 0xBE, count: 5000)
        #expect(talk.receive(headers(1, block, endsStream: true)) == ["failed ENHANCE_YOUR_CALM head_flood"])
        #expect(talk.frames() == ["goaway 1 ENHANCE_YOUR_CALM"])
    }

    static let trailers: [(fields: Fields, line: String?)] = [
        ([("grpc-status", "0"), ("grpc-message", "")], "grpc-status: 0|grpc-message: |"), ([], ""),
        // Framing, routing and authentication are no trailers.
        ([("content-length", "5"), ("x", "y"), ("host", "b"), ("authorization", "z")], "x: y|"),
        ([(":path", "/")], nil), ([("X", "y")], nil), ([("connection", "close")], nil), ([("x", "y\r\n")], nil),
    ]

    @Test("Trailers", arguments: trailers.indices)
    func trailer(_ index: Int) {
        let example = Self.trailers[index]
        let talk = CoreTalk.greeted()
        talk.receive(request(1, endsStream: false))
        let found = talk.receive(headers(1, literals(example.fields), endsStream: true))
        if let line = example.line {
            #expect(found == ["trailers 1 \(line)"])
            #expect(talk.frames() == [])
        } else {
            #expect(found == ["reset 1 PROTOCOL_ERROR"])
            #expect(talk.frames() == ["reset 1 PROTOCOL_ERROR"])
        }
    }

    static let priorities: [(value: String, urgency: UInt8, isIncremental: Bool)] = [
        ("u=0", 0, false), ("u=7, i", 7, true), ("i", 3, true), ("i=?0", 3, false), ("u=8", 3, false), ("", 3, false),
        ("u=1;x=2 ,  i=?1;y", 1, true), ("U=1", 3, false), ("x=9, u=2", 2, false), ("u=-1", 3, false),
        ("i=1", 3, false),
    ]

    @Test("Priorities", arguments: priorities.indices)
    func priority(_ index: Int) {
        let example = Self.priorities[index]
        var expected = StreamPriority()
        expected.urgency = example.urgency
        expected.isIncremental = example.isIncremental
        let talk = CoreTalk.greeted()
        talk.receive(request(1, [("priority", example.value)]))
        talk.receive(request(3))
        let value = Array(example.value.utf8)
        let length = String(value.count + 4, radix: 16)
        let header = String(repeating: "0", count: 6 - length.count) + length
        talk.receive(bytes("\(header) 10 00 00000000 00000003") + value)
        for stream in [UInt32(1), 3] {
            #expect(talk.handles[stream].map { talk.connection.priority(of: $0) } == expected, "\(example)")
        }
    }
}
