// Owns the fuzzing of requests: any split, and what is forwarded is one message that means the same.
import HTTPWire
import Testing

@Suite("Fuzz: requests")
struct RequestFuzzTests {
    /// What a parse came to, as text that can be compared.
    static func verdict(_ outcome: HeadOutcome) -> String {
        switch outcome {
        case .complete(let length): "complete \(length)"
        case .needMore: "need more"
        case .failed(let error): "\(error)"
        }
    }

    static func whole(_ bytes: [UInt8]) -> String {
        verdict(RequestHeadParser().parse(bytes.span, into: RequestHead()))
    }

    @Test("A head means the same in any split")
    func splits() {
        FuzzRun.rounds { bits in
            var bytes = MessageGenerator.mutate(MessageGenerator.request(&bits), &bits)
            // With an end of head somewhere, each split has to come to the same verdict, faults included.
            bytes += Array("\r\n\r\n".utf8)
            let expected = Self.whole(bytes)
            let step = bits.once(in: 2) ? 1 : 1 + bits.below(40)
            let head = RequestHead()
            var found = "need more"
            var end = bits.below(bytes.count)
            while found == "need more", end < bytes.count {
                found = Self.verdict(RequestHeadParser().parse(bytes.span.extracting(first: end), into: head))
                end += step
            }
            if found == "need more" { found = Self.verdict(RequestHeadParser().parse(bytes.span, into: head)) }
            return found == expected ? nil : "\(bytes.escaped)\nwhole: \(expected)\nsplit: \(found)"
        }
    }

    @Test("Garbage is refused without a crash")
    func garbage() {
        FuzzRun.rounds { bits in
            var bytes: [UInt8] = []
            for _ in 0..<bits.below(60) {
                if bits.once(in: 3) {
                    bytes += bits.pick(MessageGenerator.poison)
                } else {
                    bytes.append(UInt8(bits.below(256)))
                }
            }
            let isComplete = Self.whole(bytes).hasPrefix("complete")
            return isComplete ? "\(bytes.escaped) was taken for a request" : nil
        }
    }

    /// How a request is rewritten, chosen at random.
    struct Options {
        let trusts: Bool
        let underscores: Bool
        let omitsExpect: Bool
        let hasVia: Bool

        init(_ bits: inout SeededBits) {
            trusts = bits.once(in: 3)
            underscores = bits.once(in: 3)
            omitsExpect = bits.once(in: 3)
            hasVia = bits.once(in: 3)
        }
    }

    /// The rewritten head and what is said of the original; nil when it was refused.
    static func rewrite(_ bytes: [UInt8], _ options: Options) -> (output: [UInt8], head: RequestHead)? {
        let head = RequestHead()
        guard case .complete(let length) = RequestHeadParser().parse(bytes.span, into: head) else { return nil }
        let client = Array("192.0.2.7".utf8)
        let lines = Array("Meridian-Datacenter: b\r\nMeridian-Epoch: 7\r\n".utf8)
        let host = Array("fallback".utf8)
        let via = Array("node".utf8)
        guard let path = normalizedPath(bytes, head) else { return nil }
        let identity = Array("00000000000000010000000000000002".utf8)
        var edits = RequestEdits(
            client: client.span, serviceLines: lines.span, fallbackHost: host.span,
            normalizedPath: head.mayNeedNormalizing ? path.span : nil, via: options.hasVia ? via.span : nil,
            requestID: identity.span)
        edits.trustsClient = options.trusts
        edits.passesUnderscores = options.underscores
        edits.omitsExpect = options.omitsExpect
        var output = [UInt8](repeating: 0, count: RequestRewriter.room(for: head, headLength: length, edits))
        var writer = OutputWriter(output.mutableSpan)
        let error = RequestRewriter.write(head, bytes.span, edits, into: &writer)
        let count = writer.count
        // What does not fit is told as 431, which the room promises not to happen.
        if let error, error.status == 431 { return ([], head) }
        return error == nil ? (Array(output[..<count]), head) : nil
    }

    /// The path to forward, empty when it is the one that came; nil when it is refused.
    static func normalizedPath(_ bytes: [UInt8], _ head: RequestHead) -> [UInt8]? {
        guard head.mayNeedNormalizing else { return [] }
        var output = [UInt8](repeating: 0, count: PathNormalizer.room(for: head.path))
        var writer = OutputWriter(output.mutableSpan)
        let found = try? PathNormalizer.normalize(bytes.span, head.path, into: &writer)
        return found.map { Array(output[$0.forwarded]) }
    }

    static func describe(_ framing: BodyFraming) -> String {
        switch framing {
        case .none: "none"
        case .length(let count): String(count)
        case .chunked: "chunked"
        case .untilClose: "until close"
        }
    }

