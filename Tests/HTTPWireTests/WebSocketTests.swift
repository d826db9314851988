// Owns the tests of an upgrade to WebSocket: which requests may ask for it, and which responses accept it.
import HTTPWire
import Testing

@Suite("WebSocket")
struct WebSocketTests {
    static let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    static let version = "Sec-WebSocket-Version: 13"
    static let connection = "Connection: Upgrade"
    static let upgrade = "Upgrade: websocket"

    static func request(_ lines: [String], method: String = "GET", minor: Int = 1) -> String {
        "\(method) / HTTP/1.\(minor)\r\nHost: a\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
    }

    static let good: [[String]] = [
        [upgrade, connection, key, version],
        [
            "upgrade: WebSocket", "connection: keep-alive, upgrade", "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
            version,
        ],
        ["Upgrade: h2c, websocket", connection, key, version],
        ["Upgrade: websocket, h2c", connection, key, version],
        ["Upgrade: h2c", "Upgrade: websocket", connection, key, version],
        [upgrade, "Upgrade: h2c", connection, key, version],
        ["Sec-WebSocket-Key: +/+/+/+/+/+/+/+/+/+/+w==", version, upgrade, connection],
        [upgrade, connection, key, version, "Content-Length: 0"],
    ]

    @Test("Asked for rightly (RFC 6455 4.2.1), and passed on as WebSocket alone", arguments: good)
    func asked(_ lines: [String]) {
        let text = Self.request(lines)
        let request = ParsedRequest(text)
        #expect(request.verdict == .complete(text.utf8.count))
        #expect(request.head.wantsWebSocket)
        let (rewritten, refused) = rewriteRequest(text)
        #expect(refused == nil)
        #expect(rewritten.contains("\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"))
        #expect(!rewritten.contains("h2c"))
        #expect(rewritten.lowercased().contains("sec-websocket-key: "))
    }

