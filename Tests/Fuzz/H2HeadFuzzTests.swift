// Owns the fuzz of heads that come by HTTP/2: what passes is one message of HTTP/1.1, and means the same both ways.
import HTTP2Wire
import HTTPWire
import Testing

@Suite("Heads of HTTP/2 under random fields")
struct H2HeadFuzzTests {
    private static let names = [
        ":method", ":path", ":scheme", ":authority", ":protocol", ":status", "host", "cookie", "content-length", "te",
        "transfer-encoding", "connection", "upgrade", "x-a", "X-B", "x\r\ny", "", "x y", "x:", ":x", "expect",
        "sec-websocket-key", "sec-websocket-version", "trailer", "x\u{0}",
    ]
    private static let values = [
        "GET", "POST", "CONNECT", "/", "/a?b=%41", "*", "https", "a", "a.example:80", "websocket", "13", "0", "5",
        "5, 5",
        "+5", "chunked", "trailers", "a\r\nX: y", "a\r\n\r\nGET / HTTP/1.1", "a\n", " a", "a ", "\ta", "", "a b",
        "a\u{0}",
        "100-continue", "/ HTTP/1.1\r\nHost: b", "http://b/", "//b/", "/\u{E9}",
    ]

    @Test("What passes is one message, without anything to interpret")
    func oneMessage() {
        var passed = 0
        let rounds = FuzzRun.rounds(parts: 5) { bits in
            var core = H2Connection(.server, now: 0)
            var scratch = HeadScratch()
            var input = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 0, 4, 0, 0, 0, 0, 0]
            let plain = [(":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", "a")]
            var fields = plain
            for _ in 0..<bits.below(4) {
                let field = (bits.pick(Self.names), bits.pick(Self.values))
                if bits.once(in: 3), !fields.isEmpty {
                    fields[bits.below(fields.count)] = field
                } else {
                    fields.insert(field, at: bits.once(in: 4) ? bits.below(fields.count + 1) : fields.count)
                }
            }
            let ends = bits.once(in: 2)
            input += Self.frame(fields, ends)
            var position = 0
            let event = core.receive(input.span, &position, now: 0, &scratch)
            guard case .request = event else { return nil }
            passed += 1
            let text = Array(scratch.text[..<scratch.textCount])
            guard let read = StrictReader(text) else { return "\(fields)\nis doubtful:\n\(text.escaped)" }
            let parts = read.startLine.split(separator: " ", omittingEmptySubsequences: false)
            guard parts.count == 3, parts[2] == "HTTP/1.1", read.values("host").count == 1 else {
                return "\(fields)\nbegins wrongly:\n\(text.escaped)"
            }
            let isTunnel = read.values("upgrade") == ["websocket"]
            let isFramed = isTunnel ? read.framing == "none" : ends ? read.framing == "none" : read.framing != nil
            return isFramed ? nil : "\(fields)\nis framed wrongly:\n\(text.escaped)"
        }
        FuzzRun.expectMany(passed, of: rounds)
    }

    /// A HEADERS frame of stream 1 whose fields are literals as they are.
    private static func frame(_ fields: [(String, String)], _ ends: Bool) -> [UInt8] {
        let block = fields.flatMap { field -> [UInt8] in
            // All are shorter than 127 bytes.
            let (name, value) = (Array(field.0.utf8), Array(field.1.utf8))
            return [0, UInt8(name.count)] + name + [UInt8(value.count)] + value
        }
        var memory = [UInt8](repeating: 0, count: block.count + 9)
        var writer = OutputWriter(memory.mutableSpan)
        writer.appendBlock(1, block.span, endsStream: ends, maximumFrame: 16_384)
        return memory
    }

    @Test("A request that a client sends is the one that a server gets")
    func roundTrip() {
        FuzzRun.rounds(parts: 40) { bits in
            var client = H2Connection(.client, now: 0)
            var server = H2Connection(.server, now: 0)
            var scratch = HeadScratch()
            var memory = [UInt8](repeating: 0, count: 1 << 16)
            // Several of one connection, so that tables are used.
            for round in 0..<4 {
                let text = Self.request(&bits)
                var writer = OutputWriter(memory.mutableSpan)
                let outcome = client.open(text.span, isSecure: true, endsStream: true, &scratch, into: &writer)
                let count = writer.count
                guard case .opened = outcome else { return "\(text.escaped): \(outcome)" }
                var position = 0
                let wire = Array(memory[..<count])
                var event = server.receive(wire.span, &position, now: 0, &scratch)
                if round == 0, event == .needMore { event = server.receive(wire.span, &position, now: 0, &scratch) }
                guard case .request = event else { return "\(text.escaped)\nbecame \(event)" }
                let found = Array(scratch.text[..<scratch.textCount])
                guard let sent = StrictReader(text), let got = StrictReader(found) else { return "\(found.escaped)" }
                let dropped: Set<String> = ["connection", "keep-alive", "transfer-encoding", "proxy-connection"]
                let kept = sent.fields.filter { !dropped.contains($0.name) }
                // Host comes first and cookies come last; the others keep their order.
                func order(_ fields: [(name: String, value: String)]) -> [String] {
                    let others = fields.filter { $0.name != "host" && $0.name != "cookie" }
                    let cookies = fields.filter { $0.name == "cookie" && !$0.value.isEmpty }
                        .map(\.value).joined(separator: "; ")
                    let host = fields.filter { $0.name == "host" }.map(\.value)
                    return host + others.map { "\($0.name): \($0.value)" } + [cookies]
                }
                guard sent.startLine == got.startLine, order(kept) == order(got.fields) else {
                    return "\(text.escaped)\nbecame\n\(found.escaped)"
                }
            }
            return nil
        }
    }

    /// A request as a rewriter writes it, but for the white space that it may have copied.
    private static func request(_ bits: inout SeededBits) -> [UInt8] {
        var lines = ["Host: \(bits.pick(["a", "A.example:8080", "[::1]:1"]))"]
        for _ in 0..<bits.below(10) {
            let name = bits.pick([
                "Accept", "user-agent", "X-\(bits.below(30))", "Cookie", "Authorization", "Connection", "Keep-Alive",
                "x_y", "Date", "Via", "A",
            ])
            let count = bits.once(in: 10) ? bits.below(3000) : bits.below(40)
            let value = String((0..<count).map { _ in Character(UnicodeScalar(UInt8(0x20 + bits.below(0x5F)))) })
            let isOption = name == "Connection" || name == "Keep-Alive"
            let space = bits.pick(["", " ", " \t"])
            lines.append("\(name):\(space)\(isOption ? "x" : value)\(bits.pick(["", " "]))")
        }
        let position = bits.below(lines.count)
        lines.swapAt(0, position)
        let line =
            "\(bits.pick(["GET", "POST", "HEAD", "PATCH", "X"])) \(bits.pick(["/", "/a?b", "/%41/..;x"])) HTTP/1.1"
        return Array(([line] + lines + ["", ""]).joined(separator: "\r\n").utf8)
    }
}
