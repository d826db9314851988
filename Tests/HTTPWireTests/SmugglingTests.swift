// Owns the corpus of known ways to smuggle a request: each is refused, or reaches the backend with one meaning only.
import HTTPWire
import Testing

@Suite("Smuggling")
struct SmugglingTests {
    /// Lines that hide `Transfer-Encoding: chunked` from one of two parsers, beside a `Content-Length`.
    static let hidden: [String] = [
        "Transfer-Encoding: chunked", "Transfer-Encoding : chunked", " Transfer-Encoding: chunked",
        "\tTransfer-Encoding: chunked", "Transfer-Encoding\t: chunked", "Transfer-Encoding:\u{B}chunked",
        "Transfer-Encoding: \u{B}chunked", "Transfer-Encoding:\tchunked", "Transfer-Encoding: chunked\t",
        "Transfer-Encoding:chunked", "Transfer-Encoding: xchunked", "Transfer-Encoding: chunkedx",
        "Transfer-Encoding: \"chunked\"", "Transfer-Encoding: 'chunked'", "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: identity, chunked", "Transfer-Encoding: chunked, chunked", "Transfer-Encoding: chunked;a",
        "Transfer-Encoding: , chunked", "Transfer-Encoding: chunked,", "Transfer-Encoding:\r\n chunked",
        "Transfer-Encoding\r\n: chunked", "X: y\nTransfer-Encoding: chunked", "X: y\rTransfer-Encoding: chunked",
        "X: y\r\n\rTransfer-Encoding: chunked", "X:\u{0}\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\u{0}", "Transfer-Encoding: \u{0}chunked", "Transfer-Encoding: chunk\u{C}ed",
        "Transfer\u{0}-Encoding: chunked", "Transfer-Encoding: \u{A0}chunked", "\u{0}Transfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked", "TRANSFER-ENCODING: CHUNKED",
        "tRANSFER-eNCODING: cHUNKED", "Transfer-Encoding: identity", "Transfer-Encoding: deflate",
        "Transfer-Encoding:", "Transfer-Encoding: x", ":Transfer-Encoding: chunked", "Transfer-Encoding;: chunked",
        "\u{A0}Transfer-Encoding: chunked", "Transfer-Encoding: chunked\r\n\tx",
    ]

    @Test("A hidden Transfer-Encoding beside a Content-Length", arguments: hidden)
    func transferEncoding(_ line: String) {
        for lines in ["Content-Length: 4\r\n\(line)", "\(line)\r\nContent-Length: 4"] {
            let text = "POST / HTTP/1.1\r\nHost: a\r\n\(lines)\r\n\r\n1\r\nG\r\n0\r\n\r\n"
            guard case .refused(400...501, _) = ParsedRequest(text).verdict else {
                Issue.record("\(ParsedRequest(text).verdict)")
                continue
            }
        }
    }

    /// Lines that only look like framing: they are no framing here, and may not be one behind us.
    static let lookalikes: [String] = [
        "TransferxEncoding: chunked",
        "Transfer_Encoding: chunked", "Content_Length: 4", "Transfer-Encoding_: chunked", "_Transfer-Encoding: chunked",
        "Content-Length_: 4", "transfer_encoding: chunked",
    ]

    @Test("Names that many take for framing never pass", arguments: lookalikes)
    func lookalike(_ line: String) {
        let text = "POST / HTTP/1.1\r\nHost: a\r\n\(line)\r\nContent-Length: 1\r\n\r\n"
        let (rewritten, refused) = rewriteRequest(text)
        #expect(refused == nil)
        #expect(!line.contains("_") || !rewritten.contains(line))
        #expect(rewritten.contains("Content-Length: 1\r\n"))
    }

    static let lengths: [String] = [
        "Content-Length: 4\r\nContent-Length: 4", "Content-Length: 4\r\nContent-Length: 5", "Content-Length: 4, 4",
        "Content-Length: 4,5", "Content-Length: +4", "Content-Length: -4", "Content-Length: 0x4", "Content-Length: 4 4",
        "Content-Length : 4", " Content-Length: 4", "Content-Length\t: 4", "Content-Length: 4\u{B}",
        "Content-Length: \u{B}4", "Content-Length: 4\u{0}", "Content-Length: 4;", "Content-Length: \"4\"",
        "Content-Length: 4.0", "Content-Length: 4e0", "Content-Length: 1_0", "Content-Length: \u{0664}",
        "Content-Length:\r\n 4", "X: y\nContent-Length: 4", "X: y\rContent-Length: 4", "Content-Length:",
        "Content-Length: ,", "Content-Length: 99999999999999999999", "Content-Length: 18446744073709551620",
        "Content-Length: 4\r\nContent-length: 4",
    ]

