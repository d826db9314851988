// Owns the tests of what a request's head is refused for, and what is read from a good one.
import HTTPWire
import Testing

/// One head and what becomes of it.
struct HeadCase: CustomTestStringConvertible, Sendable {
    let rule: String
    let text: String
    let verdict: Verdict?

    /// `nil` for the verdict: the head is whole.
    init(_ rule: String, _ text: String, _ status: Int? = nil, _ reason: String = "") {
        self.rule = rule
        self.text = text
        verdict = status.map { .refused($0, reason) }
    }

    var testDescription: String { "\(rule): \(text.prefix(60).debugDescription)" }

    func check() {
        let request = ParsedRequest(text)
        #expect(request.verdict == verdict ?? .complete(text.utf8.count), "\(rule)")
    }
}

@Suite("Requests: parse")
struct RequestParseTests {
    static let host = "Host: a\r\n\r\n"

    static let requestLines: [HeadCase] = [
        HeadCase("RFC 9112 3", "GET / HTTP/1.1\r\n" + host),
        HeadCase("RFC 9112 2.2: one empty line is skipped", "\r\nGET / HTTP/1.1\r\n" + host),
        HeadCase("RFC 9112 2.2: but one", "\r\n\r\nGET / HTTP/1.1\r\n" + host, 400, "method"),
        HeadCase("RFC 9112 2.2: bare LF", "\nGET / HTTP/1.1\r\n" + host, 400, "method"),
        HeadCase("RFC 9112 2.2: bare CR", "\rGET / HTTP/1.1\r\n" + host, 400, "bare_cr"),
        HeadCase("RFC 9112 3", " GET / HTTP/1.1\r\n" + host, 400, "method"),
        HeadCase("RFC 9112 3: one space", "GET  / HTTP/1.1\r\n" + host, 400, "target"),
        HeadCase("RFC 9112 3: one space", "GET /  HTTP/1.1\r\n" + host, 400, "version"),
        HeadCase("RFC 9112 3: no HTAB", "GET\t/ HTTP/1.1\r\n" + host, 400, "method"),
        HeadCase("RFC 9112 3: no HTAB", "GET /\tHTTP/1.1\r\n" + host, 400, "target"),
        HeadCase("RFC 9112 3: nothing behind", "GET / HTTP/1.1 \r\n" + host, 400, "version"),
        HeadCase("RFC 9112 2.2: bare LF", "GET / HTTP/1.1\n" + host, 400, "bare_lf"),
        HeadCase("RFC 9112 2.2: bare CR", "GET / HTTP/1.1\rX" + host, 400, "version"),
        HeadCase("RFC 9110 9.1: a token", "G(T / HTTP/1.1\r\n" + host, 400, "method"),
        HeadCase("RFC 9110 9.1: any token", "M-SEARCH / HTTP/1.1\r\n" + host),
        HeadCase("RFC 9110 9.3.6", "CONNECT a:443 HTTP/1.1\r\n" + host, 405, "connect_refused"),
        HeadCase("HTTP/0.9", "GET /\r\n", 400, "target"),
        HeadCase("RFC 9112 2.3", "GET / HTTP/1.0\r\n\r\n"),
        HeadCase("RFC 9110 2.5: a higher minor", "GET / HTTP/1.9\r\n" + host),
        HeadCase("RFC 9110 15.6.6", "GET / HTTP/2.0\r\n" + host, 505, "version_not_supported"),
        HeadCase("RFC 9110 15.6.6", "GET / HTTP/0.9\r\n" + host, 505, "version_not_supported"),
        HeadCase("RFC 9112 2.3", "GET / HTTP/1.10\r\n" + host, 400, "version"),
        HeadCase("RFC 9112 2.3", "GET / HTTP/11.1\r\n" + host, 400, "version"),
        HeadCase("RFC 9112 2.3: in capitals", "GET / http/1.1\r\n" + host, 400, "version"),
        HeadCase("RFC 9112 2.3", "GET / HTTP/1.x\r\n" + host, 400, "version"),
        HeadCase("RFC 9112 2.3", "GET / HTTP/1,1\r\n" + host, 400, "version"),
    ]

