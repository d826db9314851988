// Owns the tests of the times that a log shows, and of the clock they are read from.
import Testing
import Topology

@testable import DataPlane

@Suite("Dates")
struct DateTests {
    /// Seconds since 1970 and both formats of the log.
    static let texts: [(Int64, String, String)] = [
        (0, "01/Jan/1970:00:00:00 +0000", "1970-01-01T00:00:00Z"),
        // The example of the RFC.
        (784_111_777, "06/Nov/1994:08:49:37 +0000", "1994-11-06T08:49:37Z"),
        // A leap day, of a year that is divided by 400, and the day behind it.
        (951_782_400, "29/Feb/2000:00:00:00 +0000", "2000-02-29T00:00:00Z"),
        (951_868_799, "29/Feb/2000:23:59:59 +0000", "2000-02-29T23:59:59Z"),
        (951_868_800, "01/Mar/2000:00:00:00 +0000", "2000-03-01T00:00:00Z"),
        // The last second of a year, beyond 31 bits, and a century without a leap day.
        (4_102_444_799, "31/Dec/2099:23:59:59 +0000", "2099-12-31T23:59:59Z"),
        (4_107_542_400, "01/Mar/2100:00:00:00 +0000", "2100-03-01T00:00:00Z"),
        // A clock that was never set.
        (-1, "01/Jan/1970:00:00:00 +0000", "1970-01-01T00:00:00Z"),
    ]

    @Test("Texts", arguments: texts)
    func formats(_ second: Int64, _ combined: String, _ json: String) {
        var forPeople = AccessLogTime(.combined)
        #expect(String(decoding: forPeople.text(at: second), as: UTF8.self) == combined)
        var forPrograms = AccessLogTime(.json)
        #expect(String(decoding: forPrograms.text(at: second), as: UTF8.self) == json)
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