    @Test("A doubtful Content-Length", arguments: lengths)
    func contentLength(_ lines: String) {
        guard case .refused(400, _) = ParsedRequest("POST / HTTP/1.1\r\nHost: a\r\n\(lines)\r\n\r\nabcd").verdict else {
            Issue.record("accepted")
            return
        }
    }

    static let lines: [String] = [
        "GET / HTTP/1.1 HTTP/1.1", "GET /\u{0} HTTP/1.1", "GET / HTTP/1.1\u{0}", "GET\u{0B}/ HTTP/1.1",
        "GET /a b HTTP/1.1", "GET / HTTP/1.1\nX: y", "GET / HTTP/1.1\rX: y", "GET /\nHost: b HTTP/1.1",
        "GET /\r\nX: y HTTP/1.1", "GET  / HTTP/1.1", "GET /  HTTP/1.1", " GET / HTTP/1.1", "GET / HTTP/1.1 ", "GET /",
        "GET / HTTP/1", "GET / HTTP/1.", "GET / HTTP/11", "GET / HTTP", "GET / ICY/1.1", "GET / HTTP/1.1\t",
        "GET http://a\\@b/ HTTP/1.1", "GET http://a#@b/ HTTP/1.1", "GET http://b/ HTTP/1.1", "GET @b/ HTTP/1.1",
        "GET a:80 HTTP/1.1", "GET \\ HTTP/1.1", "G\u{0}ET / HTTP/1.1", "PRI * HTTP/2.0", "GET * HTTP/1.1",
    ]

    @Test("A doubtful request line", arguments: lines)
    func requestLine(_ line: String) {
        guard case .refused(400...505, _) = ParsedRequest("\(line)\r\nHost: a\r\n\r\n").verdict else {
            Issue.record("accepted")
            return
        }
    }

    @Test("An escaped line end in a target stays escaped")
    func escapedLineEnds() {
        let (text, refused) = rewriteRequest("GET /a%0d%0aX:%20y?%0D%0A HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(refused == nil)
        #expect(text.hasPrefix("GET /a%0D%0AX:%20y?%0D%0A HTTP/1.1\r\nHost: a\r\n"))
    }

    @Test("A body on GET stays one: its bytes never become a request")
    func bodyOnGet() {
        let (text, _) = rewriteRequest("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 44\r\n\r\n")
        #expect(ParsedRequest(text).head.framing == .length(44))
    }

    @Test("An upgrade to anything but WebSocket never passes")
    func upgrade() {
        for lines in [
            "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: A",
            "Upgrade: h2c\r\nConnection: Upgrade",
            "Upgrade: h2c", "Upgrade: TLS/1.0\r\nConnection: Upgrade", "Upgrade: h2c, TLS/1.0\r\nConnection: Upgrade",
        ] {
            let (text, refused) = rewriteRequest("GET / HTTP/1.1\r\nHost: a\r\n\(lines)\r\n\r\n")
            #expect(refused == nil)
            #expect(!text.lowercased().contains("upgrade") && !text.lowercased().contains("http2"))
        }
    }

    @Test("Responses that could be split are refused")
    func responses() {
        for lines in [
            "Content-Length: 5\r\nTransfer-Encoding: chunked", "Content-Length: 5\r\nContent-Length: 6",
            "Transfer-Encoding: chunked, identity", "Transfer-Encoding : chunked", "Content-Length: 5\nX: y",
            "Connection: Content-Length\r\nContent-Length: 5", "Set-Cookie: a\rSet-Cookie: b", "X: \u{0}",
            "Transfer-Encoding:\u{B}chunked", "Content-Length: 5\r\n Content-Length: 6",
        ] {
            let verdict = ParsedResponse("HTTP/1.1 200 OK\r\n\(lines)\r\n\r\n").verdict
            guard case .refused(502, _) = verdict else {
                Issue.record("\(lines.debugDescription): \(verdict)")
                continue
            }
        }
    }
}
