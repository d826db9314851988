// Owns the tests of frames: each kind's rules, in every split of the input, and that what is written is read.
import HTTP2Wire
import HTTPWire
import Testing

@Suite("Frames are read by the rules of RFC 9113 section 6")
struct FrameTests {
    static let cases: [(hex: String, lines: [String])] = [
        // DATA.
        ("000003 00 01 00000001 616263", ["data 1 3 end", "bytes 616263"]),
        ("000000 00 00 00000001", ["data 1 0", "bytes "]),
        ("000006 00 08 00000001 02 616263 0000", ["data 1 6", "bytes 616263"]),
        ("000003 00 08 80000003 02 0000", ["data 3 3", "bytes "]),
        ("000001 00 09 00000003 00", ["data 3 1 end", "bytes "]),
        ("000003 00 08 00000001 03 0000", ["failed PROTOCOL_ERROR"]),
        ("000000 00 08 00000001", ["failed FRAME_SIZE_ERROR"]), ("000001 00 00 00000000 61", ["failed PROTOCOL_ERROR"]),
        // HEADERS and CONTINUATION.
        ("000002 01 05 00000001 8286", ["headers 1 end whole", "bytes 8286"]),
        ("000007 01 24 00000003 00000001 10 8286", ["headers 3 whole", "bytes 8286"]),
        ("00000a 01 2c 00000003 02 00000001 10 8286 0000", ["headers 3 whole", "bytes 8286"]),
        ("000007 01 24 00000003 00000003 10 8286", ["failed PROTOCOL_ERROR"]),
        ("000007 01 24 00000003 80000003 10 8286", ["failed PROTOCOL_ERROR"]),
        ("000004 01 24 00000003 00000001", ["failed FRAME_SIZE_ERROR"]),
        ("000006 01 2c 00000003 01 00000001 10", ["failed PROTOCOL_ERROR"]),
        ("000001 01 04 00000000 82", ["failed PROTOCOL_ERROR"]),
        (
            "000001 01 01 00000001 82 000001 09 00 00000001 86 000000 09 04 00000001",
            ["headers 1 end", "bytes 82", "continuation 1 1", "bytes 86", "continuation 1 0 whole", "bytes "]
        ),
        ("000001 01 00 00000001 82 000001 09 04 00000003 86", ["headers 1", "bytes 82", "failed PROTOCOL_ERROR"]),
        (
            "000001 01 00 00000001 82 000008 06 00 00000000 0000000000000001",
            ["headers 1", "bytes 82", "failed PROTOCOL_ERROR"]
        ),
        ("000001 01 00 00000001 82 000001 fa 00 00000001 00", ["headers 1", "bytes 82", "failed PROTOCOL_ERROR"]),
        ("000001 09 04 00000001 82", ["failed PROTOCOL_ERROR"]),
        (
            "000001 01 04 00000001 82 000001 09 04 00000001 82",
            ["headers 1 whole", "bytes 82", "failed PROTOCOL_ERROR"]
        ),
        // PRIORITY, RST_STREAM.
        ("000005 02 00 00000001 00000003 10", ["priority 1"]),
        ("000005 02 00 00000001 80000001 10", ["failed PROTOCOL_ERROR"]),
        ("000004 02 00 00000001 00000003", ["failed FRAME_SIZE_ERROR"]),
        ("000005 02 00 00000000 00000003 10", ["failed PROTOCOL_ERROR"]),
        ("000004 03 00 00000001 00000008", ["reset 1 CANCEL"]),
        ("000004 03 00 00000001 000000ff", ["reset 1 0xff"]),
        ("000003 03 00 00000001 000000", ["failed FRAME_SIZE_ERROR"]),
        ("000004 03 00 00000000 00000008", ["failed PROTOCOL_ERROR"]),
        // SETTINGS, PUSH_PROMISE, PING.
        ("000000 04 00 00000000", ["settings"]), ("000000 04 01 00000000", ["settings acknowledged"]),
        ("00000c 04 00 00000000 0003 00000064 0004 0000ffff", ["setting 3=100", "setting 4=65535", "settings"]),
        ("000005 04 00 00000000 0003000000", ["failed FRAME_SIZE_ERROR"]),
        ("000006 04 01 00000000 000300000000", ["failed FRAME_SIZE_ERROR"]),
        ("000000 04 00 00000001", ["failed PROTOCOL_ERROR"]),
        ("000004 05 04 00000001 00000002", ["failed PROTOCOL_ERROR"]),
        ("000008 06 00 00000000 0000000000000007", ["ping 7"]),
        ("000008 06 01 00000000 0000000000000007", ["ping acknowledged 7"]),
        ("000007 06 00 00000000 00000000000000", ["failed FRAME_SIZE_ERROR"]),
        ("000008 06 00 00000001 0000000000000007", ["failed PROTOCOL_ERROR"]),
        // GOAWAY, WINDOW_UPDATE.
        ("00000b 07 00 00000000 80000005 0000000b 616263", ["goaway 5 ENHANCE_YOUR_CALM"]),
        ("000007 07 00 00000000 00000005 000000", ["failed FRAME_SIZE_ERROR"]),
        ("000008 07 00 00000001 00000005 00000000", ["failed PROTOCOL_ERROR"]),
        ("000004 08 00 00000000 8000ffff", ["window 0 65535"]), ("000004 08 00 00000003 00000000", ["window 3 0"]),
        ("000005 08 00 00000000 0000ffff00", ["failed FRAME_SIZE_ERROR"]),
        // PRIORITY_UPDATE, and what nobody knows.
        ("000007 10 00 00000000 00000001 753d31", ["priority update 1 u=1"]),
        ("000004 10 00 00000000 00000001", ["priority update 1 "]),
        ("000003 10 00 00000000 000000", ["failed FRAME_SIZE_ERROR"]),
        ("000007 10 00 00000001 00000001 753d31", ["failed PROTOCOL_ERROR"]),
        ("000007 10 00 00000000 00000000 753d31", ["failed PROTOCOL_ERROR"]),
        ("000050 10 00 00000000 00000001" + String(repeating: "61", count: 76), ["priority update 1 "]),
        (
            "000004 fa ff 00000009 00000000 000000 04 01 00000000",
            ["unknown", "settings acknowledged"]
        ),
        ("004001 00 00 00000001", ["failed FRAME_SIZE_ERROR"]),
        ("000002 00 00 00000001 61", ["data 1 2", "unfinished"]),
        ("000003 00", ["unfinished"]),
    ]

