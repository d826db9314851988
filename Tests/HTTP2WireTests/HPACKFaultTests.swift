// Owns the tests of blocks that cannot be read, of the dynamic table's bounds, and of what never enters it.
import HTTP2Wire
import HTTPWire
import Testing

@Suite("HPACK refuses what is wrong, and keeps its bounds")
struct HPACKFaultTests {
    static let faults: [(hex: String, fault: HPACKFault)] = [
        // An index of zero, of nothing, and beyond a table that is empty.
        ("80", .index), ("be", .index), ("7f 00", .index), ("ff 80 80 80 80 01", .integer), ("7e 01 61", .index),
        ("0f 2f 01 61", .index), ("ff 00", .index),
        // Blocks that end early.
        ("ff", .truncated), ("40", .truncated), ("40 01", .truncated), ("40 01 61", .truncated),
        ("40 01 61 02 62", .truncated), ("04 7f", .truncated), ("3f", .truncated), ("04 7f 80", .truncated),
        ("40 81", .truncated), ("0f", .truncated), ("04 ff ff", .truncated),
        // Integers without an end, or beyond all that could be meant.
        ("ff 80 80 80 80 80 80 00", .integer), ("04 7f ff ff ff ff 7f", .integer), ("3f ff ff ff ff ff 0f", .integer),
        ("04 7f 80 80 80 80 80 01", .integer), ("04 7f 80 80 80 80 10", .integer),
        // Padding of a whole byte, of zeros, of the wrong ones; the symbol for the end.
        ("04 82 1f ff", .huffman), ("04 81 18", .huffman), ("04 81 1e", .huffman), ("04 84 ff ff ff ff", .huffman),
        ("04 81 ff", .huffman), ("04 85 1f ff ff ff ff", .huffman), ("04 88 ff ff ff ff ff ff ff ff", .huffman),
        // Sizes: too large, behind a field, more than twice.
        ("3f e2 1f", .tableSize), ("82 20", .tableSize), ("20 20 20", .tableSize), ("20 3f e1 1f 3f e1 1f", .tableSize),
        ("82 3f e1 1f", .tableSize),
    ]

    @Test("A block that is wrong", arguments: faults)
    func fault(_ text: String, _ fault: HPACKFault) {
        var decoder = HPACKDecoder()
        #expect(decoder.read(bytes(text)) == .failed(fault), "\(text)")
    }

    /// The shortest forms that are right, next to those above.
    static let readable: [(hex: String, lines: [Line])] = [
        ("", []), ("20 3f e1 1f 82", [Line(":method", "GET")]), ("20 20 82", [Line(":method", "GET")]),
        ("04 00", [Line(":path", "")]), ("04 80", [Line(":path", "")]), ("04 81 1f", [Line(":path", "a")]),
        ("00 00 00", [Line("", "")]),
        (
            "04 7f 80 80 80 80 00" + String(repeating: "61", count: 127),
            [Line(":path", String(repeating: "a", count: 127))]
        ),
    ]

    @Test("A block that is right", arguments: readable)
    func right(_ text: String, _ lines: [Line]) {
        var decoder = HPACKDecoder()
        #expect(decoder.read(bytes(text)) == .lines(lines), "\(text)")
    }

    @Test("Every byte comes through the Huffman code, alone and among others")
    func everyByte() {
        var encoder = HPACKEncoder()
        var decoder = HPACKDecoder()
        for byte in UInt8.min...UInt8.max {
            for count in [1, 2, 7, 8, 9] {
                // With letters around it the code is shorter, so that it is used.
                let value = [UInt8](repeating: 0x61, count: 40) + [UInt8](repeating: byte, count: count) + [0x6F]
                var memory = [UInt8](repeating: 0, count: HPACKEncoder.room(fields: 1, bytes: value.count + 4))
                var writer = OutputWriter(memory.mutableSpan)
                let text = Array("etag".utf8) + value
                encoder.beginBlock(into: &writer)
                encoder.write(text.span, name: 0..<4, value: 4..<text.count, into: &writer)
                let written = Array(memory[..<writer.count])
                var output = [UInt8](repeating: 0, count: 256)
                var position = 0
                decoder.beginBlock()
                var reader = OutputWriter(output.mutableSpan)
                let step = decoder.next(written.span, &position, into: &reader)
                guard case .field(let field) = step else {
                    Issue.record("byte \(byte): \(step)")
                    continue
                }
                #expect([field.nameCount, field.valueCount, field.staticName] == [4, value.count, 34])
                #expect(Array(output[6..<(6 + value.count)]) == value)
            }
        }
    }

