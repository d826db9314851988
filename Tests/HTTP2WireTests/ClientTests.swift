// Owns the tests of the client's side: requests out, answers in, and what becomes of streams when a server leaves.
import HTTP2Wire
import HTTPWire
import Testing

@Suite("A client's streams")
struct ClientTests {
    /// A client with one stream open, and the bytes that opened it.
    static func opened(
        _ request: String, endsStream: Bool = true, settings: String = ""
    ) -> (CoreTalk, StreamHandle?, [UInt8]) {
        let talk = CoreTalk.greeted(.client, settings: settings)
        let (outcome, bytes) = open(talk, request, endsStream: endsStream)
        guard case .opened(let handle) = outcome else { return (talk, nil, bytes) }
        return (talk, handle, bytes)
    }

    static func open(_ talk: CoreTalk, _ request: String, endsStream: Bool) -> (OpenOutcome, [UInt8]) {
        var outcome = OpenOutcome.invalid
        let text = Array(request.utf8)
        let bytes = written {
            outcome = talk.connection.open(
                text.span, isSecure: true, endsStream: endsStream, &talk.scratch, into: &$0)
        }
        if case .opened(let handle) = outcome { talk.handles[handle.id] = handle }
        return (outcome, bytes ?? [])
    }

    /// The fields of the only block of some bytes.
    static func fields(_ bytes: [UInt8]) -> Reading {
        var decoder = HPACKDecoder()
        return decoder.read(Array(bytes.dropFirst(9)))
    }

    static let get = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n"

