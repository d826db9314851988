// Owns the fuzzing of responses, bodies and PROXY headers.
import HTTPWire
import Testing

@Suite("Fuzz: responses and bodies")
struct ResponseFuzzTests {
    static let methods: [RequestMethod] = [.get, .get, .head, .post]

    @Test("A response means the same in any split")
    func splits() {
        FuzzRun.rounds { bits in
            var bytes = MessageGenerator.mutate(MessageGenerator.response(&bits), &bits)
            bytes += Array("\r\n\r\n".utf8)
            let lenient = bits.once(in: 2)
            let method = bits.pick(Self.methods)
            let parse = { (count: Int, head: ResponseHead) in
                RequestFuzzTests.verdict(
                    ResponseHeadParser().parse(
                        bytes.span.extracting(first: count), method: method, lenient: lenient, into: head))
            }
            let expected = parse(bytes.count, ResponseHead())
            let head = ResponseHead()
            var found = "need more"
            var end = bits.below(bytes.count)
            let step = bits.once(in: 2) ? 1 : 1 + bits.below(40)
            while found == "need more", end < bytes.count {
                found = parse(end, head)
                end += step
            }
            if found == "need more" { found = parse(bytes.count, head) }
            return found == expected ? nil : "\(bytes.escaped)\nwhole: \(expected)\nsplit: \(found)"
        }
    }

    @Test("What a client gets is one message that ends where the backend's does, to any reader")
    func forwarded() {
        var reached = 0
        let rounds = FuzzRun.rounds(times: 2) { bits in
            let bytes = MessageGenerator.mutate(MessageGenerator.response(&bits), &bits)
            let method = bits.pick(Self.methods)
            let lenient = bits.once(in: 2)
            let isOld = bits.once(in: 4)
            let head = ResponseHead()
            guard
                case .complete(let length) = ResponseHeadParser().parse(
                    bytes.span, method: method, lenient: lenient, into: head)
            else { return nil }
            reached += 1
            let output = Self.rewrite(bytes, length, head, isOld)
            guard let fault = Self.fault(output, head, method, isOld) else { return nil }
            return "\(fault)\nfrom: \(bytes.escaped)\nto: \(output.escaped)"
        }
        FuzzRun.expectMany(reached, of: rounds)
    }

    private static func rewrite(_ bytes: [UInt8], _ length: Int, _ head: ResponseHead, _ isOld: Bool) -> [UInt8] {
        var transfer = BodyTransfer.verbatim
        if head.framing == .untilClose { transfer = isOld ? .untilClose : .chunk }
        if head.framing == .chunked, isOld { transfer = .untilClose }
        let identity = Array("abc".utf8)
        let edits = ResponseEdits(requestID: identity.span, date: identity.span, via: identity.span)
        var delivery = ResponseDelivery()
        delivery.keepsAlive = transfer != .untilClose
        delivery.isOldClient = isOld
        delivery.transfer = transfer
        var output = [UInt8](repeating: 0, count: ResponseRewriter.room(for: head, headLength: length, edits))
        var writer = OutputWriter(output.mutableSpan)
        ResponseRewriter.write(head, bytes.span, edits, delivery, into: &writer)
        let count = writer.overflowed ? 0 : writer.count
        return Array(output[..<count])
    }

    private static func fault(
        _ output: [UInt8], _ head: ResponseHead, _ method: RequestMethod, _ isOld: Bool
    ) -> String? {
        let again = ResponseHead()
        let outcome = ResponseHeadParser().parse(output.span, method: method, lenient: false, into: again)
        guard case .complete(output.count) = outcome else { return "it does not parse again, or something is left" }
        guard let read = StrictReader(output) else { return "it is doubtful" }
        guard read.startLine.hasPrefix("HTTP/1.1 \(head.status) ") else { return "the status line is doubtful" }
        guard let literal = read.framing else { return "the framing is doubtful" }
        if isOld, literal == "chunked" { return "chunks for a client that knows none" }
        let wantsChunks = !isOld && (head.framing == .chunked || head.framing == .untilClose)
        switch head.framing {
        case .none: if again.framing != .none { return "a body was made up" }
        case .length: if again.framing != head.framing { return "the length changed" }
        default: if wantsChunks != (literal == "chunked") { return "chunks are not announced" }
        }
        if head.status == 204 || head.status < 200, literal != "none" { return "a body is announced that cannot be" }
        for name in ["keep-alive", "proxy-connection", "upgrade", "te"] where !read.values(name).isEmpty {
            return "\(name) passed"
        }
        return nil
    }

