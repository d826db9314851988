// Owns the tests of the PROXY protocol: who a connection is from.
import HTTPWire
import Testing

@Suite("PROXY protocol")
struct ProxyProtocolTests {
    /// `address port length`, `none length`, `needMore`, or the reason of a refusal.
    static func describe(_ bytes: [UInt8]) -> String {
        switch ProxyProtocol.parse(bytes.span) {
        case .complete(let length, let source):
            guard let source else { return "none \(length)" }
            var output = [UInt8](repeating: 0, count: 39)
            var writer = OutputWriter(output.mutableSpan)
            source.append(to: &writer)
            let count = writer.count
            return "\(String(decoding: output[..<count], as: UTF8.self)) \(source.port) \(length)"
        case .needMore: return "needMore"
        case .failed(let error): return error.reason.description
        }
    }

    static let texts: [(String, String)] = [
        ("PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n", "192.0.2.1 56324 45"),
        ("PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\nGET", "0.0.0.0 0 44"),
        ("PROXY TCP6 2001:db8::1 ::1 1 2\r\n", "2001:db8::1 1 32"),
        ("PROXY TCP6 2001:0DB8:0:0:0:0:0:1 :: 1 2\r\n", "2001:db8::1 1 41"),
        ("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n", "::ffff:c000:201 1 37"),
        ("PROXY TCP6 1:2:3:4:5:6:7:8 ::1 1 2\r\n", "1:2:3:4:5:6:7:8 1 36"),
        ("PROXY TCP6 1:0:0:4:0:0:0:8 ::1 1 2\r\n", "1:0:0:4::8 1 36"),
        ("PROXY TCP6 1:: ::1 1 2\r\n", "1:: 1 24"), ("PROXY TCP6 :: ::1 1 2\r\n", ":: 1 23"),
        ("PROXY TCP6 1:2:3:4:5:6:7:: ::1 1 2\r\n", "1:2:3:4:5:6:7:0 1 36"),
        ("PROXY TCP6 ::2:3:4:5:6:7:8 ::1 1 2\r\n", "0:2:3:4:5:6:7:8 1 36"),
        ("PROXY UNKNOWN\r\n", "none 15"), ("PROXY UNKNOWN anything at all\r\n", "none 31"),
        ("", "needMore"), ("P", "needMore"), ("PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r", "needMore"),
        ("GET / HTTP/1.1\r\n", "no_proxy_header"), ("PUT / HTTP/1.1\r\n", "no_proxy_header"),
        ("PROXY\r\n", "no_proxy_header"), ("PROXY \r\n", "proxy_header"),
        ("PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\n", "proxy_header"),
        ("PROXY TCP4  192.0.2.1 198.51.100.2 1 2\r\n", "proxy_header"),
        ("PROXY TCP4 192.0.2.1 198.51.100.2 1 2 \r\n", "proxy_header"),
        ("PROXY TCP4 192.0.2.1 198.51.100.2 1 2 3\r\n", "proxy_header"),
        ("PROXY TCP4 192.0.2.1 198.51.100.2 1\r\n", "proxy_header"),
        ("PROXY TCP4 192.0.2.1 198.51.100.2 01 2\r\n", "proxy_header"),
        ("PROXY TCP4 192.0.2.1 198.51.100.2 65536 2\r\n", "proxy_header"),
        ("PROXY TCP4 192.0.2.1 198.51.100.2 -1 2\r\n", "proxy_header"),
        ("PROXY TCP4 192.0.2.256 198.51.100.2 1 2\r\n", "proxy_header"),
        ("PROXY TCP4 192.0.2.01 198.51.100.2 1 2\r\n", "proxy_header"),
        ("PROXY TCP4 192.0.2 198.51.100.2 1 2\r\n", "proxy_header"),
        ("PROXY TCP4 192.0.2.1.1 198.51.100.2 1 2\r\n", "proxy_header"),
        ("PROXY TCP4 ::1 ::1 1 2\r\n", "proxy_header"), ("PROXY TCP6 192.0.2.1 ::1 1 2\r\n", "proxy_header"),
        ("PROXY TCP6 1:2:3:4:5:6:7:8:9 ::1 1 2\r\n", "proxy_header"),
        ("PROXY TCP6 1:2:3:4:5:6:7 ::1 1 2\r\n", "proxy_header"), ("PROXY TCP6 1::2::3 ::1 1 2\r\n", "proxy_header"),
        ("PROXY TCP6 1:2:3:4:5:6:7:8:: ::1 1 2\r\n", "proxy_header"), ("PROXY TCP6 :1::2 ::1 1 2\r\n", "proxy_header"),
        ("PROXY TCP6 1::2: ::1 1 2\r\n", "proxy_header"), ("PROXY TCP6 12345::1 ::1 1 2\r\n", "proxy_header"),
        ("PROXY TCP6 1:::2 ::1 1 2\r\n", "proxy_header"), ("PROXY TCP6 ::1%eth0 ::1 1 2\r\n", "proxy_header"),
        ("PROXY TCP6 1:2:3:4:5:6:7:1.2.3.4 ::1 1 2\r\n", "proxy_header"),
        ("PROXY UDP4 192.0.2.1 198.51.100.2 1 2\r\n", "proxy_header"),
        ("PROXY UNKNOWN " + String(repeating: "x", count: 91) + "\r\n", "none 107"),
        ("PROXY UNKNOWN " + String(repeating: "x", count: 92) + "\r\n", "proxy_header_too_long"),
        (String(repeating: "P", count: 200), "no_proxy_header"),
    ]