    @Test("A frame in any portions", arguments: cases)
    func frame(_ text: String, _ lines: [String]) {
        let input = bytes(text)
        for size in [1, 2, 3, 5, 9, 10, 14, 1000] {
            #expect(readFrames(input, portions: size) == lines, "\(text) in portions of \(size)")
        }
    }

    @Test("A frame as long as may be")
    func longest() {
        let payload = [UInt8](repeating: 0x61, count: 16_384)
        let frame = bytes("004000 00 01 00000001") + payload
        let expected = ["data 1 16384 end", "bytes \(hex(payload))"]
        for size in [1000, 4096, 20_000] { #expect(readFrames(frame, portions: size) == expected) }
    }

    @Test("What is written is read, and takes the room that was said")
    func written() {
        let settings: [(H2Settings.Identifier, UInt32)] = [(.maximumConcurrentStreams, 100), (.enablePush, 0)]
        let block = [UInt8](repeating: 0x82, count: 40)
        let whole = HTTP2WireTests.written { writer in
            writer.appendSettings(settings.span)
            writer.appendSettingsAcknowledgement()
            writer.appendPing(0x0102_0304_0506_0708, isAcknowledgement: false)
            writer.appendPing(9, isAcknowledgement: true)
            writer.appendGoAway(lastStream: 0x7FFF_FFFF, .none)
            writer.appendReset(5, .refusedStream)
            writer.appendWindowUpdate(0, 65_535)
            writer.appendData(7, block.span, 1..<4, endsStream: true)
            writer.appendBlock(9, block.span, endsStream: true, maximumFrame: 16)
            writer.appendBlock(11, block.span, endsStream: false, maximumFrame: 40)
        }
        let half = hex([UInt8](repeating: 0x82, count: 16))
        #expect(
            readFrames(whole ?? [], portions: 64) == [
                "setting 3=100", "setting 2=0", "settings", "settings acknowledged", "ping 72623859790382856",
                "ping acknowledged 9", "goaway 2147483647 NO_ERROR", "reset 5 REFUSED_STREAM", "window 0 65535",
                "data 7 3 end", "bytes 828282", "headers 9 end", "bytes \(half)", "continuation 9 16", "bytes \(half)",
                "continuation 9 8 whole", "bytes \(hex([UInt8](repeating: 0x82, count: 8)))", "headers 11 whole",
                "bytes \(hex(block))",
            ])
        for (count, frame) in [(0, 16), (1, 16), (16, 16), (17, 16), (40, 16)] {
            let bytes = [UInt8](repeating: 0, count: count)
            let room = FrameSize.block(count, maximumFrame: frame)
            let fits = HTTP2WireTests.written(room: room) {
                $0.appendBlock(1, bytes.span, endsStream: false, maximumFrame: frame)
            }
            #expect(fits?.count == room)
        }
    }

    static let settings: [(identifier: UInt16, value: UInt32, isOfServer: Bool, code: ErrorCode?)] = [
        (1, 0, false, nil), (1, .max, false, nil), (2, 0, true, nil), (2, 1, true, .protocolError), (2, 1, false, nil),
        (2, 2, false, .protocolError), (3, 0, false, nil), (3, .max, false, nil), (4, 0x7FFF_FFFF, false, nil),
        (4, 0x8000_0000, false, .flowControlError), (5, 16_383, false, .protocolError), (5, 16_384, false, nil),
        (5, 0xFF_FFFF, false, nil), (5, 0x100_0000, false, .protocolError), (6, 0, false, nil), (8, 1, true, nil),
        (8, 2, true, .protocolError), (9, 1, false, nil), (9, 2, false, .protocolError), (0xFFFF, 7, false, nil),
    ]

    @Test("Settings have the values that they may have", arguments: settings.indices)
    func setting(_ index: Int) {
        let example = Self.settings[index]
        var settings = H2Settings()
        let code = settings.apply(example.identifier, example.value, isOfServer: example.isOfServer)
        #expect(code == example.code, "\(example)")
    }

    @Test("Extended CONNECT is not taken back")
    func connectProtocol() {
        var settings = H2Settings()
        #expect(settings.apply(8, 0, isOfServer: true) == nil)
        #expect(settings.apply(8, 1, isOfServer: true) == nil && settings.enablesConnectProtocol)
        #expect(settings.apply(8, 0, isOfServer: true) == .protocolError)
    }
}
