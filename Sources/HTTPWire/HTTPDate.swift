// Owns the text of `Date` fields, made once a second.

/// A second as an IMF-fixdate (RFC 9110 section 5.6.7), remembered until another one is asked for. The caller has the clock.
public struct HTTPDate: Sendable {
    private var second = Int64.min
    private var cached: [UInt8] = []

    public init() {}

    /// The text of a second since 1970-01-01, 29 bytes; the same array until the second changes. Times before 1970 are shown
    /// as its beginning.
    public mutating func text(at second: Int64) -> [UInt8] {
        if second != self.second {
            self.second = second
            cached = Self.make(second)
        }
        return cached
    }

    private static func make(_ second: Int64) -> [UInt8] {
        let time = CivilTime(second)
        var bytes = [UInt8](repeating: 0, count: 40)
        var writer = OutputWriter(bytes.mutableSpan)
        writer.append(time.weekdayName)
        writer.append(", ")
        writer.append(twoDigits: time.day)
        writer.append(" ")
        writer.append(time.monthName)
        writer.append(" ")
        writer.append(decimal: time.year)
        writer.append(" ")
        writer.appendClock(time)
        writer.append(" GMT")
        let count = writer.count
        return Array(bytes.prefix(count))
    }
}