    static let targets: [HeadCase] = [
        HeadCase("RFC 9112 3.2: visible", "GET /\u{E9} HTTP/1.1\r\n" + host, 400, "target"),
        HeadCase("RFC 9112 3.2: no control", "GET /\u{1} HTTP/1.1\r\n" + host, 400, "target"),
        HeadCase("RFC 9112 3.2: no NUL", "GET /\u{0} HTTP/1.1\r\n" + host, 400, "target"),
        HeadCase("RFC 9112 3.2: no DEL", "GET /\u{7F} HTTP/1.1\r\n" + host, 400, "target"),
        HeadCase("RFC 9112 3.2: no fragment", "GET /a#b HTTP/1.1\r\n" + host, 400, "target"),
        HeadCase("RFC 3986 2.1", "GET /%4 HTTP/1.1\r\n" + host, 400, "percent_encoding"),
        HeadCase("RFC 3986 2.1", "GET /%zz HTTP/1.1\r\n" + host, 400, "percent_encoding"),
        HeadCase("RFC 3986 2.1: but in a query, where browsers send it", "GET /?a=% HTTP/1.1\r\n" + host),
        HeadCase("a percent sign in a query", "GET /?q=100%&b HTTP/1.1\r\n" + host),
        HeadCase("a percent sign in a query", "GET /?q=%zz%%4%x HTTP/1.1\r\n" + host),
        HeadCase(
            "RFC 3986 2.1: and not in the path before it", "GET /%?a=% HTTP/1.1\r\n" + host, 400, "percent_encoding"),
        HeadCase("RFC 3986 7.3: %00 behind one", "GET /?a=%%00 HTTP/1.1\r\n" + host, 400, "percent_nul"),
        HeadCase("RFC 3986 7.3: %00", "GET /%00 HTTP/1.1\r\n" + host, 400, "percent_nul"),
        HeadCase("RFC 3986 7.3: %00", "GET /?%00 HTTP/1.1\r\n" + host, 400, "percent_nul"),
        HeadCase("RFC 9112 3.2.1", "GET a HTTP/1.1\r\n" + host, 400, "target"),
        HeadCase("RFC 9112 3.2.1", "GET ?a HTTP/1.1\r\n" + host, 400, "target"),
        HeadCase("RFC 9112 3.2.4", "OPTIONS * HTTP/1.1\r\n" + host),
        HeadCase("RFC 9112 3.2.4: OPTIONS only", "GET * HTTP/1.1\r\n" + host, 400, "target"),
        HeadCase("RFC 9112 3.2.2", "GET http://a/ HTTP/1.1\r\n" + host),
        HeadCase("RFC 9112 3.2.2", "GET HTTP://A/ HTTP/1.1\r\n" + host),
        HeadCase("RFC 9110 4.2: other schemes", "GET ftp://a/ HTTP/1.1\r\n" + host, 400, "target"),
        HeadCase("RFC 9110 4.2.1: an empty host", "GET http:///a HTTP/1.1\r\n" + host, 400, "target"),
        HeadCase("RFC 9110 4.2.4: user information", "GET http://u@a/ HTTP/1.1\r\n" + host, 400, "target"),
        HeadCase("RFC 3986 3.2", "GET http://a%41/ HTTP/1.1\r\n" + host, 400, "target"),
    ]

