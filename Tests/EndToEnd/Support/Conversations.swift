// Owns the table of all kinds of conversations.

extension Conversation {
    private static func request(
        _ method: String, _ path: String, version: String = "1.1", _ fields: String = "", host: String = "shop"
    ) -> String {
        "\(method) \(path) HTTP/\(version)\r\nHost: \(host)\r\nX-Token: TOKEN\r\n\(fields)\r\n"
    }

    private static func get(_ path: String, _ fields: String = "") -> String { request("GET", path, fields) }

    /// What a second client says after a bad conversation of others.
    static let plain = Conversation("plain", .send(get("/echo?of=TOKEN")), .answer)

    static let all = good + bodies + tunnels + own + refused + broken + leaving

    private static let good = [
        plain,
        Conversation("close", isKept: false, .send(get("/echo", "Connection: close\r\n")), .answer, .end),
        Conversation("old", isKept: false, .send(request("GET", "/echo", version: "1.0")), .answer, .end),
        Conversation(
            "old and kept", .send(request("GET", "/echo", version: "1.0", "Connection: keep-alive\r\n")), .answer),
        Conversation("old, of chunks", isKept: false, .send(request("GET", "/chunks", version: "1.0")), .answer, .end),
        Conversation(
            "old, until the end", isKept: false, .send(request("GET", "/until-close", version: "1.0")), .answer, .end),
        Conversation("old, with hints", isKept: false, .send(request("GET", "/hints", version: "1.0")), .answer, .end),
        Conversation("HEAD", .send(request("HEAD", "/head")), .head),
        Conversation("204", .send(get("/empty")), .answer),
        Conversation("304", .send(get("/unchanged", "If-None-Match: \"a\"\r\n")), .answer),
        Conversation("chunks and trailers", .send(get("/chunks", "TE: trailers\r\nConnection: TE\r\n")), .answer),
        Conversation("byte by byte", .send(get("/bytes")), .answer),
        Conversation("large", .send(get("/large")), .answer),
        Conversation("hints", .send(get("/hints")), .answer),
        Conversation("until the end", .send(get("/until-close")), .answer),
        Conversation("the backend's last", .send(get("/last")), .answer),
        // Nobody else speaks until this connection is out of the pool: whether a POST meets its end would be chance.
        Conversation("the backend's last, unsaid", .send(get("/gone")), .lastAnswer),
        Conversation("slow", .send(get("/slow")), .goOn, .answer),
        Conversation("404 of the backend", .send(get("/missing")), .answer),
        Conversation("500 of the backend", .send(get("/broken")), .answer),
        Conversation("its own identifier", .send(get("/echo", "X-Request-Id: of-TOKEN\r\n")), .answer),
        Conversation("OPTIONS", .send(request("OPTIONS", "*")), .answer),
        Conversation("absolute form", .send(request("GET", "http://shop/echo/./a/../b")), .answer),
        Conversation(
            "in pieces", .send("GET /ec"), .send("ho HTTP/1.1\r"), .send("\nHost: shop\r\nX-Tok"),
            .send("en: TOKEN\r\n\r"), .send("\n"), .answer),
        Conversation(
            "pipelined", .send(get("/echo/1") + get("/empty") + request("HEAD", "/head") + get("/chunks")), .answer,
            .answer, .head, .answer),
    ]

    private static let bodies = [
        Conversation("a body", .send(request("POST", "/echo", "Content-Length: 13\r\n") + "TOKEN"), .answer),
        Conversation(
            "a body in pieces", .send(request("POST", "/echo", "Content-Length: 19\r\n")), .send("TOKEN"),
            .send("abc"), .send("def"), .answer),
        Conversation(
            "chunks up", .send(request("POST", "/echo", "Transfer-Encoding: chunked\r\n")), .send("d\r\nTOKEN"),
            .send("\r\n3;x=y\r\nab"), .send("c\r\n0\r\nX-Sum: TOKEN\r\n"), .send("\r\n"), .answer),
        Conversation(
            "bodies both ways",
            .send(
                request("PUT", "/chunks", "Content-Length: 100000\r\n") + String(repeating: "0123456789", count: 10_000)
            ),
            .answer),
        Conversation(
            "expected", .send(request("POST", "/expect", "Expect: 100-continue\r\nContent-Length: 13\r\n")), .interim,
            .send("TOKEN"), .answer),
        Conversation(
            "expected in vain", isKept: false,
            .send(request("POST", "/refuse", "Expect: 100-continue\r\nContent-Length: 13\r\n")), .answer, .end),
        Conversation(
            "an early answer", isKept: false, isBad: true,
            .send(request("POST", "/early", "Content-Length: 1000\r\n") + "TOKEN"), .answer, .end),
        Conversation(
            "an early end", isKept: false, isBad: true,
            .send(request("POST", "/early-close", "Transfer-Encoding: chunked\r\n") + "d\r\nTOKEN\r\n"), .answer, .end),
        Conversation(
            "pipelined behind a body",
            .send(request("POST", "/echo", "Content-Length: 13\r\n") + "TOKEN" + get("/echo/second")), .answer, .answer),
    ]

