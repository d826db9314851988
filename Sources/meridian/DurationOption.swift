// Owns how options of the command line take durations.
internal import ArgumentParser
internal import Settings

/// Parses durations before anything is sent, so that an invalid one counts as wrong usage.
enum DurationOption {
    /// - Throws: `ValidationError` unless it is a duration above zero that is not too long.
    static func duration(_ text: String, atMost limit: Duration? = nil) throws -> Duration {
        guard let duration = DurationText.read(text), duration > .zero else {
            throw ValidationError("'\(text)' is no time above zero with its unit, such as 90s, 10m or 1h30m")
        }
        if let limit, duration > limit {
            throw ValidationError("'\(text)' is more than \(DurationText.write(limit)), the most there may be")
        }
        return duration
    }

    /// The text of a duration for the API, which accepts the same texts.
    static func text(_ text: String, atMost limit: Duration? = nil) throws -> String {
        _ = try duration(text, atMost: limit)
        return text
    }
}
