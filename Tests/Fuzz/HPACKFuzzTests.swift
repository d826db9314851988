// Owns the fuzz of HPACK: what is written is read again, and no block does more than be read or refused.
import HTTP2Wire
import HTTPWire
import Testing

@Suite("HPACK under random heads and random blocks")
struct HPACKFuzzTests {
    @Test("Heads come out as they went in, through every change of the table")
    func roundTrip() {
        FuzzRun.rounds(parts: 8) { bits in
            let limit = bits.pick([0, 64, 200, 4096, 65_536])
            var encoder = HPACKEncoder(tableLimit: limit)
            var decoder = HPACKDecoder(tableLimit: 65_536)
            for _ in 0..<bits.below(8) {
                if bits.once(in: 3) {
                    for _ in 0...bits.below(2) { encoder.setPeerLimit(bits.pick([0, 40, 100, 1000, 4096, 70_000])) }
                }
                let head = HPACKHead(&bits)
                let block = head.encoded(by: &encoder)
                if let fault = head.fault(in: block, by: &decoder) { return fault }
            }
            return nil
        }
    }

    @Test("Blocks with changed bytes are read or refused, within their bounds")
    func changed() {
        var read = 0
        let rounds = FuzzRun.rounds(parts: 8) { bits in
            var encoder = HPACKEncoder()
            var decoder = HPACKDecoder()
            for _ in 0..<4 {
                var block = HPACKHead(&bits).encoded(by: &encoder)
                for _ in 0..<bits.below(3) where !block.isEmpty {
                    let place = bits.below(block.count)
                    switch bits.below(3) {
                    case 0: block[place] = UInt8(truncatingIfNeeded: bits.next())
                    case 1: block.remove(at: place)
                    default: block.insert(UInt8(truncatingIfNeeded: bits.next()), at: place)
                    }
                }
                var position = 0
                var memory = [UInt8](repeating: 0, count: 512 + decoder.slack)
                decoder.beginBlock()
                var steps = 0
                reading: while true {
                    let before = position
                    var writer = OutputWriter(memory.mutableSpan)
                    switch decoder.next(block.span, &position, discards: bits.once(in: 5), into: &writer) {
                    case .end: break reading
                    case .failed: return nil
                    case .field: if position <= before { return "no progress in \(block)" }
                    }
                    steps += 1
                    if steps > block.count { return "more fields than bytes in \(block)" }
                }
                read += 1
            }
            return nil
        }
        FuzzRun.expectMany(read, of: rounds)
    }
}

/// A head with fields that repeat, nearly repeat, and do not.
struct HPACKHead {
    var fields: [(name: [UInt8], value: [UInt8])] = []

    private static let names = [
        ":method", ":path", ":scheme", ":authority", ":status", "accept-encoding", "cookie", "authorization", "Date",
        "User-Agent", "x-custom", "X-Long-Name-Of-A-Field", "content-length", "a", "set-cookie", "via",
    ]
    private static let values = [
        "", "GET", "POST", "/", "https", "200", "302", "gzip, deflate", "a=b", "0", "Mozilla/5.0 (X11; Linux x86_64)",
    ]

    init(_ bits: inout SeededBits) {
        for _ in 0..<bits.below(12) {
            let name = bits.once(in: 6) ? "n\(bits.below(50))" : bits.pick(Self.names)
            var value = Array(bits.pick(Self.values).utf8)
            if bits.once(in: 3) {
                let count = bits.once(in: 20) ? bits.below(6000) : bits.below(70)
                let isText = bits.once(in: 2)
                value = (0..<count).map { _ in
                    isText ? UInt8(0x20 + bits.below(0x5F)) : UInt8(truncatingIfNeeded: bits.next())
                }
            }
            fields.append((Array(name.utf8), value))
        }
    }

    func encoded(by encoder: inout HPACKEncoder) -> [UInt8] {
        let bytes = fields.reduce(0) { $0 + $1.name.count + $1.value.count }
        var memory = [UInt8](repeating: 0, count: HPACKEncoder.room(fields: fields.count, bytes: bytes))
        var writer = OutputWriter(memory.mutableSpan)
        encoder.beginBlock(into: &writer)
        for field in fields {
            let text = field.name + field.value
            encoder.write(
                text.span, name: 0..<field.name.count, value: field.name.count..<text.count, into: &writer)
        }
        let count = writer.count
        let overflowed = writer.overflowed
        if overflowed { Issue.record("the room was too small: \(fields)") }
        return Array(memory[..<count])
    }

    /// What a decoder makes of the block that differs; nil: nothing.
    func fault(in block: [UInt8], by decoder: inout HPACKDecoder) -> String? {
        var position = 0
        var memory = [UInt8](repeating: 0, count: 6100 + decoder.slack)
        decoder.beginBlock()
        for (index, field) in fields.enumerated() {
            var writer = OutputWriter(memory.mutableSpan)
            guard case .field(let found) = decoder.next(block.span, &position, into: &writer) else {
                return "field \(index) of \(fields) is not read"
            }
            let name = Array(String(decoding: field.name, as: UTF8.self).lowercased().utf8)
            let text = name + Array(": ".utf8) + field.value
            guard found.nameCount == name.count, Array(memory[..<writer.count]) == text else {
                return "field \(index) of \(fields) differs"
            }
        }
        var writer = OutputWriter(memory.mutableSpan)
        let last = decoder.next(block.span, &position, into: &writer)
        return last == .end ? nil : "more than was written: \(last)"
    }
}
