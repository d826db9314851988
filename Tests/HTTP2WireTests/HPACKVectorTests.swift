// Owns the tests of HPACK against all examples of RFC 7541 appendix C.
import HTTP2Wire
import HTTPWire
import Testing

@Suite("HPACK reads and writes the examples of the RFC")
struct HPACKVectorTests {
    struct Example: Sendable {
        var name: String
        var tableLimit = 4096
        var blocks: [(hex: String, lines: [Line])]
        /// Whether our encoder makes the same choices.
        var isWrittenAlike = false
    }

    static let requests: [[Line]] = [
        [
            Line(":method", "GET"), Line(":scheme", "http"), Line(":path", "/"),
            Line(":authority", "www.example.com"),
        ],
        [
            Line(":method", "GET"), Line(":scheme", "http"), Line(":path", "/"),
            Line(":authority", "www.example.com"), Line("cache-control", "no-cache"),
        ],
        [
            Line(":method", "GET"), Line(":scheme", "https"), Line(":path", "/index.html"),
            Line(":authority", "www.example.com"), Line("custom-key", "custom-value"),
        ],
    ]

    static let responses: [[Line]] = [
        [
            Line(":status", "302"), Line("cache-control", "private"),
            Line("date", "Mon, 21 Oct 2013 20:13:21 GMT"), Line("location", "https://www.example.com"),
        ],
        [
            Line(":status", "307"), Line("cache-control", "private"),
            Line("date", "Mon, 21 Oct 2013 20:13:21 GMT"), Line("location", "https://www.example.com"),
        ],
        [
            Line(":status", "200"), Line("cache-control", "private"),
            Line("date", "Mon, 21 Oct 2013 20:13:22 GMT"), Line("location", "https://www.example.com"),
            Line("content-encoding", "gzip"),
            Line("set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"),
        ],
    ]

    static let examples: [Example] = [
        Example(
            name: "C.2.1",
            blocks: [
                (
                    "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572",
                    [Line("custom-key", "custom-header")]
                )
            ]),
        Example(name: "C.2.2", blocks: [("040c 2f73 616d 706c 652f 7061 7468", [Line(":path", "/sample/path")])]),
        Example(
            name: "C.2.3",
            blocks: [
                (
                    "1008 7061 7373 776f 7264 0673 6563 7265 74", [Line("password", "secret", isNeverIndexed: true)]
                )
            ]),
        Example(name: "C.2.4", blocks: [("82", [Line(":method", "GET")])], isWrittenAlike: true),
        Example(
            name: "C.3",
            blocks: [
                ("8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d", requests[0]),
                ("8286 84be 5808 6e6f 2d63 6163 6865", requests[1]),
                (
                    "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65", requests[2]
                ),
            ]),
        Example(
            name: "C.4",
            blocks: [
                ("8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff", requests[0]),
                ("8286 84be 5886 a8eb 1064 9cbf", requests[1]),
                ("8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf", requests[2]),
            ], isWrittenAlike: true),
        Example(
            name: "C.5", tableLimit: 256,
            blocks: [
                (
                    """
                    4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133
                    2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70
                    6c65 2e63 6f6d
                    """, responses[0]
                ),
                ("4803 3330 37c1 c0bf", responses[1]),
                (
                    """
                    88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d
                    54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049
                    5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e
                    3d31
                    """, responses[2]
                ),
            ]),
        Example(
            name: "C.6", tableLimit: 256,
            blocks: [
                (
                    """
                    4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6
                    2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3
                    """, responses[0]
                ),
                ("4883 640e ffc1 c0bf", responses[1]),
                (
                    """
                    88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab
                    77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f
                    9587 3160 65c0 03ed 4ee5 b106 3d50 07
                    """, responses[2]
                ),
            ]),
    ]

    @Test("Read", arguments: examples.indices)
    func reads(_ index: Int) {
        let example = Self.examples[index]
        var decoder = HPACKDecoder(tableLimit: 4096)
        // The examples with a small table do not say that it is small: it is agreed on outside.
        if example.tableLimit < 4096 {
            #expect(decoder.read(sizeUpdate(example.tableLimit)) == .lines([]))
        }
        for block in example.blocks {
            #expect(decoder.read(bytes(block.hex)) == .lines(block.lines), "\(example.name)")
        }
    }

    @Test("Write", arguments: examples.indices.filter { examples[$0].isWrittenAlike })
    func writes(_ index: Int) {
        var encoder = HPACKEncoder()
        for block in Self.examples[index].blocks {
            #expect(hex(encoder.write(block.lines)) == hex(bytes(block.hex)), "\(Self.examples[index].name)")
        }
    }

    @Test("What the encoder writes of the examples is read as them")
    func roundTrip() {
        for example in Self.examples {
            var encoder = HPACKEncoder()
            var decoder = HPACKDecoder()
            encoder.setPeerLimit(example.tableLimit)
            for block in example.blocks {
                let written = encoder.write(block.lines.map { Line($0.name, $0.value) })
                guard case .lines(let lines) = decoder.read(written) else {
                    Issue.record("\(example.name): not readable")
                    continue
                }
                #expect(lines.map { Line($0.name, $0.value) } == block.lines.map { Line($0.name, $0.value) })
            }
        }
    }

    /// The integers of appendix C.1, each as the size of a table's update, whose prefix has five bits.
    static let integers: [(value: Int, hex: String)] = [(10, "2a"), (1337, "3f9a0a"), (31, "3f00"), (30, "3e")]

    @Test("Integers", arguments: integers)
    func integer(_ value: Int, _ text: String) {
        #expect(hex(sizeUpdate(value)) == text)
        var decoder = HPACKDecoder(tableLimit: value)
        #expect(decoder.read(bytes(text)) == .lines([]))
        var smaller = HPACKDecoder(tableLimit: value - 1)
        #expect(smaller.read(bytes(text)) == .failed(.tableSize))
    }

    /// What an encoder writes whose table is to be so small.
    func sizeUpdate(_ size: Int) -> [UInt8] {
        var encoder = HPACKEncoder()
        encoder.setPeerLimit(size)
        return encoder.write([])
    }
}
