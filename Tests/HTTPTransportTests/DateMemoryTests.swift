// Owns the proof that the date that answers carry is that of their second.
import Testing

@testable import HTTPTransport

@Suite struct DateMemories {
    @Test func itIsThatOfTheSecond() {
        var memory = DateMemory()
        for second in [0, 0, 1, 1_000_000_000, 999_999_999] {
            #expect(memory.text(at: second) == MessageWriter.date(second))
        }
        #expect(memory.text(at: 784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT")
    }
}
