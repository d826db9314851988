// Owns the fuzz of a connection of HTTP/2: two cores that talk to each other, and one that hears nonsense.
import HTTP2Wire
import HTTPWire
import Testing

@Suite("HTTP/2 under random schedules and random bytes")
struct H2FuzzTests {
    @Test("Two cores bring every byte across once, in order, within their windows")
    func conversations() {
        var finished = 0
        let rounds = FuzzRun.rounds(parts: 150) { bits in
            let conversation = H2Conversation(&bits)
            finished += conversation.finished
            return conversation.fault
        }
        FuzzRun.expectMany(finished, of: rounds)
    }

    @Test("A server that hears nonsense stays within its bounds")
    func nonsense() {
        var requests = 0
        let rounds = FuzzRun.rounds(parts: 30) { bits in
            var limits = H2Limits()
            limits.concurrentStreams = 1 + bits.below(5)
            var connection = H2Connection(.server, limits: limits, now: 0)
            var scratch = HeadScratch()
            var encoder = HPACKEncoder()
            var input = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 0, 4, 0, 0, 0, 0, 0]
            for round in 0..<20 { input += Self.frame(&bits, UInt32(round), &encoder) }
            for _ in 0..<bits.below(3) {
                input[24 + bits.below(input.count - 24)] = UInt8(truncatingIfNeeded: bits.next())
            }
            var position = 0
            var events = 0
            while true {
                let event = connection.receive(input.span, &position, now: Int64(events), &scratch)
                events += 1
                switch event {
                case .needMore:
                    return input.count - position <= FrameReader.lookahead
                        ? nil : "\(input.count - position) bytes are left"
                case .blocked:
                    var memory = [UInt8](repeating: 0, count: connection.owedCount)
                    var writer = OutputWriter(memory.mutableSpan)
                    connection.flush(into: &writer)
                case .request: requests += 1
                default: break
                }
                if events > input.count { return "more events than bytes" }
                if connection.streamCount > limits.concurrentStreams { return "too many streams" }
                if connection.owedCount > limits.owedBytes + 100 { return "too much is owed: \(connection.owedCount)" }
            }
        }
        FuzzRun.expectMany(requests, of: rounds)
    }

    /// A frame that is right as often as not.
    static func frame(_ bits: inout SeededBits, _ round: UInt32, _ encoder: inout HPACKEncoder) -> [UInt8] {
        let stream = bits.once(in: 3) ? UInt32(bits.below(12)) : 2 * round + 1
        if bits.once(in: 2) {
            var head = HPACKHead(&bits)
            let plain = [(":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", "a")]
            if !bits.once(in: 4) { head.fields = plain.map { (Array($0.0.utf8), Array($0.1.utf8)) } }
            let block = head.encoded(by: &encoder)
            var memory = [UInt8](repeating: 0, count: block.count * 2 + 100)
            var writer = OutputWriter(memory.mutableSpan)
            writer.appendBlock(stream, block.span, endsStream: bits.once(in: 2), maximumFrame: bits.pick([50, 16_384]))
            let count = writer.count
            return Array(memory[..<count])
        }
        var header = FrameHeader(length: bits.pick([0, 1, 4, 4, 5, 6, 8, 8, 30]), kind: .data, stream: stream)
        header.kind = UInt8(bits.below(18))
        header.flags = FrameFlags(rawValue: UInt8(truncatingIfNeeded: bits.next()) & (bits.once(in: 2) ? 0xFF : 1))
        if bits.once(in: 2) { header.stream = 0 }
        var memory = [UInt8](repeating: 0, count: 100)
        var writer = OutputWriter(memory.mutableSpan)
        writer.append(header)
        for _ in 0..<header.length { writer.append(byte: UInt8(bits.once(in: 2) ? 0 : bits.below(256))) }
        let count = writer.count
        return Array(memory[..<count])
    }
}
