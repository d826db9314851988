// Owns two cores of HTTP/2 back to back, whose bytes arrive in any portions and whose shells act in any order.
import HTTP2Wire
import HTTPWire

/// One direction of a stream, as its shell sees it.
private struct Flow {
    /// What is to be sent, and was.
    var total = 0
    var sent = 0
    var isHeadSent = false
    var isEndSent = false
    /// What came, and was not consumed yet.
    var received = 0
    var outstanding = 0
    var isEndReceived = false
    var isReset = false
}

/// One end of the conversation.
private final class Side {
    var connection: H2Connection
    var scratch = HeadScratch()
    var flows: [UInt32: Flow] = [:]
    var handles: [UInt32: StreamHandle] = [:]
    /// On its way to the other side.
    var wire: [UInt8] = []
    /// What could not be read yet.
    var carried: [UInt8] = []
    let mostOutstanding: Int

    init(_ role: H2Connection.Role, _ limits: H2Limits) {
        connection = H2Connection(role, limits: limits, now: 0)
        mostOutstanding = max(limits.streamWindow, H2Settings.defaultWindow)
    }

    /// Lets something be written to memory of some room; what was goes on the wire.
    func write(_ room: Int, _ body: (inout OutputWriter) -> Void) {
        var memory = [UInt8](repeating: 0, count: room)
        var writer = OutputWriter(memory.mutableSpan)
        body(&writer)
        let count = writer.count
        wire += memory[..<count]
    }
}

/// A conversation that follows from a seed.
struct H2Conversation {
    private let client: Side
    private let server: Side
    private var now: Int64 = 0
    private var opened = 0
    private let mostStreams: Int
    private let resets: Bool
    private(set) var fault: String?
    /// Streams that came to their end on both sides.
    private var ended: Set<UInt32> = []
    var finished: Int { ended.count }

    init(_ bits: inout SeededBits) {
        var limits = H2Limits()
        limits.streamWindow = bits.pick([900, 5000, 65_535, 200_000])
        limits.connectionWindow = bits.pick([65_535, 300_000])
        limits.concurrentStreams = 1 + bits.below(6)
        limits.glitches = 100_000
        server = Side(.server, limits)
        limits.streamWindow = bits.pick([700, 65_535])
        client = Side(.client, limits)
        mostStreams = 1 + bits.below(12)
        resets = bits.once(in: 3)
        // A client that knows how many streams it may open opens no more.
        settle(&bits)
        settle(&bits)
        let steps = 20 + bits.below(300)
        for _ in 0..<steps where fault == nil { step(&bits) }
        // Everything is let come to its end; the smallest window takes many turns.
        var turns = 0
        while fault == nil, turns < 2000, finished < opened {
            settle(&bits)
            turns += 1
        }
        if fault == nil { checkEnds() }
    }

    /// Lets both sides do all that they can.
    private mutating func settle(_ bits: inout SeededBits) {
        for (from, to) in [(client, server), (server, client)] where fault == nil {
            for id in from.handles.keys.sorted() {
                consume(from, id, all: true, &bits)
                send(from, id, room: 300_000, most: 1_000_000)
            }
            from.write(from.connection.owedCount) { from.connection.flush(into: &$0) }
            deliver(from, to, from.wire.count)
        }
    }

    private mutating func step(_ bits: inout SeededBits) {
        now += Int64(bits.below(5_000_000))
        let (from, to) = bits.once(in: 2) ? (client, server) : (server, client)
        let ids = from.handles.keys.sorted()
        switch bits.below(10) {
        case 0, 1: open(&bits)
        case 2, 3:
            if let id = ids.isEmpty ? nil : bits.pick(ids) {
                send(from, id, room: 9 + bits.below(20_000), most: bits.below(30_000))
            }
        case 4:
            if let id = ids.isEmpty ? nil : bits.pick(ids) { consume(from, id, all: false, &bits) }
        case 5:
            from.write(bits.below(from.connection.owedCount + 1)) { from.connection.flush(into: &$0) }
        case 6 where resets && bits.once(in: 6):
            if let id = ids.isEmpty ? nil : bits.pick(ids), let handle = from.handles[id] {
                from.connection.reset(handle, .cancel)
                end(from, id, isReset: true)
                // The other side hears of it, or has finished already.
                to.flows[id]?.isReset = true
            }
        default: deliver(from, to, bits.below(from.wire.count + 1))
        }
        if server.connection.streamCount > server.connection.limits.concurrentStreams { fault = "too many streams" }
        if let event = client.connection.tick(now: now) { fault = "the client's tick: \(event)" }
        if let event = server.connection.tick(now: now) { fault = "the server's tick: \(event)" }
    }

    /// What a byte of a stream's body is.
    private static func byte(_ stream: UInt32, _ offset: Int, fromClient: Bool) -> UInt8 {
        UInt8(truncatingIfNeeded: Int(stream) &* 31 &+ offset &* 7 &+ (offset >> 8) &+ (fromClient ? 1 : 0))
    }

    private mutating func open(_ bits: inout SeededBits) {
        guard opened < mostStreams, client.connection.canOpen else { return }
        let total = bits.pick([0, 1, 700, 5000, 40_000])
        let isSized = bits.once(in: 2)
        let head =
            "POST /\(opened) HTTP/1.1\r\nHost: a\r\nX-N: \(bits.below(5))\r\n"
            + (isSized ? "Content-Length: \(total)\r\n\r\n" : "Transfer-Encoding: chunked\r\n\r\n")
        let text = Array(head.utf8)
        var outcome = OpenOutcome.invalid
        client.write(4096 + client.connection.owedCount) {
            outcome = client.connection.open(
                text.span, isSecure: false, endsStream: total == 0, &client.scratch, into: &$0)
        }
        guard case .opened(let handle) = outcome else {
            fault = "not opened: \(outcome)"
            return
        }
        opened += 1
        client.handles[handle.id] = handle
        client.flows[handle.id] = Flow(total: total, isHeadSent: true, isEndSent: total == 0)
    }

