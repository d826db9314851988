// Owns the tests of how a chunked body is passed on: as it came, but for trailer lines that may not pass.
import HTTPWire
import Testing

@Suite("Chunked bodies passed on")
struct TrailerTests {
    /// What is forwarded of a body that comes cut at `cuts`, and where it ended.
    static func forward(_ bytes: [UInt8], cuts: [Int]) throws -> (text: String, end: Int?) {
        var decoder = ChunkedDecoder()
        var output: [UInt8] = []
        var start = 0
        for end in cuts + [bytes.count] {
            let piece = Array(bytes[start..<end])
            let passage = try decoder.follow(piece.span)
            #expect(passage.count <= passage.taken && passage.taken <= piece.count)
            output += piece[..<passage.count]
            if passage.addsTrailers { output += decoder.trailerSection }
            if passage.isDone { return (String(decoding: output, as: UTF8.self), start + passage.taken) }
            #expect(passage.taken == piece.count && !passage.addsTrailers)
            start = end
        }
        return (String(decoding: output, as: UTF8.self), nil)
    }

    /// A body, and what passes of it.
    static let bodies: [(String, String)] = [
        ("0\r\n\r\n", "0\r\n\r\n"),
        ("5;x=y\r\nhello\r\n0\r\n\r\n", "5;x=y\r\nhello\r\n0\r\n\r\n"),
        ("1\r\na\r\n0\r\nChecksum: x\r\n\r\n", "1\r\na\r\n0\r\nChecksum: x\r\n\r\n"),
        // RFC 9110 section 6.5.1: what is not meant for trailers may be dropped, and the message goes on.
        ("1\r\na\r\n0\r\nHost: evil\r\n\r\n", "1\r\na\r\n0\r\n\r\n"),
        ("1\r\na\r\n000\r\nA: b\r\nContent-Length: 5\r\nC: d\r\n\r\n", "1\r\na\r\n000\r\nA: b\r\nC: d\r\n\r\n"),
        ("0\r\nTransfer-Encoding: chunked\r\nSet-Cookie: a=b\r\n\r\n", "0\r\n\r\n"),
    ]

    @Test("In any two cuts, and byte by byte", arguments: bodies.indices)
    func splits(_ index: Int) throws {
        let (body, expected) = Self.bodies[index]
        let bytes = Array(body.utf8)
        let all = bytes + Array("GET / HTTP/1.1\r\n".utf8)
        for first in 0...bytes.count {
            for second in first...bytes.count {
                let forwarded = try Self.forward(all, cuts: [first, second])
                #expect(forwarded.text == expected && forwarded.end == bytes.count, "\(first), \(second)")
            }
        }
        #expect(try Self.forward(all, cuts: Array(1...bytes.count)).text == expected)
    }

    @Test("Nothing of a trailer section passes before all of it is known", arguments: bodies.indices)
    func early(_ index: Int) throws {
        let bytes = Array(Self.bodies[index].0.utf8)
        for count in 0..<bytes.count {
            let forwarded = try Self.forward(Array(bytes[..<count]), cuts: [])
            #expect(forwarded.end == nil)
            #expect(Self.bodies[index].1.utf8.starts(with: forwarded.text.utf8))
            #expect(!forwarded.text.contains(":"))
        }
    }

    @Test("What is broken fails still")
    func broken() {
        #expect(throws: WireError.self) { try Self.forward(Array("0\r\nHost : a\r\n\r\n".utf8), cuts: []) }
        #expect(throws: WireError.self) { try Self.forward(Array("5\nhello".utf8), cuts: []) }
    }
}