    @Test("What is forwarded is one message, with the framing of the one that came, to any reader")
    func forwarded() {
        var reached = 0
        let rounds = FuzzRun.rounds(times: 2) { bits in
            let bytes = MessageGenerator.mutate(MessageGenerator.request(&bits), &bits)
            let options = Options(&bits)
            guard let (output, head) = Self.rewrite(bytes, options) else { return nil }
            reached += 1
            guard let fault = Self.fault(output, head, options) else { return nil }
            return "\(fault)\nfrom: \(bytes.escaped)\nto: \(output.escaped)"
        }
        FuzzRun.expectMany(reached, of: rounds)
    }

    private static func fault(_ output: [UInt8], _ head: RequestHead, _ options: Options) -> String? {
        let framing = describe(head.framing)
        let again = RequestHead()
        guard case .complete(output.count) = RequestHeadParser().parse(output.span, into: again) else {
            return "it does not parse again, or something is left"
        }
        if describe(again.framing) != framing { return "the framing changed" }
        if again.method != head.method { return "the method changed" }
        guard let read = StrictReader(output) else { return "it is doubtful" }
        if read.framing != framing { return "the framing is doubtful: \(read.framing ?? "nil")" }
        let line = read.startLine.split(separator: " ", omittingEmptySubsequences: false)
        guard line.count == 3, line[2] == "HTTP/1.1", line[1].hasPrefix("/") || line[1] == "*" else {
            return "the request line is doubtful"
        }
        let path = line[1].prefix { $0 != "?" }.split(separator: "/", omittingEmptySubsequences: false)
        if path.contains(where: { $0 == "." || $0 == ".." || $0.lowercased().contains("%2e") }) {
            return "the path has dot segments"
        }
        let pieces = line[1].prefix { $0 != "?" }.lowercased().replacing("%2f", with: "/").replacing("%5c", with: "/")
            .replacing("\\", with: "/").split(separator: "/")
        if pieces.contains(where: { $0 == "." || $0 == ".." }) { return "the path has hidden dot segments" }
        return fieldFault(read, options)
    }

    /// Fields that must be there once, and those that may not be there at all.
    private static func fieldFault(_ read: StrictReader, _ options: Options) -> String? {
        for name in [
            "host", "x-request-id", "x-forwarded-for", "x-forwarded-proto", "meridian-epoch", "meridian-datacenter",
        ]
        where read.values(name).count != 1 {
            return "\(name) is there \(read.values(name).count) times"
        }
        if read.values("x-forwarded-for")[0].hasSuffix("192.0.2.7") == false { return "the client is not named last" }
        if !options.trusts, read.values("x-forwarded-for") != ["192.0.2.7"] { return "a client's word was taken" }
        if !options.trusts, !(read.values("x-real-ip") + read.values("x-forwarded-port")).isEmpty {
            return "a client's word was passed on"
        }
        for name in ["keep-alive", "proxy-connection"] where !read.values(name).isEmpty { return "\(name) passed" }
        switch read.values("connection").map({ $0.lowercased() }) {
        case []: if !(read.values("te") + read.values("upgrade")).isEmpty { return "TE or Upgrade passed" }
        case ["te"]: if read.values("te") != ["trailers"] { return "TE passed" }
        case ["upgrade"]: if read.values("upgrade") != ["websocket"] { return "Upgrade passed" }
        default: return "Connection passed"
        }
        for field in read.fields where field.name.contains("_") {
            let dashed = String(field.name.map { $0 == "_" ? "-" : $0 })
            let isOurs = ["content-length", "transfer-encoding", "x-request-id", "x-real-ip"].contains(dashed)
            if !options.underscores || isOurs || dashed.hasPrefix("meridian-") || dashed.hasPrefix("x-forwarded-") {
                return "\(field.name) passed"
            }
        }
        return nil
    }

    @Test("Rewriting what was rewritten changes nothing but the order of lines")
    func idempotence() {
        var reached = 0
        let rounds = FuzzRun.rounds { bits in
            let bytes = MessageGenerator.mutate(MessageGenerator.request(&bits), &bits)
            let options = Options(&bits)
            // A second pass through the same node is a loop, and a trusted one adds an address.
            guard !options.hasVia, !options.trusts, let (first, head) = Self.rewrite(bytes, options),
                !head.authority.isEmpty
            else { return nil }
            reached += 1
            guard let (second, _) = Self.rewrite(first, options) else { return "\(first.escaped) is refused" }
            guard let before = StrictReader(first), let after = StrictReader(second),
                before.startLine == after.startLine,
                before.fields.map({ "\($0)" }).sorted() == after.fields.map({ "\($0)" }).sorted()
            else { return "once: \(first.escaped)\ntwice: \(second.escaped)" }
            return nil
        }
        FuzzRun.expectMany(reached * 2, of: rounds)
    }
}
