// Owns how durations are spelt: 250ms, 2s, 1m30s, 1h.
internal import Topology

/// The spelling of durations, in the settings and in the admin API.
public enum DurationText {
    /// The duration that `text` spells, such as `1m30s`; nil when it is none.
    public static func read(_ text: String) -> Duration? { try? parse(text) }

    /// Largest first: parts are written in this order.
    private static let units: [(name: String, nanoseconds: Int64)] = [
        ("d", 86_400_000_000_000), ("h", 3_600_000_000_000), ("m", 60_000_000_000), ("s", 1_000_000_000),
        ("ms", 1_000_000), ("us", 1_000),
    ]

    /// Whole numbers with a unit (`d`, `h`, `m`, `s`, `ms`, `us`), the larger unit first; `0` needs none.
    static func parse(_ text: String) throws(InvalidValue) -> Duration {
        if text == "0" { return .zero }
        if text.hasPrefix("-") { throw InvalidValue("a duration cannot be negative") }
        var rest = text[...]
        var total: Int64 = 0
        var next = 0
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            rest = rest[digits.endIndex...]
            let name = rest.prefix { $0.isASCII && $0.isLetter }
            rest = rest[name.endIndex...]
            guard !digits.isEmpty, let unit = units[next...].firstIndex(where: { $0.name == name }) else {
                throw InvalidValue("expected a duration such as 250ms, 2s, 1m30s or 1h")
            }
            next = unit + 1
            guard let count = Int64(digits) else { throw InvalidValue("the duration is too long") }
            let (scaled, overflow) = count.multipliedReportingOverflow(by: units[unit].nanoseconds)
            let (sum, carry) = total.addingReportingOverflow(scaled)
            guard !overflow, !carry else { throw InvalidValue("the duration is too long") }
            total = sum
        }
        guard !text.isEmpty else { throw InvalidValue("expected a duration such as 250ms, 2s, 1m30s or 1h") }
        return .nanoseconds(total)
    }

    /// The shortest text that `parse` reads back; parts of a microsecond are left out.
    public static func write(_ duration: Duration) -> String {
        var rest = duration.wholeNanoseconds
        var text = ""
        for unit in units where rest >= unit.nanoseconds {
            text += "\(rest / unit.nanoseconds)\(unit.name)"
            rest %= unit.nanoseconds
        }
        return text.isEmpty ? "0s" : text
    }
}

extension ValueSchema where Value == Duration {
    /// A duration within a range.
    static func duration(_ range: ClosedRange<Duration>) -> ValueSchema {
        .scalar(
            "duration",
            parse: { text throws(InvalidValue) in
                let duration = try DurationText.parse(text)
                guard range.contains(duration) else {
                    let (low, high) = (DurationText.write(range.lowerBound), DurationText.write(range.upperBound))
                    throw InvalidValue("expected a duration from \(low) to \(high)")
                }
                return duration
            }, write: DurationText.write)
    }

    /// 1 ms to a day: what a time limit may be.
    static var timeLimit: ValueSchema { .duration(.milliseconds(1) ... .seconds(86_400)) }
}