    static let bad: [(lines: [String], method: String, status: Int, reason: String)] = [
        ([upgrade, connection, key, version], "POST", 400, "websocket_method"),
        ([upgrade, connection, key, version], "HEAD", 400, "websocket_method"),
        ([upgrade, connection, key, version], "get", 400, "websocket_method"),
        ([upgrade, connection, key, version, "Content-Length: 3"], "GET", 400, "websocket_body"),
        ([upgrade, connection, key, version, "Transfer-Encoding: chunked"], "GET", 400, "websocket_body"),
        ([upgrade, connection, version], "GET", 400, "websocket_key"),
        ([upgrade, connection, key, key, version], "GET", 400, "websocket_key"),
        ([upgrade, connection, "Sec-WebSocket-Key:", version], "GET", 400, "websocket_key"),
        ([upgrade, connection, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ", version], "GET", 400, "websocket_key"),
        ([upgrade, connection, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZ===", version], "GET", 400, "websocket_key"),
        ([upgrade, connection, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=a", version], "GET", 400, "websocket_key"),
        ([upgrade, connection, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQaa", version], "GET", 400, "websocket_key"),
        ([upgrade, connection, "Sec-WebSocket-Key: dGhlIHNhbX-sZSBub25jZQ==", version], "GET", 400, "websocket_key"),
        ([upgrade, connection, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ== x", version], "GET", 400, "websocket_key"),
        ([upgrade, connection, key], "GET", 400, "websocket_version"),
        ([upgrade, connection, key, version, version], "GET", 400, "websocket_version"),
        ([upgrade, connection, key, "Sec-WebSocket-Version: x"], "GET", 400, "websocket_version"),
        ([upgrade, connection, key, "Sec-WebSocket-Version: 13, 8"], "GET", 400, "websocket_version"),
        ([upgrade, connection, key, "Sec-WebSocket-Version:"], "GET", 400, "websocket_version"),
        ([upgrade, connection, key, "Sec-WebSocket-Version: 8"], "GET", 426, "websocket_version"),
        ([upgrade, connection, key, "Sec-WebSocket-Version: 14"], "GET", 426, "websocket_version"),
        (["Upgrade: h2c, websocket", connection, key, "Sec-WebSocket-Version: 0"], "GET", 426, "websocket_version"),
    ]

    @Test("Asked for wrongly (RFC 6455 4.2.1 and 4.4)", arguments: bad.indices)
    func refused(_ index: Int) {
        let (lines, method, status, reason) = Self.bad[index]
        #expect(ParsedRequest(Self.request(lines, method: method)).verdict == .refused(status, reason))
    }

    static let ignored: [(lines: [String], minor: Int)] = [
        (["Upgrade: h2c", connection], 1), (["Upgrade: TLS/1.0", connection], 1), (["Upgrade:", connection], 1),
        (["Upgrade: websockets", connection], 1), (["Upgrade: xwebsocket", connection], 1),
        (["Upgrade: websocket/13", connection], 1), ([upgrade, key, version], 1),
        ([upgrade, "Connection: close", key, version], 1), ([connection], 1), ([key, version], 1),
        (["Upgrade: h2c"], 1),
        // RFC 9110 section 7.8: a server must ignore the field in a request of HTTP/1.0.
        ([upgrade, connection, key, version], 0),
    ]

    @Test("Other protocols, and all of them in HTTP/1.0, are ignored (RFC 9110 7.8)", arguments: ignored.indices)
    func others(_ index: Int) {
        let (lines, minor) = Self.ignored[index]
        let text = Self.request(lines, minor: minor)
        let request = ParsedRequest(text)
        #expect(request.verdict == .complete(text.utf8.count))
        #expect(!request.head.wantsWebSocket)
        #expect(!rewriteRequest(text).text.lowercased().contains("upgrade"))
    }

    @Test("A wrong version is told the right one (RFC 6455 4.4, RFC 9110 15.5.22)", arguments: [false, true])
    func versionAnswer(_ keepsAlive: Bool) {
        let text = ErrorResponseTests.answer(426, keepsAlive: keepsAlive)
        #expect(text.hasPrefix("HTTP/1.1 426 Upgrade Required\r\n"))
        #expect(text.contains("\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"))
        #expect(text.contains(keepsAlive ? "\r\nConnection: upgrade\r\n" : "\r\nConnection: upgrade, close\r\n"))
        #expect(!ErrorResponseTests.answer(400).contains("WebSocket"))
    }

    static let accept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    static let answers: [(String, [String], Bool)] = [
        ("HTTP/1.1 101 Switching Protocols", [upgrade, connection, accept], true),
        ("HTTP/1.1 101 x", ["upgrade: WebSocket", "connection: Upgrade, x", "sec-websocket-accept: y"], true),
        ("HTTP/1.1 101 x", [connection, accept], false), ("HTTP/1.1 101 x", [upgrade, accept], false),
        ("HTTP/1.1 101 x", [upgrade, connection], false),
        ("HTTP/1.1 101 x", [upgrade, connection, "Sec-WebSocket-Accept:"], false),
        ("HTTP/1.1 101 x", [upgrade, connection, accept, accept], false),
        ("HTTP/1.1 101 x", ["Upgrade: h2c", connection, accept], false),
        ("HTTP/1.1 101 x", ["Upgrade: websocket, h2c", connection, accept], false),
        ("HTTP/1.1 101 x", [upgrade, "Upgrade: h2c", connection, accept], false),
        ("HTTP/1.0 101 x", [upgrade, connection, accept], false),
        ("HTTP/1.1 200 x", [upgrade, connection, accept], false),
        ("HTTP/1.1 100 x", [upgrade, connection, accept], false),
    ]

    @Test("Accepted (RFC 6455 4.1)", arguments: answers.indices)
    func accepted(_ index: Int) {
        let (line, lines, expected) = Self.answers[index]
        let text = line + "\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
        let response = ParsedResponse(text)
        #expect(response.verdict == .complete(text.utf8.count))
        #expect(response.head.acceptsWebSocket == expected)
    }

    @Test("Nothing of one response is left in the next")
    func reuse() {
        let head = ResponseHead()
        let first = Array("HTTP/1.1 101 x\r\n\(Self.upgrade)\r\n\(Self.connection)\r\n\(Self.accept)\r\n\r\n".utf8)
        let second = Array("HTTP/1.1 101 x\r\n\r\n".utf8)
        for (bytes, expected) in [(first, true), (second, false), (first, true)] {
            let outcome = ResponseHeadParser().parse(bytes.span, method: .get, lenient: false, into: head)
            #expect(outcome == .complete(bytes.count))
            #expect(head.acceptsWebSocket == expected)
        }
    }
}
