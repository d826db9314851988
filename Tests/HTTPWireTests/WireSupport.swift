// Owns what the tests of this target share: text in, outcome or text out.
import HTTPWire

/// What a parse or a rewrite came to, in a form that a table can hold.
enum Verdict: Hashable, CustomStringConvertible {
    case complete(Int)
    case needMore
    case refused(Int, String)

    init(_ outcome: HeadOutcome) {
        switch outcome {
        case .complete(let length): self = .complete(length)
        case .needMore: self = .needMore
        case .failed(let error): self = .refused(error.status, error.reason.description)
        }
    }

    var description: String {
        switch self {
        case .complete(let length): "complete(\(length))"
        case .needMore: "needMore"
        case .refused(let status, let reason): "\(status) \(reason)"
        }
    }
}

extension [UInt8] {
    func text(_ range: ByteRange) -> String { String(decoding: self[range.range], as: UTF8.self) }
}

/// A request that was parsed, with its bytes.
struct ParsedRequest {
    let bytes: [UInt8]
    let head: RequestHead
    let verdict: Verdict

    init(
        _ bytes: [UInt8], maximumHead: Int = 32 << 10, maximumFields: Int = 128, paths: PathRule = .normalized
    ) {
        let head = RequestHead()
        let parser = RequestHeadParser(maximumHead: maximumHead, maximumFields: maximumFields, paths: paths)
        verdict = Verdict(parser.parse(bytes.span, into: head))
        self.bytes = bytes
        self.head = head
    }

    init(_ text: String, maximumHead: Int = 32 << 10, maximumFields: Int = 128) {
        self.init(Array(text.utf8), maximumHead: maximumHead, maximumFields: maximumFields)
    }

    func text(_ range: ByteRange) -> String { bytes.text(range) }
}

/// A response that was parsed, with its bytes.
struct ParsedResponse {
    let bytes: [UInt8]
    let head: ResponseHead
    let verdict: Verdict

    init(_ text: String, method: RequestMethod = .get, lenient: Bool = false, maximumHead: Int = 32 << 10) {
        let bytes = Array(text.utf8)
        let head = ResponseHead()
        let parser = ResponseHeadParser(maximumHead: maximumHead)
        verdict = Verdict(parser.parse(bytes.span, method: method, lenient: lenient, into: head))
        self.bytes = bytes
        self.head = head
    }
}

/// What the rewrite of a request is told.
struct RequestOptions {
    var client = "192.0.2.7"
    var serviceLines = ""
    var fallbackHost = "fallback"
    var via: String?
    var isSecure = false
    var trustsClient = false
    var passesUnderscores = false
    var omitsExpect = false
    var room = 16 << 10
}

/// Parses and rewrites a request as the data plane does.
func rewriteRequest(_ text: String, _ options: RequestOptions = RequestOptions()) -> (text: String, refused: Verdict?) {
    rewriteRequest(Array(text.utf8), options)
}

func rewriteRequest(
    _ bytes: [UInt8], _ options: RequestOptions = RequestOptions()
) -> (text: String, refused: Verdict?) {
    let (output, refused) = rewriteBytes(bytes, options)
    return (String(decoding: output, as: UTF8.self), refused)
}

func rewriteBytes(_ bytes: [UInt8], _ options: RequestOptions) -> ([UInt8], Verdict?) {
    let request = ParsedRequest(bytes)
    guard case .complete = request.verdict else { return ([], request.verdict) }
    let client = Array(options.client.utf8)
    let lines = Array(options.serviceLines.utf8)
    let host = Array(options.fallbackHost.utf8)
    let via = Array((options.via ?? "").utf8)
    let isNormalized = request.head.mayNeedNormalizing && !request.head.path.isEmpty
    let path = isNormalized ? normalizePath(request.text(request.head.path)) : []
    let identity = Array("0123456789abcdeffedcba9876543210".utf8)
    var output = [UInt8](repeating: 0, count: options.room)
    var writer = OutputWriter(output.mutableSpan)
    var edits = RequestEdits(
        client: client.span, serviceLines: lines.span, fallbackHost: host.span,
        normalizedPath: isNormalized ? path.span : nil, via: options.via == nil ? nil : via.span,
        requestID: identity.span)
    edits.isSecure = options.isSecure
    edits.trustsClient = options.trustsClient
    edits.passesUnderscores = options.passesUnderscores
    edits.omitsExpect = options.omitsExpect
    let error = RequestRewriter.write(request.head, bytes.span, edits, into: &writer)
    let count = writer.count
    return (Array(output[..<count]), error.map { .refused($0.status, $0.reason.description) })
}

/// The forms of a path, or the reason why it has none.
struct PathForms: Hashable {
    var forwarded = ""
    var matched = ""
    var refused: String?

    init(_ path: String) {
        let bytes = Array(path.utf8)
        let range = ByteRange(start: 0, count: bytes.count)
        var output = [UInt8](repeating: 0, count: PathNormalizer.room(for: range))
        var writer = OutputWriter(output.mutableSpan)
        do {
            let found = try PathNormalizer.normalize(bytes.span, range, into: &writer)
            let overflowed = writer.overflowed
            if overflowed { refused = "overflow" }
            forwarded = String(decoding: output[found.forwarded], as: UTF8.self)
            matched = String(decoding: output[found.matched], as: UTF8.self)
        } catch {
            refused = "\(error)"
        }
    }
}

func normalizePath(_ path: String) -> [UInt8] { Array(PathForms(path).forwarded.utf8) }

/// What the rewrite of a response is told.
struct ResponseOptions {
    var requestID = "abc"
    var date = ""
    var via: String?
    var keepsAlive = true
    var isOldClient = false
    var transfer = BodyTransfer.verbatim
    var isUpgrade = false
    var lenient = false
    var method = RequestMethod.get
}

/// Parses and rewrites a response.
func rewriteResponse(_ text: String, _ options: ResponseOptions = ResponseOptions()) -> String {
    let response = ParsedResponse(text, method: options.method, lenient: options.lenient)
    guard case .complete = response.verdict else { return "refused: \(response.verdict)" }
    let identity = Array(options.requestID.utf8)
    let date = Array(options.date.utf8)
    let via = Array((options.via ?? "").utf8)
    var output = [UInt8](repeating: 0, count: 16 << 10)
    var writer = OutputWriter(output.mutableSpan)
    let edits = ResponseEdits(
        requestID: identity.span, date: date.span, via: options.via == nil ? nil : via.span)
    var delivery = ResponseDelivery()
    delivery.keepsAlive = options.keepsAlive
    delivery.isOldClient = options.isOldClient
    delivery.transfer = options.transfer
    delivery.isUpgrade = options.isUpgrade
    ResponseRewriter.write(response.head, response.bytes.span, edits, delivery, into: &writer)
    let count = writer.count
    return String(decoding: output[..<count], as: UTF8.self)
}
