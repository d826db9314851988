// Owns the tests that a head means the same however it arrives, and that its limits hold.
import HTTPWire
import Testing

@Suite("Splits and limits")
struct SplitTests {
    /// Feeds growing prefixes of `bytes` that end at `cuts` and then all of it, as a connection does.
    static func feed(_ bytes: [UInt8], cuts: [Int], maximumHead: Int = 32 << 10) -> Verdict {
        let head = RequestHead()
        let parser = RequestHeadParser(maximumHead: maximumHead)
        for end in cuts {
            let verdict = Verdict(parser.parse(bytes.span.extracting(first: end), into: head))
            if verdict != .needMore { return verdict }
        }
        return Verdict(parser.parse(bytes.span, into: head))
    }

    static let heads: [String] = [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\r\nPOST /a/%2e?b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: x, close\r\nX: y\r\n\r\nhello",
        "GET http://a/b HTTP/1.0\r\nHost: a\r\nA:\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n",
        "GET / HTTP/1.1\r\nA : b\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\n\r\n\r\n", "GET / HTTP/2.0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "GET / HTTP/1.1\n\n", "\n\n", "GET / HTTP/1.1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "\r\n\r\n\r\n",
        "GET /% HTTP/1.1\r\n\r\n", "G\r\n\r\n",
    ]

    @Test("Any split gives what the whole gives", arguments: heads)
    func anySplit(_ text: String) {
        let bytes = Array(text.utf8)
        let whole = Self.feed(bytes, cuts: [])
        #expect(whole != .needMore)
        for first in 0...bytes.count {
            for second in first...bytes.count { #expect(Self.feed(bytes, cuts: [first, second]) == whole) }
        }
        #expect(Self.feed(bytes, cuts: Array(0..<bytes.count)) == whole)
    }

    @Test("Every proper prefix of a good head needs more", arguments: heads[..<4])
    func prefixes(_ text: String) {
        let bytes = Array(text.utf8)
        guard case .complete(let length) = ParsedRequest(bytes).verdict else {
            Issue.record("not a good head")
            return
        }
        for count in 0..<length { #expect(ParsedRequest(Array(bytes[..<count])).verdict == .needMore) }
    }

    @Test("Any split of a response gives what the whole gives", arguments: [false, true])
    func responses(_ lenient: Bool) {
        let texts = [
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nA: b\r\n\r\nhello", "HTTP/1.1 200 OK\nA: b\n\nhello",
            "HTTP/1.0 404 \r\nA : b\r\n\r\n", "HTTP/1.1 200\r\n\r\n", "HTTP/1.1 200\n\n",
        ]
        for text in texts {
            let bytes = Array(text.utf8)
            let whole = ParsedResponse(text, lenient: lenient).verdict
            #expect(whole != .needMore)
            for cut in 0...bytes.count {
                let head = ResponseHead()
                let parser = ResponseHeadParser()
                var verdict = Verdict(
                    parser.parse(bytes.span.extracting(first: cut), method: .get, lenient: lenient, into: head))
                if verdict == .needMore {
                    verdict = Verdict(parser.parse(bytes.span, method: .get, lenient: lenient, into: head))
                }
                #expect(verdict == whole, "\(text.debugDescription) cut at \(cut)")
            }
        }
    }

    /// A request whose head is exactly so long.
    static func head(of length: Int, inTarget: Bool) -> [UInt8] {
        let fixed = "GET / HTTP/1.1\r\nHost: a\r\nA: \r\n\r\n".utf8.count
        let filler = String(repeating: "x", count: length - fixed)
        return Array("GET /\(inTarget ? filler : "") HTTP/1.1\r\nHost: a\r\nA: \(inTarget ? "" : filler)\r\n\r\n".utf8)
    }

    @Test("The head's limit, to the byte", arguments: [64, 1000, 65_535])
    func headLimit(_ limit: Int) {
        #expect(Self.feed(Self.head(of: limit, inTarget: false), cuts: [], maximumHead: limit) == .complete(limit))
        let long = Self.head(of: limit + 1, inTarget: false)
        #expect(Self.feed(long, cuts: [], maximumHead: limit) == .refused(431, "head_too_large"))
        #expect(Self.feed(long, cuts: [10, 40, limit], maximumHead: limit) == .refused(431, "head_too_large"))
        let target = Self.head(of: limit + 40, inTarget: true)
        #expect(Self.feed(target, cuts: [], maximumHead: limit) == .refused(414, "target_too_long"))
        #expect(Self.feed(target, cuts: [10, limit], maximumHead: limit) == .refused(414, "target_too_long"))
    }

    @Test("What lies behind the limit does not count, whatever its length")
    func longInput() {
        let text = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n"
        let bytes = Array(text.utf8) + [UInt8](repeating: 0x0A, count: 200_000)
        #expect(Self.feed(bytes, cuts: [], maximumHead: 65_535) == .complete(text.utf8.count))
        #expect(Self.feed(bytes, cuts: [20], maximumHead: 64) == .complete(text.utf8.count))
        let endless = Array("GET / HTTP/1.1\r\nHost: a\r\nA: ".utf8) + [UInt8](repeating: 0x78, count: 200_000)
        #expect(Self.feed(endless, cuts: [], maximumHead: 65_535) == .refused(431, "head_too_large"))
    }

    @Test("The number of fields", arguments: [1, 5, 128])
    func fieldLimit(_ limit: Int) {
        for count in [limit, limit + 1] {
            let text = "GET / HTTP/1.1\r\nHost: a\r\n" + String(repeating: "A: b\r\n", count: count - 1) + "\r\n"
            let request = ParsedRequest(text, maximumFields: limit)
            #expect(request.verdict == (count > limit ? .refused(431, "too_many_fields") : .complete(text.utf8.count)))
        }
    }

    @Test("After a reset a head starts anew")
    func reset() {
        let head = RequestHead()
        let parser = RequestHeadParser()
        let part = Array("POST /abc HTTP/1.1\r\nHost: a\r\nContent-Le".utf8)
        #expect(parser.parse(part.span, into: head) == .needMore)
        head.reset()
        let other = Array("GET / HTTP/1.1\r\nHost: b\r\n\r\n".utf8)
        #expect(parser.parse(other.span, into: head) == .complete(other.count))
        #expect(head.framing == .none)
    }
}