    // MARK: Bodies

    /// The payload and where the body ends, read slowly; nil when it is broken or not over.
    static func decode(_ bytes: [UInt8]) -> (payload: [UInt8], rest: Int)? {
        var payload: [UInt8] = []
        var index = 0
        func line() -> [UInt8]? {
            guard let end = bytes[index...].firstIndex(of: 0x0A), end > index, bytes[end - 1] == 0x0D else {
                return nil
            }
            defer { index = end + 1 }
            return Array(bytes[index..<(end - 1)])
        }
        while true {
            guard let text = line(),
                let size = Int(
                    String(decoding: text.prefix { $0 != 0x3B && $0 != 0x20 && $0 != 0x09 }, as: UTF8.self), radix: 16)
            else { return nil }
            if size == 0 { break }
            guard size > 0, size <= bytes.count - index - 2 else { return nil }
            payload += bytes[index..<(index + size)]
            guard bytes[index + size] == 0x0D, bytes[index + size + 1] == 0x0A else { return nil }
            index += size + 2
        }
        while let text = line() { if text.isEmpty { return (payload, index) } }
        return nil
    }

    /// Follows a body in pieces.
    static func follow(_ bytes: [UInt8], _ pieces: (Int) -> Int, skips: Bool) -> (payload: [UInt8], end: String) {
        var decoder = ChunkedDecoder()
        var payload: [UInt8] = []
        var start = 0
        while start < bytes.count {
            let piece = Array(bytes[start..<min(bytes.count, start + max(1, pieces(start)))])
            var position = 0
            piece: while true {
                switch skips ? decoder.skip(piece.span, &position) : decoder.step(piece.span, &position) {
                case .payload(let range): payload += piece[range]
                case .needMore: break piece
                case .done(_, let rest): return (payload, "done \(start + rest) \(decoder.trailers)")
                case .failed(let error): return (payload, "\(error)")
                }
            }
            start += piece.count
        }
        return (payload, "need more")
    }

    @Test("A chunked body means the same in any split, and what a slow reader makes of it")
    func chunks() {
        var reached = 0
        let rounds = FuzzRun.rounds { bits in
            let bytes = MessageGenerator.mutate(MessageGenerator.chunks(&bits), &bits)
            let whole = Self.follow(bytes, { _ in bytes.count }, skips: false)
            let size = 1 + bits.below(bits.once(in: 2) ? 3 : 50)
            let split = Self.follow(bytes, { _ in size }, skips: false)
            let skipped = Self.follow(bytes, { _ in size }, skips: true)
            guard split == whole, skipped.end == whole.end else {
                return "\(bytes.escaped)\nwhole: \(whole)\nsplit: \(split)\nskipped: \(skipped)"
            }
            guard whole.end.hasPrefix("done") else { return nil }
            reached += 1
            guard let slow = Self.decode(bytes), slow.payload == whole.payload,
                whole.end.hasPrefix("done \(slow.rest) ")
            else { return "\(bytes.escaped)\nfast: \(whole)\nslow: \(String(describing: Self.decode(bytes)))" }
            return nil
        }
        FuzzRun.expectMany(reached, of: rounds)
    }

    // MARK: Addresses

    @Test("A PROXY header is whole or not, whatever was damaged")
    func proxyHeaders() {
        let heads: [[UInt8]] = [
            Array("PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n".utf8),
            Array("PROXY TCP6 2001:db8::1 ::ffff:1.2.3.4 1 65535\r\n".utf8), Array("PROXY UNKNOWN\r\n".utf8),
            Array("\r\n\r\n\0\r\nQUIT\n".utf8) + [0x21, 0x11, 0, 12, 1, 2, 3, 4, 5, 6, 7, 8, 0, 80, 1, 187],
            Array("\r\n\r\n\0\r\nQUIT\n".utf8) + [0x21, 0x21, 0, 36] + [UInt8](repeating: 7, count: 36),
        ]
        FuzzRun.rounds { bits in
            let bytes = MessageGenerator.mutate(bits.pick(heads), &bits)
            let whole = ProxyProtocol.parse(bytes.span)
            for count in 0..<bytes.count {
                let part = ProxyProtocol.parse(bytes.span.extracting(first: count))
                if part == .needMore { continue }
                if part != whole { return "\(bytes.escaped): \(part) at \(count), \(whole) at the end" }
                return nil
            }
            if case .complete(let length, _) = whole, length != bytes.count { return "\(bytes.escaped) ended early" }
            return nil
        }
    }
}
