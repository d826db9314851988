// Owns the tests of writing: numbers, going on behind what is there, and the scan for what logs escape.
import HTTPWire
import Testing

@Suite("What access logs are written with")
struct LogWritingTests {
    @Test(
        "Numbers",
        arguments: [0, 1, 9, 10, 11, 99, 100, 65_535, 1_000_000, 12_345_678_901, Int.max, -1, -10, Int.min])
    func decimal(_ number: Int) {
        var memory = [UInt8](repeating: 0, count: 32)
        var writer = OutputWriter(memory.mutableSpan)
        writer.append(decimal: number)
        let count = writer.count
        #expect(String(decoding: memory.prefix(count), as: UTF8.self) == String(number))
    }

    @Test("A number that does not fit is not cut")
    func narrow() {
        var memory = [UInt8](repeating: 0x2E, count: 3)
        var writer = OutputWriter(memory.mutableSpan)
        writer.append(decimal: 1234)
        let (count, overflowed) = (writer.count, writer.overflowed)
        #expect(count == 0 && overflowed)
        #expect(memory == [0x2E, 0x2E, 0x2E])
    }

    @Test("It goes on behind what is there, and not outside", arguments: [(-1, 0), (0, 0), (2, 2), (8, 8), (9, 8)])
    func startingAt(_ start: Int, _ effective: Int) {
        var memory = [UInt8](repeating: 0x2E, count: 8)
        var writer = OutputWriter(memory.mutableSpan, startingAt: start)
        writer.append(byte: 0x41)
        let (count, overflowed) = (writer.count, writer.overflowed)
        #expect(overflowed == (effective == 8))
        #expect(count == min(effective + 1, 8))
        #expect(memory.firstIndex(of: 0x41) == (effective == 8 ? nil : effective))
    }

    @Test("Any byte that a log escapes, at every offset", arguments: 0..<24)
    func escapes(_ place: Int) {
        for byte in UInt8.min...UInt8.max {
            for filler: UInt8 in [0x20, 0x7E] {
                var text = [UInt8](repeating: filler, count: 24)
                text[place] = byte
                let isEscaped = byte < 0x20 || byte >= 0x7F || byte == 0x22 || byte == 0x5C
                let end = text.span.endOfUnescaped(0)
                #expect(end == (isEscaped ? place : 24), "\(byte) at \(place)")
            }
        }
    }
}