    static let fields: [HeadCase] = [
        HeadCase("RFC 9112 5", line("A: b")),
        HeadCase("RFC 9112 5: no white space needed", line("A:b")),
        HeadCase("RFC 9110 5.5: empty", line("A:")),
        HeadCase("RFC 9110 5.5: HTAB and obs-text", line("A: b\tc \u{E9}\u{FF}")),
        HeadCase("RFC 9112 5.1: space before the colon", line("A : b"), 400, "space_before_colon"),
        HeadCase("RFC 9112 5.1: tab before the colon", line("A\t: b"), 400, "space_before_colon"),
        HeadCase("RFC 9112 5.2: obs-fold", line("A: b\r\n c"), 400, "folded_field"),
        HeadCase("RFC 9112 5.2: obs-fold", line("A: b\r\n\tc"), 400, "folded_field"),
        HeadCase(
            "RFC 9112 2.2: space before the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400, "folded_field"),
        HeadCase("RFC 9110 5.1: an empty name", line(": b"), 400, "empty_field_name"),
        HeadCase("RFC 9110 5.6.2", line("A(: b"), 400, "field_name"),
        HeadCase("RFC 9110 5.6.2", line("A\u{E9}: b"), 400, "field_name"),
        HeadCase("RFC 9110 5.6.2", line("A\u{0}: b"), 400, "field_name"),
        HeadCase("RFC 9112 5: no colon", line("A"), 400, "field_name"),
        HeadCase("RFC 9110 5.5: NUL", line("A: b\u{0}c"), 400, "control_character"),
        HeadCase("RFC 9110 5.5: a control", line("A: b\u{B}c"), 400, "control_character"),
        HeadCase("RFC 9110 5.5: DEL", line("A: b\u{7F}c"), 400, "control_character"),
        HeadCase("RFC 9110 5.5: far into a value", line("A: 0123456789abcdef\u{1F}c"), 400, "control_character"),
        HeadCase("RFC 9112 2.2: bare CR", line("A: b\rc"), 400, "bare_cr"),
        HeadCase("RFC 9112 2.2: bare CR at the end", "GET / HTTP/1.1\r\nHost: a\r\n\rX", 400, "bare_cr"),
        HeadCase("RFC 9112 2.2: bare LF", line("A: b\nC: d"), 400, "bare_lf"),
        HeadCase("RFC 9112 2.2: bare LF in a name", line("A\nC: d"), 400, "bare_lf"),
        HeadCase("RFC 9112 2.2: bare LF at the end", "GET / HTTP/1.1\r\nHost: a\r\n\n", 400, "bare_lf"),
    ]

    /// A request with one line more than it needs.
    static func line(_ text: String) -> String { "GET / HTTP/1.1\r\nHost: a\r\n\(text)\r\n\r\n" }

    @Test("Request line", arguments: requestLines)
    func requestLine(_ item: HeadCase) { item.check() }

    @Test("Target", arguments: targets)
    func target(_ item: HeadCase) { item.check() }

    @Test("Field lines", arguments: fields)
    func field(_ item: HeadCase) { item.check() }

    @Test(
        "Methods are known by name, and which may be repeated (RFC 9110 9.2.2)",
        arguments: [
            ("GET", RequestMethod.get, true), ("HEAD", .head, true), ("POST", .post, false), ("PUT", .put, true),
            ("DELETE", .delete, true), ("OPTIONS", .options, true), ("PATCH", .patch, false), ("TRACE", .trace, true),
            ("get", .other, false), ("GEX", .other, false), ("POSX", .other, false), ("DELETX", .other, false),
            ("TRACEX", .other, false), ("OPTIONX", .other, false), ("X", .other, false), ("PATCX", .other, false),
        ])
    func methods(_ name: String, _ method: RequestMethod, _ isIdempotent: Bool) {
        let request = ParsedRequest("\(name) / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(request.head.method == method)
        #expect(request.head.method.isIdempotent == isIdempotent)
        #expect(request.text(request.head.methodRange) == name)
    }

    @Test(
        "Targets are taken apart (RFC 9112 3.2)",
        arguments: [
            ("/", "/", "", false), ("/a/b?c=d", "/a/b", "?c=d", false), ("/?", "/", "?", false),
            ("/a?b?c/../d", "/a", "?b?c/../d", false), ("/a.b", "/a.b", "", false), ("/.a", "/.a", "", true),
            ("/a/..", "/a/..", "", true), ("/%41", "/%41", "", true), ("/a?%41", "/a", "?%41", false),
            ("http://a/b?c", "/b", "?c", false), ("http://a/../b", "/../b", "", true), ("http://a", "/", "", false),
            ("http://a?b", "/", "?b", false), ("//a/b", "//a/b", "", true), ("http://a//b", "//b", "", true),
        ])
    func targetParts(_ target: String, _ path: String, _ query: String, _ mayNeedNormalizing: Bool) {
        let request = ParsedRequest("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(request.text(request.head.target) == target)
        #expect(request.text(request.head.path) == path)
        #expect(request.text(request.head.query) == query)
        #expect(request.head.mayNeedNormalizing == mayNeedNormalizing)
        #expect(request.text(request.head.authority) == "a")
    }

    @Test("OPTIONS of a whole server has no path (RFC 9112 3.2.4)", arguments: ["*", "http://a"])
    func asterisk(_ target: String) {
        let request = ParsedRequest("OPTIONS \(target) HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(request.head.isAsterisk)
        #expect(request.head.path.isEmpty)
    }

    @Test("Values come without the white space around them (RFC 9112 5.1)")
    func trimmed() {
        let request = ParsedRequest(Self.line("A: \t b c\t "))
        #expect(request.text(request.head.fields[1].name) == "A")
        #expect(request.text(request.head.fields[1].value) == "b c")
        #expect(request.head.fields.count == 2)
    }

    @Test("A second message behind the head is left alone")
    func pipelined() {
        let text = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        #expect(ParsedRequest(text + text).verdict == .complete(text.utf8.count))
        #expect(ParsedRequest(text + "\u{0}garbage").verdict == .complete(text.utf8.count))
    }
}