    @Test("Version 1 (section 2.1)", arguments: texts.indices)
    func version1(_ index: Int) {
        let (text, expected) = Self.texts[index]
        #expect(Self.describe(Array(text.utf8)) == expected)
    }

    static let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10]
    static let address4: [UInt8] = [192, 0, 2, 1, 198, 51, 100, 2, 0xDC, 0x04, 0x01, 0xBB]
    static let address6: [UInt8] =
        [0x20, 1, 0xD, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1] + [UInt8](repeating: 0, count: 16) + [0, 80, 1, 187]

    static func binary(_ command: UInt8, _ family: UInt8, _ body: [UInt8]) -> [UInt8] {
        signature + [command, family, UInt8(body.count >> 8), UInt8(body.count & 255)] + body
    }

    static let binaries: [([UInt8], String)] = [
        (binary(0x21, 0x11, address4), "192.0.2.1 56324 28"),
        (binary(0x21, 0x11, address4) + [1, 2, 3], "192.0.2.1 56324 28"),
        (binary(0x21, 0x11, address4 + [4, 0, 1, 0]), "192.0.2.1 56324 32"),
        (binary(0x21, 0x21, address6), "2001:db8::1 80 52"), (binary(0x20, 0x11, address4), "none 28"),
        (binary(0x20, 0x00, []), "none 16"), (binary(0x21, 0x00, []), "none 16"),
        (binary(0x21, 0x12, address4), "none 28"), (binary(0x21, 0x31, [UInt8](repeating: 0, count: 216)), "none 232"),
        (binary(0x11, 0x11, address4), "proxy_header"), (binary(0x22, 0x11, address4), "proxy_header"),
        (binary(0x21, 0x13, address4), "proxy_header"), (binary(0x21, 0x41, address4), "proxy_header"),
        (binary(0x21, 0x11, Array(address4.dropLast())), "proxy_header"),
        (binary(0x21, 0x21, address4), "proxy_header"),
        (binary(0x21, 0x11, [UInt8](repeating: 0, count: 36 + 2048)), "0.0.0.0 0 2100"),
        (binary(0x21, 0x11, [UInt8](repeating: 0, count: 36 + 2049)), "proxy_header_too_long"),
        (Array("\r\nGET / HTTP/1.1\r\n".utf8), "no_proxy_header"), ([0x16, 3, 1], "no_proxy_header"),
    ]

    @Test("Version 2 (section 2.2)", arguments: binaries.indices)
    func version2(_ index: Int) {
        let (bytes, expected) = Self.binaries[index]
        #expect(Self.describe(bytes) == expected)
    }

    @Test("Every proper prefix of a good header needs more")
    func prefixes() {
        let heads = [
            Array(Self.texts[0].0.utf8), Self.binary(0x21, 0x11, Self.address4), Self.binary(0x21, 0x21, Self.address6),
        ]
        for head in heads {
            for count in 0..<head.count { #expect(Self.describe(Array(head[..<count])) == "needMore") }
        }
    }
}
