// Owns the tests of bytes that are read and written eight at a time.
import HTTPWire
import Testing

@Suite("Words of eight bytes")
struct WordTests {
    static let all = (UInt8.min...UInt8.max).map { $0 }

    @Test("Letters become small, and nothing else", arguments: [0, 1, 7, 8, 9, 64, 256])
    func lowercasing(_ count: Int) {
        let source = Array(Self.all.suffix(count))
        var memory = [UInt8](repeating: 0, count: count)
        var writer = OutputWriter(memory.mutableSpan)
        writer.append(lowercasing: source.span, 0, count)
        let isWhole = !writer.overflowed && writer.room == 0
        #expect(isWhole)
        #expect(memory == source.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 })
        let word = UInt64(littleEndian: 0x5B5A_4140_DADA_C17A)
        #expect(word.lowercasedBytes == 0x5B7A_6140_DADA_C17A)
    }

    @Test("A word goes as far as there is room", arguments: [0, 1, 5, 7, 8, 9])
    func word(_ room: Int) {
        for count in 0...8 {
            var memory = [UInt8](repeating: 0xEE, count: room)
            var writer = OutputWriter(memory.mutableSpan)
            writer.append(word: 0x0807_0605_0403_0201, count: count)
            let overflowed = writer.overflowed
            let written = writer.written.count
            #expect(overflowed == (count > room))
            #expect(written == min(count, room))
            #expect(Array(memory[..<written]) == (0..<written).map { UInt8($0 + 1) })
        }
    }

    @Test("Words are read up to the end of the bytes")
    func readWord() {
        let bytes = Array(Self.all[1...9])
        for start in 0..<9 {
            for count in 0...min(8, 9 - start) {
                let expected = (0..<count).reduce(UInt64(0)) { $0 | UInt64(bytes[start + $1]) << UInt64(8 * $1) }
                #expect(bytes.span.word(start, count: count) == expected)
            }
        }
    }
}