    @Test("A field larger than the table empties it, whether or not there was room to read it")
    func largerThanTable() {
        for room in [64, 8192] {
            var decoder = HPACKDecoder(tableLimit: 64)
            #expect(decoder.read(bytes("3f21 4001 6101 62")) == .lines([Line("a", "b")]))
            #expect(decoder.read(bytes("be")) == .lines([Line("a", "b")]))
            let value = [UInt8](repeating: 0x63, count: 100)
            let block = bytes("4001 6164") + value
            var memory = [UInt8](repeating: 0, count: room + decoder.slack)
            var position = 0
            decoder.beginBlock()
            var writer = OutputWriter(memory.mutableSpan)
            guard case .field = decoder.next(block.span, &position, into: &writer) else {
                Issue.record("not read")
                return
            }
            #expect(position == block.count)
            #expect(decoder.read(bytes("be")) == .failed(.index))
        }
    }

    @Test("A name may come from the very field that goes")
    func nameOfEvicted() {
        var decoder = HPACKDecoder(tableLimit: 70)
        let name = String(repeating: "n", count: 20)
        let block = bytes("3f27 4014") + Array(name.utf8) + bytes("0161")
        #expect(decoder.read(block) == .lines([Line(name, "a")]))
        #expect(decoder.read(bytes("7e 02 6262")) == .lines([Line(name, "bb")]))
        #expect(decoder.read(bytes("be")) == .lines([Line(name, "bb")]))
        #expect(decoder.read(bytes("bf")) == .failed(.index))
    }

    @Test("Secrets are never indexed, short cookies with them")
    func secrets() {
        let cookie = String(repeating: "c", count: 40)
        let secret = [
            Line("Authorization", "Basic YTpi"), Line("set-cookie", "a=b"), Line("cookie", "a=b"),
            Line("proxy-authorization", "x"),
        ]
        var encoder = HPACKEncoder()
        var decoder = HPACKDecoder()
        for _ in 0..<2 {
            let expected = secret.map { Line($0.name.lowercased(), $0.value, isNeverIndexed: true) }
            #expect(decoder.read(encoder.write(secret)) == .lines(expected))
        }
        #expect(decoder.read(encoder.write([Line("cookie", cookie)])) == .lines([Line("cookie", cookie)]))
        #expect(encoder.write([Line("cookie", cookie)]) == [0xBE])
    }

    @Test("Changes of the limit are said at the next block, the least and the last")
    func sizeUpdates() {
        var encoder = HPACKEncoder()
        let line = Line("custom-key", "custom-value")
        #expect(encoder.write([line]).count > 1)
        #expect(encoder.write([line]) == [0xBE])
        encoder.setPeerLimit(0)
        encoder.setPeerLimit(8192)
        let written = encoder.write([line])
        #expect(hex(written).hasPrefix("203fe11f40"))
        var decoder = HPACKDecoder(tableLimit: 8192)
        #expect(decoder.read(written) == .lines([line]))
        #expect(encoder.write([line]) == [0xBE])
        encoder.setPeerLimit(64)
        #expect(hex(encoder.write([line])) == "3f21be")
    }

    @Test("A limit below the usual one is said before anything else, or the block is refused")
    func smallTable() {
        var encoder = HPACKEncoder(tableLimit: 100)
        #expect(hex(encoder.write([Line(":method", "GET")])) == "3f4582")
        var decoder = HPACKDecoder()
        decoder.setLimit(100)
        #expect(decoder.read([0x82]) == .failed(.tableSize))
        var obedient = HPACKDecoder()
        obedient.setLimit(100)
        #expect(obedient.read(bytes("3f4582")) == .lines([Line(":method", "GET")]))
        #expect(obedient.read(bytes("82")) == .lines([Line(":method", "GET")]))
    }
}
