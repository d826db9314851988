// Owns the calendar: seconds since 1970 as a date and a time of day in UTC.

/// A second in the proleptic Gregorian calendar.
public struct CivilTime: Hashable, Sendable {
    public let year: Int
    /// 1-12.
    public let month: Int
    /// 1-31.
    public let day: Int
    public let hour: Int
    public let minute: Int
    public let second: Int
    /// 0 is Thursday, the day of 1970-01-01.
    private let weekday: Int

    /// The time that is `seconds` after the beginning of 1970; earlier ones are shown as that.
    public init(_ seconds: Int64) {
        let seconds = Int(max(0, seconds))
        let (days, ofDay) = seconds.quotientAndRemainder(dividingBy: 86_400)
        // Years that begin in March, in eras of 400 years, so that a leap day is the last of its year.
        let shifted = days + 719_468
        let (era, dayOfEra) = shifted.quotientAndRemainder(dividingBy: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        hour = ofDay / 3600
        minute = ofDay / 60 % 60
        second = ofDay % 60
        weekday = days % 7
    }

    /// Three letters, as dates in HTTP and logs have them.
    public var weekdayName: StaticString { Self.weekdays[weekday] }
    /// Three letters.
    public var monthName: StaticString { Self.months[month - 1] }

    private static let weekdays: [StaticString] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    private static let months: [StaticString] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
}

extension OutputWriter {
    /// Appends a number of 0-99 as two digits.
    @_lifetime(self: copy self)
    public mutating func append(twoDigits value: Int) {
        append(byte: 0x30 + UInt8(truncatingIfNeeded: value / 10))
        append(byte: 0x30 + UInt8(truncatingIfNeeded: value % 10))
    }

    /// Appends `hh:mm:ss`.
    @_lifetime(self: copy self)
    public mutating func appendClock(_ time: CivilTime) {
        append(twoDigits: time.hour)
        append(":")
        append(twoDigits: time.minute)
        append(":")
        append(twoDigits: time.second)
    }
}
