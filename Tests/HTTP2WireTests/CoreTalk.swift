// Owns a server's core with a hand-made client: bytes in, events and frames out as lines of text.
import HTTP2Wire
import HTTPWire

/// The text of a head with its line ends visible.
func visible(_ bytes: ArraySlice<UInt8>) -> String {
    String(decoding: bytes, as: UTF8.self).replacing("\r\n", with: "|")
}

/// A core under test.
final class CoreTalk {
    var connection: H2Connection
    var scratch: HeadScratch
    var now: Int64 = 0
    /// The streams that events named, by their identifiers.
    var handles: [UInt32: StreamHandle] = [:]
    private var carried: [UInt8] = []

    init(_ role: H2Connection.Role = .server, limits: H2Limits = H2Limits(), maximumHead: Int = 32 << 10) {
        connection = H2Connection(role, limits: limits, now: 0)
        scratch = HeadScratch(maximumHead: maximumHead)
    }

    /// A core that has exchanged settings with its peer, and owes nothing.
    static func greeted(
        _ role: H2Connection.Role = .server, limits: H2Limits = H2Limits(), maximumHead: Int = 32 << 10,
        settings: String = ""
    ) -> CoreTalk {
        let talk = CoreTalk(role, limits: limits, maximumHead: maximumHead)
        let preface = role == .server ? Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) : []
        let values = bytes(settings)
        let length = String(values.count, radix: 16)
        let header = String(repeating: "0", count: 6 - length.count) + length + "0400 00000000"
        _ = talk.receive(preface + bytes(header) + values + bytes("000000 0401 00000000"))
        _ = talk.frames()
        return talk
    }

    /// Takes bytes; what happened, a line an event.
    @discardableResult
    func receive(_ input: [UInt8], portions size: Int = 65_536) -> [String] {
        var lines: [String] = []
        var start = 0
        repeat {
            let end = min(input.count, start + size)
            carried += input[start..<end]
            start = end
            var position = 0
            let bytes = carried
            reading: while true {
                let event = connection.receive(bytes.span, &position, now: now, &scratch)
                switch event {
                case .needMore: break reading
                case .blocked:
                    lines.append("blocked")
                    break reading
                default: lines.append(text(event))
                }
            }
            carried.removeFirst(position)
        } while start < input.count
        return lines
    }

    /// What is owed, as lines.
    func frames() -> [String] { readFrames(owed(), portions: 4096) }

    /// The bytes that are owed, which are taken.
    func owed() -> [UInt8] {
        written(room: max(1, connection.owedCount)) { connection.flush(into: &$0) } ?? []
    }

    /// Sends a head; what it came to, and the frames.
    func sendHead(_ stream: UInt32, _ head: String, endsStream: Bool) -> ([UInt8], SendOutcome) {
        guard let handle = handles[stream] else { return ([], .closed) }
        var outcome = SendOutcome.invalid
        let text = Array(head.utf8)
        let bytes = written {
            outcome = connection.sendHead(handle, text.span, endsStream: endsStream, &scratch, into: &$0)
        }
        return (bytes ?? [], outcome)
    }

    /// Sends data; what went, and the frames.
    func sendData(_ stream: UInt32, _ data: [UInt8], endsStream: Bool, room: Int = 65_536) -> ([UInt8], SentData) {
        guard let handle = handles[stream] else { return ([], SentData(count: -1, isEnded: false)) }
        var sent = SentData(count: -1, isEnded: false)
        let bytes = written(room: room) {
            sent = connection.sendData(handle, data.span, endsStream: endsStream, now: now, into: &$0)
        }
        return (bytes ?? [], sent)
    }

    private var head: String { visible(scratch.text[..<scratch.textCount]) }

    private func text(_ event: H2Event) -> String {
        switch event {
        case .needMore, .blocked: return "\(event)"
        case .request(let stream, let ends):
            handles[stream.id] = stream
            return "request \(stream.id)\(ends ? " end" : "") \(head)"
        case .refused(let stream, let error, let ends):
            handles[stream.id] = stream
            return "refused \(stream.id)\(ends ? " end" : "") \(error)"
        case .interim(let stream): return "interim \(stream.id) \(head)"
        case .response(let stream, let ends): return "response \(stream.id)\(ends ? " end" : "") \(head)"
        case .data(let stream, let range, let ends):
            return "data \(stream.id) \(hex(Array(carried[range])))\(ends ? " end" : "")"
        case .trailers(let stream): return "trailers \(stream.id) \(head)"
        case .reset(let stream, let code, let byPeer): return "reset \(stream.id) \(code)\(byPeer ? " by peer" : "")"
        case .writable(let stream): return "writable \(stream.map { "\($0.id)" } ?? "all")"
        case .goAway(let last, let code): return "goaway \(last) \(code)"
        case .failed(let code, let reason): return "failed \(code) \(reason)"
        }
    }
}

/// A block whose fields are literals without any coding, so that wrong ones can be written.
func literals(_ fields: [(String, String)]) -> [UInt8] {
    fields.flatMap { field -> [UInt8] in
        [0x00] + string(Array(field.0.utf8)) + string(Array(field.1.utf8))
    }
}

private func string(_ bytes: [UInt8]) -> [UInt8] {
    var output: [UInt8] = []
    if bytes.count < 127 {
        output.append(UInt8(bytes.count))
    } else {
        output.append(127)
        var rest = bytes.count - 127
        while rest >= 128 {
            output.append(UInt8(rest & 127) | 128)
            rest >>= 7
        }
        output.append(UInt8(rest))
    }
    return output + bytes
}

/// A HEADERS frame, or with CONTINUATION frames as needed.
func headers(_ stream: UInt32, _ block: [UInt8], endsStream: Bool, maximumFrame: Int = 16_384) -> [UInt8] {
    written(room: block.count * 10 + 100) {
        $0.appendBlock(stream, block.span, endsStream: endsStream, maximumFrame: maximumFrame)
    } ?? []
}

/// A request's HEADERS frame; what a plain GET has is there already.
func request(_ stream: UInt32, _ fields: [(String, String)] = [], endsStream: Bool = true) -> [UInt8] {
    headers(stream, literals(plainGet + fields), endsStream: endsStream)
}

let plainGet = [(":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", "a.example")]

func data(_ stream: UInt32, _ bytes: [UInt8], endsStream: Bool = false) -> [UInt8] {
    written(room: bytes.count + 9) { $0.appendData(stream, bytes.span, 0..<bytes.count, endsStream: endsStream) } ?? []
}

func windowUpdate(_ stream: UInt32, _ increment: Int) -> [UInt8] {
    written(room: 13) { $0.appendWindowUpdate(stream, increment) } ?? []
}

func reset(_ stream: UInt32, _ code: ErrorCode = .cancel) -> [UInt8] {
    written(room: 13) { $0.appendReset(stream, code) } ?? []
}

func ping(_ payload: UInt64) -> [UInt8] { written(room: 17) { $0.appendPing(payload, isAcknowledgement: false) } ?? [] }