    private static let tunnels = [
        Conversation(
            "a WebSocket", isKept: false, .send(WebSocket.upgrade), .answer, .send("TOKEN"), .text(13),
            .send("TOKEN again"), .text(19), .halfClose, .end),
        Conversation(
            "a WebSocket at once", isKept: false, .send(WebSocket.upgrade + "TOKEN"), .answer, .text(13), .halfClose,
            .end),
        Conversation(
            "a WebSocket refused",
            .send(
                WebSocket.upgrade.replacing("/chat", with: "/missing")
                    .replacing("\r\n\r\n", with: "\r\nX-Token: TOKEN\r\n\r\n")),
            .answer),
        Conversation(
            "a WebSocket without a key", isKept: false, isBad: true,
            .send(WebSocket.upgrade.replacing("Sec-WebSocket-Key: \(WebSocket.key)\r\n", with: "")), .answer, .end),
        Conversation(
            "a bare switch", isKept: false, isBad: true,
            .send(WebSocket.upgrade.replacing("/chat", with: "/bare-switch")), .answer, .end),
    ]

    /// Answers of the proxy's own to what is right but goes nowhere.
    private static let own = [
        Conversation("no route", .send(request("GET", "/echo", host: "nowhere")), .answer),
        Conversation("no route for HEAD", .send(request("HEAD", "/echo", host: "nowhere")), .head),
        Conversation(
            "no route, identified", .send(request("GET", "/", "X-Request-Id: of-TOKEN\r\n", host: "nowhere")), .answer),
        Conversation("no endpoint", .send(request("GET", "/echo", host: "empty")), .answer, .endIfSaid),
        Conversation("nobody there", .send(request("GET", "/echo", host: "gone")), .answer, .endIfSaid),
    ]

    private static func refusal(_ name: String, _ request: String) -> Conversation {
        // What follows must not be taken for a request of its own.
        Conversation(name, isKept: false, isBad: true, .send(request + get("/echo/smuggled")), .answer, .end)
    }

    private static let refused = [
        refusal("two lengths", request("POST", "/echo", "Content-Length: 1\r\nContent-Length: 2\r\n")),
        refusal(
            "two framings",
            request("POST", "/echo", "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n"),
        refusal("an unknown coding", request("POST", "/echo", "Transfer-Encoding: gzip\r\n")),
        refusal("two hosts", request("GET", "/echo", "Host: shop\r\n")),
        refusal("a folded field", request("GET", "/echo", "X: a\r\n b\r\n")),
        refusal("another version", request("GET", "/echo", version: "2.0")),
        refusal("CONNECT", request("CONNECT", "shop:80")),
        refusal("a long head", request("GET", "/echo", "X: \(String(repeating: "a", count: 40 << 10))\r\n")),
        refusal("a long target", request("GET", "/" + String(repeating: "a", count: 40 << 10))),
        refusal("a bad chunk", request("POST", "/echo", "Transfer-Encoding: chunked\r\n") + "d\r\nTOKEN\r\nzz\r\n"),
        Conversation(
            "pipelined, the last bad", isKept: false, isBad: true,
            .send(get("/echo/1") + get("/chunks") + request("GET", "/echo", "X : 1\r\n")), .answer, .answer, .answer,
            .end),
    ]

    /// Answers that break the rules.
    private static let broken = [
        Conversation("more than promised", isBad: true, .send(get("/more")), .answer),
        Conversation("two answers", isBad: true, .send(get("/twice")), .answer),
        Conversation(
            "two answers to a POST", isBad: true, .send(request("POST", "/twice", "Content-Length: 0\r\n")), .answer),
        Conversation("a body behind 204", isBad: true, .send(get("/empty-and-more")), .answer),
        Conversation("two framings in an answer", isBad: true, .send(get("/two-framings")), .answer, .endIfSaid),
        Conversation("half a head", isBad: true, .send(get("/half-a-head")), .answer, .endIfSaid),
        Conversation("interim answers for ever", isBad: true, .send(get("/interim-for-ever")), .answer, .endIfSaid),
        Conversation(
            "reset", isBad: true, .send(request("POST", "/reset", "Content-Length: 0\r\n")), .answer, .endIfSaid),
        Conversation("reset again and again", isBad: true, .send(get("/reset")), .answer, .endIfSaid),
        Conversation("cut short", isKept: false, isBad: true, .send(get("/cut-length")), .cut),
        Conversation("chunks cut short", isKept: false, isBad: true, .send(get("/cut-chunks")), .cut),
        Conversation("reset in the body", isKept: false, isBad: true, .send(get("/reset-body")), .cut),
    ]

    private static let leaving = [
        Conversation(
            "leaves while sending", isKept: false, isBad: true,
            .send(request("POST", "/echo", "Content-Length: 1000\r\n") + "TOKEN"), .abort),
        Conversation("leaves while waiting", isKept: false, isBad: true, .send(get("/slow")), .abort, .goOn),
        Conversation("leaves without reading", isKept: false, isBad: true, .send(get("/large")), .abort),
        Conversation("leaves in a head", isKept: false, isBad: true, .send("GET /echo HTTP/1.1\r\nX-Tok"), .abort),
        Conversation("says nothing", isKept: false, .halfClose, .end),
    ]
}