    @Test("The preface and SETTINGS are sent first")
    func preface() {
        let talk = CoreTalk(.client)
        let owed = talk.owed()
        #expect(owed.starts(with: Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)))
        #expect(
            readFrames(Array(owed.dropFirst(24)), portions: 10) == [
                "setting 2=0", "setting 6=32768", "setting 9=1", "settings", "window 0 983041",
            ])
    }

    @Test("A request is sent without what only HTTP/1 has")
    func request() {
        let text = """
            POST /a?b HTTP/1.1\r\nAccept:*/*  \r\nHost: a.example:81\r\nConnection: TE\r\nTE: trailers\r\n\
            Transfer-Encoding: chunked\r\nKeep-Alive: timeout=5\r\nX-Up: Y\r\nAuthorization: z\r\n\r\n
            """
        let (_, handle, bytes) = Self.opened(text, endsStream: false)
        #expect(handle?.id == 1)
        #expect(readFrames(bytes, portions: 1000).first == "headers 1 whole")
        #expect(
            Self.fields(bytes)
                == .lines([
                    Line(":method", "POST"), Line(":scheme", "https"), Line(":authority", "a.example:81"),
                    Line(":path", "/a?b"), Line("accept", "*/*"), Line("te", "trailers"), Line("x-up", "Y"),
                    Line("authorization", "z", isNeverIndexed: true),
                ]))
    }

    static let answers: [(request: String, fields: [(String, String)], ends: Bool, events: [String])] = [
        (get, [(":status", "200")], true, ["response 1 end HTTP/1.1 200 OK|||"]),
        (get, [(":status", "200")], false, ["response 1 HTTP/1.1 200 OK|transfer-encoding: chunked||"]),
        (
            get, [(":status", "200"), ("content-length", "3"), ("Set-Cookie".lowercased(), "a=b")], false,
            ["response 1 HTTP/1.1 200 OK|content-length: 3|set-cookie: a=b||"]
        ),
        (get, [(":status", "204")], true, ["response 1 end HTTP/1.1 204 No Content||"]),
        (
            get, [(":status", "304"), ("content-length", "9")], true,
            [
                "response 1 end HTTP/1.1 304 Not Modified|content-length: 9||"
            ]
        ),
        (
            "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", [(":status", "200"), ("content-length", "9")], true,
            ["response 1 end HTTP/1.1 200 OK|content-length: 9||"]
        ),
        (get, [(":status", "103"), ("link", "x")], false, ["interim 1 HTTP/1.1 103 Early Hints|link: x||"]),
        // None of these is an answer.
        (get, [(":status", "103")], true, ["reset 1 PROTOCOL_ERROR"]),
        (get, [(":status", "101")], false, ["reset 1 PROTOCOL_ERROR"]),
        (get, [(":status", "20")], true, ["reset 1 PROTOCOL_ERROR"]),
        (get, [(":status", "2 0")], true, ["reset 1 PROTOCOL_ERROR"]),
        (get, [("x", "y")], true, ["reset 1 PROTOCOL_ERROR"]),
        (get, [(":status", "200"), (":status", "200")], true, ["reset 1 PROTOCOL_ERROR"]),
        (get, [(":status", "200"), (":path", "/")], true, ["reset 1 PROTOCOL_ERROR"]),
        (get, [(":status", "200"), ("content-length", "3")], true, ["reset 1 PROTOCOL_ERROR"]),
        (get, [(":status", "200"), ("content-length", "x")], false, ["reset 1 PROTOCOL_ERROR"]),
        (get, [(":status", "200"), ("connection", "close")], true, ["reset 1 PROTOCOL_ERROR"]),
        (get, [(":status", "200"), ("x", "a\r\nb: c")], true, ["reset 1 PROTOCOL_ERROR"]),
    ]

    @Test("An answer", arguments: answers.indices)
    func answer(_ index: Int) {
        let example = Self.answers[index]
        let (talk, _, _) = Self.opened(example.request)
        let found = talk.receive(headers(1, literals(example.fields), endsStream: example.ends))
        // A status line ends with one line end, and the head with another.
        #expect(found == example.events.map { $0.replacing("|||", with: "||") }, "\(example.fields)")
    }

    @Test("Interim answers, a body and trailers")
    func whole() {
        let (talk, _, _) = Self.opened(Self.get)
        let ok = literals([(":status", "200")])
        #expect(talk.receive(data(1, [1])) == ["reset 1 PROTOCOL_ERROR"])
        guard case .opened = Self.open(talk, Self.get, endsStream: true).0 else {
            Issue.record("not opened")
            return
        }
        let input =
            headers(3, literals([(":status", "100")]), endsStream: false) + headers(3, ok, endsStream: false)
            + data(3, [1, 2]) + headers(3, literals([("grpc-status", "0")]), endsStream: true)
        #expect(
            talk.receive(input) == [
                "interim 3 HTTP/1.1 100 Continue||", "response 3 HTTP/1.1 200 OK|transfer-encoding: chunked||",
                "data 3 0102", "trailers 3 grpc-status: 0|",
            ])
        #expect(talk.connection.streamCount == 0)
    }

    @Test("A body to HEAD is none")
    func bodyOfHead() {
        let (talk, _, _) = Self.opened("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
        let head = headers(1, literals([(":status", "200"), ("content-length", "1")]), endsStream: false)
        #expect(talk.receive(head + data(1, [1])).last == "reset 1 PROTOCOL_ERROR")
    }

    @Test("A goodbye leaves the streams that may be sent elsewhere")
    func goAway() {
        let (talk, _, _) = Self.opened(Self.get)
        for _ in 0..<2 { _ = Self.open(talk, Self.get, endsStream: true) }
        #expect(
            talk.receive(bytes("000008 07 00 00000000 00000001 00000000")) == [
                "goaway 1 NO_ERROR", "reset 3 REFUSED_STREAM by peer", "reset 5 REFUSED_STREAM by peer",
            ])
        #expect(!talk.connection.canOpen && talk.connection.streamCount == 1)
        #expect(Self.open(talk, Self.get, endsStream: true).0 == .unavailable)
        #expect(talk.receive(headers(1, literals([(":status", "200")]), endsStream: true)).count == 1)
    }

    @Test("As many streams as the server takes")
    func concurrent() {
        let (talk, handle, _) = Self.opened(Self.get, settings: "0003 00000001")
        #expect(handle != nil && !talk.connection.canOpen)
        #expect(Self.open(talk, Self.get, endsStream: true).0 == .unavailable)
        #expect(talk.receive(reset(1, .refusedStream)) == ["reset 1 REFUSED_STREAM by peer"])
        #expect(talk.connection.canOpen)
    }

    @Test("Pushes, even streams and enabled pushes are refused")
    func pushes() {
        for (input, event) in [
            ("000004 05 04 00000001 00000002", "failed PROTOCOL_ERROR frame"),
            ("000001 01 05 00000002 88", "failed PROTOCOL_ERROR headers"),
            ("000001 01 05 00000003 88", "failed PROTOCOL_ERROR headers"),
            ("000006 04 00 00000000 0002 00000001", "failed PROTOCOL_ERROR settings"),
            ("000005 10 00 00000000 00000001 69", "failed PROTOCOL_ERROR priority_of_server"),
        ] {
            let (talk, _, _) = Self.opened(Self.get)
            #expect(talk.receive(bytes(input)) == [event])
        }
    }

    static let webSocket = """
        GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n
        """

    @Test("WebSocket is an extended CONNECT, and its acceptance a 101")
    func tunnel() {
        let (without, _, _) = Self.opened(Self.get)
        #expect(Self.open(without, Self.webSocket, endsStream: false).0 == .unavailable)
        let (talk, _, bytes) = Self.opened(Self.webSocket, endsStream: false, settings: "0008 00000001")
        #expect(
            Self.fields(bytes)
                == .lines([
                    Line(":method", "CONNECT"), Line(":protocol", "websocket"), Line(":scheme", "https"),
                    Line(":authority", "a"), Line(":path", "/chat"), Line("sec-websocket-version", "13"),
                ]))
        // The answer to the key of RFC 6455 section 1.3.
        let found = talk.receive(
            headers(1, literals([(":status", "200"), ("sec-websocket-protocol", "x")]), endsStream: false))
        #expect(
            found == [
                "response 1 HTTP/1.1 101 Switching Protocols|connection: upgrade|upgrade: websocket|"
                    + "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=|sec-websocket-protocol: x||"
            ])
        #expect(talk.scratch.response.acceptsWebSocket)
        #expect(talk.sendData(1, [1, 2], endsStream: false).1 == SentData(count: 2, isEnded: false))
        #expect(talk.receive(data(1, [3])) == ["data 1 03"])
        let (refused, _, _) = Self.opened(Self.webSocket, endsStream: false, settings: "0008 00000001")
        #expect(
            refused.receive(headers(1, literals([(":status", "403")]), endsStream: true)) == [
                "response 1 end HTTP/1.1 403 Forbidden||"
            ])
    }

    @Test("A server answers WebSocket with 200")
    func serverTunnel() {
        let talk = CoreTalk.greeted()
        let fields = [
            (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"), (":path", "/chat"),
            (":authority", "a"), ("sec-websocket-version", "13"),
        ]
        #expect(talk.receive(headers(1, literals(fields), endsStream: false)).count == 1)
        #expect(talk.scratch.request.wantsWebSocket)
        let text = """
            HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
            Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nX: y\r\n\r\n
            """
        let (bytes, outcome) = talk.sendHead(1, text, endsStream: false)
        #expect(outcome == .sent)
        #expect(Self.fields(bytes) == .lines([Line(":status", "200"), Line("x", "y")]))
        #expect(talk.receive(data(1, [1])) == ["data 1 01"])
        #expect(talk.sendData(1, [2], endsStream: true).1 == SentData(count: 1, isEnded: true))
    }

    @Test(
        "What is no head is not sent",
        arguments: [
            "", "GET /x HTTP/1.1\r\n", "GET /x HTTP/1.1\r\nHost: a\r\n", "GET /x HTTP/1.1\r\nHost a\r\n\r\n",
            "GET /x HTTP/1.1\nHost: a\n\n", "GET\r\n\r\n", "GET /x HTTP/1.1\r\nHost: a\r\n\r\nmore",
            "GET /x HTTP/1.1\r\n: a\r\n\r\n",
        ])
    func invalid(_ text: String) {
        let talk = CoreTalk.greeted(.client)
        #expect(Self.open(talk, text, endsStream: true).0 == .invalid)
        #expect(talk.connection.streamCount == 0)
    }
}
