// Owns the tests of the date that messages carry: the calendar, the text, and that it is made once a second.
import HTTPWire
import Testing

@Suite("Dates")
struct HTTPDateTests {
    @Test(
        "Texts (RFC 9110 5.6.7)",
        arguments: [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (951_868_799, "Tue, 29 Feb 2000 23:59:59 GMT"),
            (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"),
            (4_102_444_799, "Thu, 31 Dec 2099 23:59:59 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
            (-1, "Thu, 01 Jan 1970 00:00:00 GMT"),
        ] as [(Int64, String)])
    func texts(_ second: Int64, _ text: String) {
        var date = HTTPDate()
        #expect(String(decoding: date.text(at: second), as: UTF8.self) == text)
    }

    @Test("Every day of 130 years follows the one before it")
    func calendar() {
        let lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        var (year, month, day) = (1970, 1, 1)
        for number in 0..<(130 * 365) {
            let time = CivilTime(Int64(number) * 86_400 + 86_399)
            #expect((time.year, time.month, time.day) == (year, month, day))
            #expect((time.hour, time.minute, time.second) == (23, 59, 59))
            let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
            day += 1
            if day > lengths[month - 1] + (month == 2 && isLeap ? 1 : 0) { (month, day) = (month + 1, 1) }
            if month > 12 { (year, month) = (year + 1, 1) }
        }
    }

    @Test("A text is made once a second, and again when the clock goes back")
    func cache() {
        var date = HTTPDate()
        let first = date.text(at: 100)
        #expect(Self.isSame(date.text(at: 100), first))
        let second = date.text(at: 101)
        #expect(!Self.isSame(second, first) && second != first)
        #expect(date.text(at: 100) == first)
    }

    private static func isSame(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        left.withUnsafeBufferPointer { a in right.withUnsafeBufferPointer { $0.baseAddress == a.baseAddress } }
    }
}
