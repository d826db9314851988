// Owns the time that log lines show, made once a second.
internal import HTTPWire

/// The current second in the log's format, in UTC.
struct AccessLogTime {
    private let format: AccessLogConfiguration.Format
    private var second = Int64.min
    private var cached: [UInt8] = []

    init(_ format: AccessLogConfiguration.Format) { self.format = format }

    /// The text of a second since 1970-01-01; the same array until the second changes.
    mutating func text(at second: Int64) -> [UInt8] {
        if second != self.second {
            self.second = second
            cached = Self.make(second, format)
        }
        return cached
    }

    private static func make(_ second: Int64, _ format: AccessLogConfiguration.Format) -> [UInt8] {
        let time = CivilTime(second)
        var bytes = [UInt8](repeating: 0, count: 40)
        var writer = OutputWriter(bytes.mutableSpan)
        switch format {
        case .combined:
            writer.append(twoDigits: time.day)
            writer.append("/")
            writer.append(time.monthName)
            writer.append("/")
            writer.append(decimal: time.year)
            writer.append(":")
            writer.appendClock(time)
            writer.append(" +0000")
        case .json:
            writer.append(decimal: time.year)
            writer.append("-")
            writer.append(twoDigits: time.month)
            writer.append("-")
            writer.append(twoDigits: time.day)
            writer.append("T")
            writer.appendClock(time)
            writer.append("Z")
        }
        let count = writer.count
        return Array(bytes.prefix(count))
    }
}
