// Owns the form of the process's own log: one line an event, on standard error.
internal import CLinux
internal import Glibc
internal import Logging

/// Writes `time level message key=value…` lines.
struct LineLogHandler: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info
    /// The prefix of each line, which tells processes apart that write to the same terminal.
    var prefix = ""

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { $1 }
        standardError(prefix + Self.line(level: event.level, message: "\(event.message)", all, time: Self.time()))
    }

    /// The line without its end. No value can end it early or control the terminal.
    static func line(level: Logger.Level, message: String, _ metadata: Logger.Metadata, time: String) -> String {
        var line = "\(time) \(level) \(message)"
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) { line += " \(key)=\(quoted("\(value)"))" }
        return VisibleText.of(line)
    }

    private static func quoted(_ text: String) -> String {
        text.reduce(into: "\"") { $0 += $1 == "\"" || $1 == "\\" ? "\\\($1)" : String($1) } + "\""
    }

    private static func time() -> String {
        let milliseconds = ml_wall_milliseconds()
        var seconds = time_t(milliseconds / 1000)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func pad(_ value: Int32, _ width: Int = 2) -> String {
            let digits = String(value)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let date = "\(parts.tm_year + 1900)-\(pad(parts.tm_mon + 1))-\(pad(parts.tm_mday))"
        let clock = "\(pad(parts.tm_hour)):\(pad(parts.tm_min)):\(pad(parts.tm_sec))"
        return "\(date)T\(clock).\(pad(Int32(milliseconds % 1000), 3))Z"
    }
}
