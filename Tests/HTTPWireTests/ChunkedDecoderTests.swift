// Owns the tests of the chunked coding, in every split of the input.
import HTTPWire
import Testing

/// What following a chunked body came to.
struct Followed: Hashable {
    var payload: [UInt8] = []
    var isDone = false
    var rest = 0
    var trailers: [UInt8] = []
    var dropsTrailers = false
    var reason: String?
    /// Where the trailer section begins, counted over all pieces.
    var section = 0

    /// Follows `bytes`, cut at `cuts`.
    init(_ bytes: [UInt8], cuts: [Int], skips: Bool = false) {
        var decoder = ChunkedDecoder()
        var start = 0
        for end in cuts + [bytes.count] where !isDone && reason == nil {
            let piece = Array(bytes[start..<end])
            take(piece, start, &decoder, skips)
            start = end
        }
        trailers = decoder.trailers
        dropsTrailers = decoder.dropsTrailers
    }

    private mutating func take(_ piece: [UInt8], _ start: Int, _ decoder: inout ChunkedDecoder, _ skips: Bool) {
        var position = 0
        let wasInTrailers = decoder.isInTrailers
        while true {
            switch skips ? decoder.skip(piece.span, &position) : decoder.step(piece.span, &position) {
            case .payload(let range): payload += piece[range]
            case .needMore:
                if !wasInTrailers, decoder.isInTrailers { section = start + (decoder.sectionStart ?? -1000) }
                return
            case .done(let sectionStart, let end):
                isDone = true
                rest = start + end
                if !wasInTrailers { section = start + sectionStart }
                return
            case .failed(let error):
                reason = error.reason.description
                return
            }
        }
    }
}

@Suite("Chunked coding")
struct ChunkedDecoderTests {
    static let good: [(String, String, String)] = [
        ("0\r\n\r\n", "", ""), ("5\r\nhello\r\n0\r\n\r\n", "hello", ""), ("1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", "abc", ""),
        ("A\r\n0123456789\r\n0\r\n\r\n", "0123456789", ""), ("a\r\n0123456789\r\n0\r\n\r\n", "0123456789", ""),
        ("005\r\nhello\r\n000\r\n\r\n", "hello", ""), ("5;a=b;c=\"d\"\r\nhello\r\n0;e\r\n\r\n", "hello", ""),
        ("2\r\n\r\n\r\n0\r\n\r\n", "\r\n", ""), ("5\r\n0\r\n\r\n\r\n0\r\n\r\n", "0\r\n\r\n", ""),
        ("1\r\na\r\n0\r\nChecksum: x\r\n\r\n", "a", "Checksum: x\r\n"),
        ("0\r\nA: b\r\nC:\td \u{E9}\r\n\r\n", "", "A: b\r\nC:\td \u{E9}\r\n"),
        ("5 \r\nhello\r\n0 \t\r\n\r\n", "hello", ""), ("5\t;a\r\nhello\r\n0\r\n\r\n", "hello", ""),
        ("5 ; a = b\r\nhello\r\n0 ;e\r\n\r\n", "hello", ""),
        ("0000000000000005\r\nhello\r\n0000000000000000\r\n\r\n", "hello", ""),
    ]