    private mutating func send(_ side: Side, _ id: UInt32, room: Int, most: Int) {
        guard var flow = side.flows[id], let handle = side.handles[id], !flow.isEndSent else { return }
        if !flow.isHeadSent {
            let text = Array("HTTP/1.1 200 OK\r\nX-Id: \(id)\r\nContent-Length: \(flow.total)\r\n\r\n".utf8)
            var outcome = SendOutcome.invalid
            side.write(room) {
                outcome = side.connection.sendHead(
                    handle, text.span, endsStream: flow.total == 0, &side.scratch, into: &$0)
            }
            switch outcome {
            case .sent: flow.isHeadSent = true
            case .needsRoom: return
            default:
                fault = "the head of \(id) is not sent: \(outcome)"
                return
            }
            flow.isEndSent = flow.total == 0
        } else {
            let count = min(most, flow.total - flow.sent)
            let isClient = side === client
            let bytes = (0..<count).map { Self.byte(id, flow.sent + $0, fromClient: isClient) }
            var sent = SentData(count: 0, isEnded: false)
            side.write(room) {
                sent = side.connection.sendData(
                    handle, bytes.span, endsStream: flow.sent + count == flow.total, now: now, into: &$0)
            }
            flow.sent += sent.count
            flow.isEndSent = sent.isEnded
        }
        side.flows[id] = flow
        if flow.isEndSent, flow.isEndReceived { end(side, id, isReset: false) }
    }

    private func consume(_ side: Side, _ id: UInt32, all: Bool, _ bits: inout SeededBits) {
        guard let flow = side.flows[id], let handle = side.handles[id], flow.outstanding > 0 else { return }
        let count = all ? flow.outstanding : 1 + bits.below(flow.outstanding)
        side.flows[id]?.outstanding -= count
        side.connection.consumed(handle, count)
    }

    private mutating func end(_ side: Side, _ id: UInt32, isReset: Bool) {
        side.handles[id] = nil
        if isReset { side.flows[id]?.isReset = true }
        let isOver = [client, server].allSatisfy { $0.handles[id] == nil && $0.flows[id] != nil }
        if isOver { ended.insert(id) }
    }

    private mutating func deliver(_ from: Side, _ to: Side, _ count: Int) {
        to.carried += from.wire.prefix(count)
        from.wire.removeFirst(count)
        let bytes = to.carried
        var position = 0
        while fault == nil {
            let event = to.connection.receive(bytes.span, &position, now: now, &to.scratch)
            if event == .needMore { break }
            if event == .blocked {
                to.write(to.connection.owedCount) { to.connection.flush(into: &$0) }
                continue
            }
            take(event, to)
        }
        to.carried.removeFirst(position)
        if to.carried.count > FrameReader.lookahead { fault = "\(to.carried.count) bytes are carried" }
        if to.connection.owedCount > to.connection.limits.owedBytes + 8000 { fault = "too much is owed" }
    }

    private mutating func take(_ event: H2Event, _ side: Side) {
        switch event {
        case .request(let stream, let ends):
            side.handles[stream.id] = stream
            side.flows[stream.id] = Flow(total: [0, 3, 4000, 30_000][Int(stream.id >> 1) % 4], isEndReceived: ends)
        case .response(let stream, let ends):
            if ends { endReceived(side, stream.id) }
        case .data(let stream, let range, let ends):
            guard var flow = side.flows[stream.id], side.handles[stream.id] != nil else {
                fault = "data of \(stream.id), which is over"
                return
            }
            for index in range {
                let expected = Self.byte(stream.id, flow.received, fromClient: side === server)
                if side.carried[index] != expected {
                    fault = "byte \(flow.received) of \(stream.id) is another"
                    return
                }
                flow.received += 1
            }
            flow.outstanding += range.count
            if flow.outstanding > side.mostOutstanding { fault = "more than the window of \(stream.id)" }
            side.flows[stream.id] = flow
            if ends { endReceived(side, stream.id) }
        case .reset(let stream, _, _):
            if !resets { fault = "\(event)" }
            end(side, stream.id, isReset: true)
        case .writable: break
        default: fault = "\(event)"
        }
    }

    private mutating func endReceived(_ side: Side, _ id: UInt32) {
        side.flows[id]?.isEndReceived = true
        if side.flows[id]?.isEndSent == true { end(side, id, isReset: false) }
    }

    /// Whether each stream that was not reset has come to its end, with all of its bytes.
    private mutating func checkEnds() {
        for (from, to) in [(client, server), (server, client)] {
            for (id, flow) in from.flows.sorted(by: { $0.key < $1.key }) {
                guard let other = to.flows[id] else {
                    if !flow.isReset { fault = "\(id) did not arrive" }
                    continue
                }
                if flow.isReset || other.isReset { continue }
                if !flow.isEndSent { fault = "\(id) is not sent: \(flow)" }
                if !other.isEndReceived || other.received != flow.total { fault = "\(id) is not whole: \(other)" }
            }
            if from.connection.failure != nil { fault = "a connection failed" }
        }
    }
}
