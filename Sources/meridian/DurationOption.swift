// Owns how options of the command line take durations.
internal import ArgumentParser
internal import Settings

/// Reads durations before anything is sent, so that a wrong one is wrong usage.
enum DurationOption {
    /// - Throws: `ValidationError` for what is no duration above zero, or is too long.
    static func duration(_ text: String, atMost limit: Duration? = nil) throws -> Duration {
        guard let duration = DurationText.read(text), duration > .zero else {
            throw ValidationError("'\(text)' is no time above zero with its unit, such as 90s, 10m or 1h30m")
        }
        if let limit, duration > limit {
            throw ValidationError("'\(text)' is more than \(DurationText.write(limit)), the most there may be")
        }
        return duration
    }

    /// The text of a duration, for the API, which takes the same texts.
    static func text(_ text: String, atMost limit: Duration? = nil) throws -> String {
        _ = try duration(text, atMost: limit)
        return text
    }
}