    static let bad: [(String, String)] = [
        ("\r\n", "chunk_size"), (" 5\r\n", "chunk_size"), ("5 5\r\n", "chunk_size"), ("5\t\t5\r\n", "chunk_size"),
        ("5 x\r\n", "chunk_size"), ("5 ,\r\n", "chunk_size"), ("5 \n", "chunk_size"), ("5 \rx", "chunk_line"),
        (" \r\n", "chunk_size"), ("5\u{B}\r\n", "chunk_size"), ("5 \u{0}\r\n", "chunk_size"),
        ("x\r\n", "chunk_size"), ("-1\r\n", "chunk_size"), ("+1\r\n", "chunk_size"), ("0x5\r\n", "chunk_size"),
        (";a\r\n", "chunk_size"), ("5,5\r\n", "chunk_size"), ("5\n", "chunk_size"), ("5\rx", "chunk_line"),
        ("FFFFFFFFFFFFFFFFF\r\n", "chunk_size"), ("00000000000000000\r\n", "chunk_size"),
        ("1000000000000001\r\n", "chunk_size"), ("FFFFFFFFFFFFFFFF\r\n", "chunk_size"),
        ("10000000000000005\r\n", "chunk_size"), ("5;a\nb\r\n", "chunk_extensions"),
        ("5;a\u{0}\r\n", "chunk_extensions"), ("5;a\rb\r\n", "chunk_line"), ("5\r\nhello\n0\r\n\r\n", "chunk_end"),
        ("5\r\nhelloX\r\n", "chunk_end"), ("5\r\nhello\rX", "chunk_end"), ("5\r\nhello0\r\n\r\n", "chunk_end"),
        ("0\r\nA\r\n\r\n", "trailer"), ("0\r\n: b\r\n\r\n", "trailer"), ("0\r\nA : b\r\n\r\n", "trailer"),
        ("0\r\nA: b\r\n c\r\n\r\n", "trailer"), ("0\r\nA: b\n\r\n", "trailer"), ("0\r\nA: b\rC: d\r\n", "trailer"),
        ("0\r\nA: \u{0}\r\n\r\n", "trailer"), ("0\r\n\n", "trailer"), ("0\r\n\rX", "trailer"),
        ("0\n\r\n", "chunk_size"),
    ]

    @Test("Good bodies, whole and cut at every two places (RFC 9112 7.1)", arguments: good.indices)
    func goodBodies(_ index: Int) {
        let (text, payload, trailers) = Self.good[index]
        let bytes = Array(text.utf8)
        // What lies behind belongs to the next message, even if it looks like more of this one.
        for behind in ["", "0\r\n\r\n", "GET"] {
            let all = bytes + Array(behind.utf8)
            let whole = Followed(all, cuts: [])
            #expect(whole.isDone && whole.rest == bytes.count && whole.reason == nil)
            #expect(String(decoding: whole.payload, as: UTF8.self) == payload)
            #expect(String(decoding: whole.trailers, as: UTF8.self) == trailers)
            #expect(!whole.dropsTrailers)
            #expect(String(decoding: bytes[whole.section...], as: UTF8.self) == trailers + "\r\n")
            var skipped = whole
            skipped.payload = []
            #expect(Followed(all, cuts: [], skips: true) == skipped)
            for first in 0...bytes.count {
                for second in first...bytes.count {
                    #expect(Followed(all, cuts: [first, second]) == whole)
                    #expect(Followed(all, cuts: [first, second], skips: true) == skipped)
                }
            }
            #expect(Followed(all, cuts: Array(0..<bytes.count)) == whole)
        }
    }

    @Test("Bad bodies, whole and byte by byte (RFC 9112 7.1)", arguments: bad.indices)
    func badBodies(_ index: Int) {
        let (text, reason) = Self.bad[index]
        let bytes = Array(text.utf8)
        let whole = Followed(bytes, cuts: [])
        #expect(whole.reason == reason)
        #expect(Followed(bytes, cuts: Array(0..<bytes.count)).reason == reason)
        #expect(Followed(bytes, cuts: [], skips: true).reason == reason)
    }

    @Test("Every proper prefix needs more", arguments: good.indices)
    func prefixes(_ index: Int) {
        let bytes = Array(Self.good[index].0.utf8)
        for count in 0..<bytes.count {
            let part = Followed(Array(bytes[..<count]), cuts: [])
            #expect(!part.isDone && part.reason == nil)
        }
    }

    @Test(
        "Trailers that may not pass (RFC 9110 6.5.1)",
        arguments: [
            "Host", "content-length", "Transfer-Encoding", "Authorization", "Cookie", "Set-Cookie", "Connection", "Via",
            "X-Forwarded-For", "X-Forwarded-Port", "X-Real-IP", "Forwarded", "X-Request-Id", "Meridian-Epoch",
            "meridian_epoch",
            "Content_Length", "TE", "Trailer", "Expect", "Upgrade", "Keep-Alive", "Proxy-Connection",
            "Proxy-Authorization", "Content-Type", "Content-Encoding", "Content-Range", "Cache-Control", "Range",
            "WWW-Authenticate", "Location", "Max-Forwards",
        ])
    func forbidden(_ name: String) {
        let whole = Followed(Array("0\r\nA: b\r\n\(name): x\r\nC: d\r\n\r\n".utf8), cuts: [])
        #expect(whole.isDone && whole.dropsTrailers)
        #expect(String(decoding: whole.trailers, as: UTF8.self) == "A: b\r\nC: d\r\n")
    }

