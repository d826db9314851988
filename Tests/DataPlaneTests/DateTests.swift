// Owns the tests of dates: the calendar, the form of each text, and that it is made once a second.
import Testing
import Topology

@testable import DataPlane

@Suite("Dates")
struct DateTests {
    /// Seconds since 1970, the `Date` field (RFC 9110 section 5.6.7), and both formats of the log.
    static let texts: [(Int64, String, String, String)] = [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT", "01/Jan/1970:00:00:00 +0000", "1970-01-01T00:00:00Z"),
        // The example of the RFC.
        (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT", "06/Nov/1994:08:49:37 +0000", "1994-11-06T08:49:37Z"),
        // A leap day, of a year that is divided by 400, and the day behind it.
        (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT", "29/Feb/2000:00:00:00 +0000", "2000-02-29T00:00:00Z"),
        (951_868_799, "Tue, 29 Feb 2000 23:59:59 GMT", "29/Feb/2000:23:59:59 +0000", "2000-02-29T23:59:59Z"),
        (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT", "01/Mar/2000:00:00:00 +0000", "2000-03-01T00:00:00Z"),
        // The last second of a year, beyond 31 bits, and a century without a leap day.
        (4_102_444_799, "Thu, 31 Dec 2099 23:59:59 GMT", "31/Dec/2099:23:59:59 +0000", "2099-12-31T23:59:59Z"),
        (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT", "01/Mar/2100:00:00:00 +0000", "2100-03-01T00:00:00Z"),
        // A clock that was never set.
        (-1, "Thu, 01 Jan 1970 00:00:00 GMT", "01/Jan/1970:00:00:00 +0000", "1970-01-01T00:00:00Z"),
    ]

    @Test("Texts", arguments: texts)
    func formats(_ second: Int64, _ field: String, _ combined: String, _ json: String) {
        var date = HTTPDate()
        #expect(String(decoding: date.text(at: second), as: UTF8.self) == field)
        var forPeople = AccessLogTime(.combined)
        #expect(String(decoding: forPeople.text(at: second), as: UTF8.self) == combined)
        var forPrograms = AccessLogTime(.json)
        #expect(String(decoding: forPrograms.text(at: second), as: UTF8.self) == json)
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

    @Test("The wall clock is read when 10 ms of the loop's time are over")
    func clock() {
        var clock = WallClock()
        let first = clock.seconds(now: Tick(nanoseconds: 5_000_000_000))
        #expect(first > 1_700_000_000)
        #expect(clock.seconds(now: Tick(nanoseconds: 5_009_999_999)) == first)
        #expect(clock.seconds(now: Tick(nanoseconds: 9_000_000_000)) - first <= 60)
    }
}
