// Tests IP addresses and prefixes.
import Testing
import Topology

@Suite struct IPAddressTests {
    @Test(
        arguments: [
            ("0.0.0.0", 0xFFFF_0000_0000), ("255.255.255.255", 0xFFFF_FFFF_FFFF), ("::", 0), ("::1", 1),
            ("1::", 1 << 112), ("1:2:3:4:5:6:7:8", 0x0001_0002_0003_0004_0005_0006_0007_0008),
            ("1:2:3:4:5:6:7::", 0x0001_0002_0003_0004_0005_0006_0007_0000), ("::2:3", 0x2_0003),
            ("FE80::a:B", 0xFE80_0000_0000_0000_0000_0000_000A_000B), ("::ffff:1.2.3.4", 0xFFFF_0102_0304),
            ("1:2:3:4:5:6:1.2.3.4", 0x0001_0002_0003_0004_0005_0006_0102_0304),
        ] as [(String, UInt128)])
    func reads(_ text: String, _ bits: UInt128) { #expect(IPAddress(text)?.bits == bits) }

    @Test(arguments: [
        "", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.+4", "1..3.4", " 1.2.3.4", ":", ":::", "1:2",
        "1::2::3",
        "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "::12345", "::g", "::+1", "::1.2.3", "1.2.3.4::", "::1%eth0", "[::1]",
    ])
    func refuses(_ text: String) { #expect(IPAddress(text) == nil) }

    @Test func loopback() {
        for text in ["127.0.0.1", "127.255.0.1", "::1", "::ffff:127.0.0.1"] {
            #expect(IPAddress(text)?.isLoopback == true)
        }
        for text in ["128.0.0.1", "::", "::7f00:1", "0.0.0.0"] { #expect(IPAddress(text)?.isLoopback == false) }
    }
}

@Suite struct AddressPrefixTests {
    @Test(arguments: [
        ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.0", false), ("10.0.0.0/8", "::a00:0", false),
        ("10.0.0.0/8", "::ffff:10.1.1.1", true), ("0.0.0.0/0", "1.2.3.4", true), ("0.0.0.0/0", "::1", false),
        ("::/0", "::1", true), ("::/0", "1.2.3.4", true), ("fd00::/8", "fdff::1", true), ("fd00::/8", "fe00::1", false),
        ("192.0.2.1", "192.0.2.1", true), ("192.0.2.1", "192.0.2.2", false), ("::1/128", "::1", true),
        ("10.0.0.128/25", "10.0.0.127", false), ("10.0.0.128/25", "10.0.0.129", true),
    ])
    func contains(_ prefix: String, _ address: String, _ expected: Bool) throws {
        #expect(try #require(AddressPrefix(prefix)).contains(#require(IPAddress(address))) == expected)
    }

    @Test(arguments: [
        "", "/8", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.1/8", "10.0.0.0/+8", "10.0.0.0/8/8", "a/8",
    ])
    func refuses(_ text: String) { #expect(AddressPrefix(text) == nil) }
}