    /// Chunks of `size` bytes with extensions of so many bytes each, the semicolon counted.
    static func extended(_ count: Int, size: Int, by extra: Int, _ filler: String = "e") -> Followed {
        let data = String(repeating: "a", count: size)
        let extensions = extra > 0 ? ";" + String(repeating: filler, count: extra - 1) : ""
        let line = String(size, radix: 16) + extensions + "\r\n\(data)\r\n"
        return Followed(Array((String(repeating: line, count: count) + "0\r\n\r\n").utf8), cuts: [])
    }

    @Test(
        "Extensions may be as long as the data before them, and 4 KiB",
        arguments: [
            // Ever so many signed chunks of object storage pass (each with a line of 85 bytes), as they bring more data.
            (1000, 1024, 86, true), (1000, 86, 86, true), (5000, 1, 1, true), (5000, 2, 2, true),
            (1, 1, 4096, true), (1, 1, 4097, false), (1, 8192, 4096, true), (1, 8192, 4097, false),
            (2, 4096, 4096, true), (3, 1024, 2048, true), (3, 1024, 2049, false), (2000, 1, 4, false),
        ])
    func extensions(_ count: Int, _ size: Int, _ extra: Int, _ passes: Bool) {
        for filler in ["e", " "] {
            let followed = Self.extended(count, size: size, by: extra, filler)
            #expect(followed.isDone == passes)
            #expect(followed.reason == (passes ? nil : "chunk_extensions"))
        }
    }

    @Test("White space counts like extensions")
    func whiteSpace() {
        let body = { (count: Int) in Array(("1" + String(repeating: " ", count: count) + "\r\na\r\n0\r\n\r\n").utf8) }
        #expect(Followed(body(4096), cuts: []).isDone)
        #expect(Followed(body(4097), cuts: []).reason == "chunk_extensions")
    }

    @Test("Trailers are bounded over a whole body")
    func bounds() {
        let trailer = "A: " + String(repeating: "t", count: 1000) + "\r\n"
        let trailed = { (count: Int) in
            Followed(Array(("0\r\n" + String(repeating: trailer, count: count) + "\r\n").utf8), cuts: [])
        }
        #expect(trailed(16).isDone)
        #expect(trailed(17).reason == "trailers_too_large")
        let short = { (count: Int) in
            Followed(Array(("0\r\n" + String(repeating: "A:\r\n", count: count) + "\r\n").utf8), cuts: [])
        }
        #expect(short(128).isDone)
        #expect(short(129).reason == "too_many_trailers")
    }

    @Test("A chunk of a size near the limit is skipped, not looked at")
    func large() {
        var decoder = ChunkedDecoder()
        let line = Array("1000000000000000\r\n".utf8)
        var position = 0
        guard case .needMore = decoder.skip(line.span, &position) else {
            Issue.record("2^60 bytes are allowed")
            return
        }
        // NUL and line ends are payload like any other.
        let payload = [UInt8](repeating: 0x0A, count: 1 << 16)
        for _ in 0..<64 {
            position = 0
            guard case .needMore = decoder.skip(payload.span, &position) else {
                Issue.record("payload was looked at")
                return
            }
            #expect(position == payload.count)
        }
    }

    @Test("Once done, nothing more is taken")
    func done() {
        var decoder = ChunkedDecoder()
        let bytes = Array("0\r\n\r\nX".utf8)
        var position = 0
        for _ in 0..<2 {
            guard case .done(_, let rest) = decoder.step(bytes.span, &position) else {
                Issue.record("not done")
                return
            }
            #expect(rest == 5)
            #expect(decoder.isDone)
        }
    }
}
