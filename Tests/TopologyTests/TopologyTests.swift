// Tests the words that every other target stands on.
import Testing
import Topology

@Suite struct AddressTests {
    @Test(arguments: ["127.0.0.1:80", "[::1]:8080", "example.com:443", "unix:/run/a.sock"])
    func readsBackWhatItPrints(_ text: String) throws {
        #expect(try #require(Address(text)).description == text)
    }

    @Test(arguments: ["", "localhost", "1.2.3.4:", "1.2.3.4:65536", "::1:80", "[::1:80", "unix:", "a b:80", ":-1"])
    func refuses(_ text: String) { #expect(Address(text) == nil) }

    @Test func anEmptyHostIsEveryAddress() { #expect(Address(":80") == .host("0.0.0.0", port: 80)) }
}

@Suite struct StableHashTests {
    @Test func valuesNeverChange() {
        #expect(StableHash.of("shop") == 9_103_463_187_426_958_251)
        #expect(StableHash.of("shop", seed: 1) != StableHash.of("shop", seed: 2))
    }

    @Test func randomBitsStayBelowTheirBound() {
        var random = RandomBits(seed: 7)
        var seen = [Int](repeating: 0, count: 10)
        for _ in 0..<10_000 { seen[random.below(10)] += 1 }
        #expect(seen.allSatisfy { (800...1200).contains($0) })
    }
}

@Suite struct TickTests {
    @Test func saturatesInsteadOfOverflowing() {
        #expect(Tick.distantFuture + .seconds(1) == .distantFuture)
        #expect(Tick(nanoseconds: 5) + .nanoseconds(7) == Tick(nanoseconds: 12))
        #expect(Tick(nanoseconds: 5) - Tick(nanoseconds: 7) == .nanoseconds(-2))
    }
}

@Suite struct OverlapTests {
    @Test(arguments: [
        ("127.0.0.1:80", "0.0.0.0:80", true), ("127.0.0.1:80", ":80", true), ("127.0.0.1:80", "127.0.0.1:80", true),
        ("127.0.0.1:80", "127.0.0.2:80", false), ("127.0.0.1:80", "0.0.0.0:81", false), (":0", ":0", false),
        ("[::]:80", "0.0.0.0:80", true), ("[::]:80", "10.0.0.1:80", true), ("[::]:80", "[::1]:80", true),
        ("[::1]:80", "0.0.0.0:80", false), ("[::ffff:10.0.0.1]:80", "10.0.0.1:80", true),
        ("a.example.com:80", "a.example.com:80", true), ("a.example.com:80", "0.0.0.0:80", false),
        ("unix:/a", "unix:/a", true), ("unix:/a", "unix:/b", false), ("unix:/a", ":80", false),
    ])
    func ofAddresses(_ first: String, _ second: String, _ overlaps: Bool) throws {
        let (first, second) = (try #require(Address(first)), try #require(Address(second)))
        #expect(first.overlaps(second) == overlaps)
        #expect(second.overlaps(first) == overlaps)
    }
}

@Suite struct OwnNameTests {
    @Test(arguments: [
        ("web1.example.com", UInt32(0xDEADBEEF), "web1.example.com-deadbeef"), ("web 1/ä", 1, "web-1----00000001"),
        ("-.x", 2, "x-00000002"), ("", 3, "node-00000003"), ("---", 4, "node-00000004"),
        (
            String(repeating: "a", count: 64), 5,
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-00000005"
        ),
    ])
    func isTheMachinesWithARandomPart(_ machine: String, _ random: UInt32, _ name: String) {
        let id = NodeID(machine: machine, random: random)
        #expect(id.text == name)
        #expect(NameRule.allows(id.text))
    }
}
