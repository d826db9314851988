// Owns the proof that keys of changes do not come again.
import Testing

@testable import Admin

@Suite struct FreshKeysTests {
    private struct Scripted: RandomNumberGenerator {
        var first: UInt64
        mutating func next() -> UInt64 {
            defer { first = 0x1F }
            return first
        }
    }

    @Test func keysCountUpFromWhereTheyBegan() {
        var random = Scripted(first: 0x0123_4567_89AB_CDEF)
        var keys = FreshKeys(using: &random)
        #expect(keys.next() == "0123456789abcdef" + "0000000000000020")
        #expect(keys.next() == "0123456789abcdef" + "0000000000000021")
    }

    @Test func noTwoAreEqual() {
        var seen: Set<String> = []
        for _ in 0..<100 {
            var keys = FreshKeys()
            for _ in 0..<100 { #expect(seen.insert(keys.next()).inserted) }
        }
    }
}
