// Owns the text of `Date` fields and log times, made once a second.
internal import CLinux

/// The current time as an IMF-fixdate (RFC 9110 section 5.6.7).
struct HTTPDate {
    private var second: Int64 = -1
    private var cached: [UInt8] = []

    mutating func text() -> [UInt8] {
        let now = ml_wall_seconds()
        if now != second {
            second = now
            cached = Array(Self.format(now).utf8)
        }
        return cached
    }

    private static let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// The calendar date of a number of days since 1970-01-01 (proleptic Gregorian, by 400-year eras).
    static func civil(_ days: Int64) -> (year: Int64, month: Int, day: Int) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = Int(dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
        let month = Int(shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9)
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }

    static func twoDigits(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }

    static func clock(_ seconds: Int64) -> String {
        let ofDay = Int(seconds % 86_400)
        return "\(twoDigits(ofDay / 3600)):\(twoDigits(ofDay / 60 % 60)):\(twoDigits(ofDay % 60))"
    }

    static func format(_ seconds: Int64) -> String {
        let days = seconds / 86_400
        let date = civil(days)
        let weekday = Self.days[Int(days % 7)]
        return "\(weekday), \(twoDigits(date.day)) \(months[date.month - 1]) \(date.year) \(clock(seconds)) GMT"
    }
}
