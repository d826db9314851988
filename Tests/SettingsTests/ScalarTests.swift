// Tests how values are spelt: each kind by a table of what it reads and what it refuses.
import Testing
import Topology

@testable import Settings

@Suite struct DurationTests {
    @Test(
        arguments: [
            ("0", .zero), ("0s", .zero), ("250ms", .milliseconds(250)), ("2s", .seconds(2)), ("1m30s", .seconds(90)),
            ("1h", .seconds(3600)), ("1d12h", .seconds(129_600)), ("7us", .microseconds(7)),
            ("106751d", .seconds(9_223_286_400)),
        ] as [(String, Duration)])
    func reads(_ text: String, _ expected: Duration) throws {
        #expect(try DurationText.parse(text) == expected)
        #expect(try DurationText.parse(DurationText.write(expected)) == expected)
    }

    @Test(arguments: [
        "", "5", "s", "-1s", "1.5s", "1s1m", "1s1s", "1 s", "1S", "1sec", "٣s", "106752d", "99999999999999999999s",
        "9223372036s999999ms9999999us", "1s-", "+1s",
    ])
    func refuses(_ text: String) { #expect(throws: InvalidValue.self) { try DurationText.parse(text) } }

    @Test func boundsAreInTheMessage() {
        #expect(
            messages(minimal("shutdown: { deadline: 25h }")) == ["expected a duration from 0s to 1d, found '25h'"])
    }
}

@Suite struct SizeTests {
    @Test(arguments: [
        ("0", 0), ("512", 512), ("512B", 512), ("64KiB", 65_536), ("10MB", 10_000_000), ("1kB", 1000), ("1KB", 1000),
        ("2GiB", 2 << 30), ("1TiB", 1 << 40), ("3TB", 3_000_000_000_000), ("1500", 1500),
    ])
    func reads(_ text: String, _ expected: Int) throws {
        #expect(try SizeText.parse(text) == ByteCount(expected))
        #expect(try SizeText.parse(SizeText.write(ByteCount(expected))) == ByteCount(expected))
    }

    @Test(arguments: ["", "KiB", "-1", "1.5MiB", "64 KiB", "64kib", "64K", "9223372036854775808", "9000000TiB"])
    func refuses(_ text: String) { #expect(throws: InvalidValue.self) { try SizeText.parse(text) } }
}

@Suite struct ShareTests {
    @Test(
        arguments: [("0%", 0), ("20%", 0.2), ("12.5%", 0.125), ("0.001%", 0.00001), ("100%", 1)] as [(String, Double)])
    func reads(_ text: String, _ expected: Double) throws {
        #expect(try ShareText.parse(text) == expected)
        #expect(ShareText.write(expected) == text)
    }

    @Test(arguments: ["", "%", "20", "0.2", "101%", "100.1%", "-5%", "1.%", ".5%", "1.2.3%", "1e1%", "1.2345%"])
    func refuses(_ text: String) { #expect(throws: InvalidValue.self) { try ShareText.parse(text) } }
}

@Suite struct AddressFormTests {
    @Test(arguments: ["1.2.3.4:0", "[::]:80", "[::ffff:1.2.3.4]:80", "a:1", "a_b.example.com:1", "1a.b:1", "unix:/a"])
    func accepts(_ text: String) throws {
        let read = try settings(minimal("status: { bind: \"\(text)\" }"))
        #expect(read.statusBind == Address(text))
    }

    @Test(arguments: [
        "1.2.3:80", "1.2.3.256:80", "01.2.3.4:80", "[1.2.3.4]:80", "[::1::]:80", "[fe80::g]:80", "a..b:80", "-a:80",
        "a-:80", "a/b:80", "http://a:80", "example.com", "ä.de:80", "a:65536",
    ])
    func refuses(_ text: String) {
        #expect(messages(minimal("status: { bind: \"\(text)\" }")).count == 1)
    }

    @Test func anEndpointHasHostAndPort() {
        for text in [":80", "10.0.0.1:0"] {
            let file = minimal().replacing("10.0.0.1:80", with: text)
            #expect(messages(file).count == 1, "\(text)")
        }
    }
}

@Suite struct WordTests {
    @Test(arguments: [
        ("on", true), ("true", true), ("yes", true), ("\"on\"", true), ("off", false), ("false", false), ("no", false),
    ])
    func switches(_ text: String, _ expected: Bool) throws {
        #expect(try settings(minimal("via: \(text)")).addsVia == expected)
    }

    @Test(arguments: ["ON", "1", "~", "[]", "\"\""])
    func noSwitches(_ text: String) { #expect(messages(minimal("via: \(text)")).count == 1) }

    @Test(arguments: [
        ("datacenter_polcy", "datacenter_policy"), ("Name", "name"), ("health-check", "health_check"),
        ("rtery", "retry"), ("endpoint", "endpoints"), ("slow", "slow_start"),
    ])
    func suggests(_ written: String, _ meant: String) {
        let found = messages(minimal(service: "\(written): x"))
        #expect(found == ["unknown key '\(written)' in service; did you mean '\(meant)'?"])
    }

    @Test(arguments: ["x", "backends", "", "datacenters_and_more"])
    func suggestsNothingFarAway(_ written: String) {
        #expect(messages(minimal(service: "\"\(written)\": x")) == ["unknown key '\(written)' in service"])
    }

    @Test(arguments: [("", "", 0), ("a", "", 1), ("ab", "ba", 1), ("kitten", "sitting", 3), ("abcd", "acbd", 1)])
    func distances(_ left: String, _ right: String, _ expected: Int) {
        #expect(Suggestion.distance(Array(left.utf8), Array(right.utf8)) == expected)
        #expect(Suggestion.distance(Array(right.utf8), Array(left.utf8)) == expected)
    }
}
