// Owns the way from a file's text to settings or to everything that is wrong with it.

/// Settings that can be used, and what is odd about them.
public struct ValidSettings: Hashable, Sendable {
    public var settings: Settings
    /// In the order of the file; each prints like an error.
    public var warnings: [Problem]
    /// The text that they were read from, with `${…}` as it is written there.
    public var text: String
}

/// Reads settings files.
public enum SettingsReader {
    /// Reads one file.
    ///
    /// - Parameters:
    ///   - text: the file, at most 4 MiB of YAML.
    ///   - path: the file as problems name it.
    ///   - environment: the value of an environment variable; nil when it is not set.
    /// - Returns: the settings, or all problems at once. A text that is not YAML has that problem only, since nothing
    ///   in it can be told.
    public static func read(
        text: String, path: String, environment: @escaping (String) -> String?
    ) -> Result<ValidSettings, InvalidSettings> {
        let content = content(of: text)
        let reading = Reading(path: path, text: content, environment: environment)
        var settings = Settings()
        if let root = YAMLTree.root(of: content, reading), let draft = Draft.section.read(root, reading) {
            settings = Assembly.settings(from: draft, root: root, reading)
        }
        let (problems, hasErrors) = reading.finish()
        if hasErrors { return .failure(InvalidSettings(problems: problems)) }
        return .success(ValidSettings(settings: settings, warnings: problems, text: text))
    }

    /// A byte order mark (YAML 1.2.2 §5.2) is no part of what is written, and would shift the first line's marks.
    fileprivate static func content(of text: String) -> String {
        text.unicodeScalars.first == "\u{FEFF}" ? String(text.unicodeScalars.dropFirst()) : text
    }
}

extension ValidSettings {
    /// What is wrong with a value in a way that only shows in use: a file that it names is missing, say.
    ///
    /// - Parameters:
    ///   - keys: the way to the value from the top level, through sections, and lists by number from 0.
    ///   - path: the file as problems name it.
    public func problem(
        _ severity: Problem.Severity = .error, at keys: [String], path: String, _ message: String
    ) -> Problem {
        // Where values stand is not kept: this is asked once, before a start that fails.
        let reading = Reading(path: path, text: SettingsReader.content(of: text), environment: { _ in "" })
        let root = YAMLTree.root(of: SettingsReader.content(of: text), reading)
        let node = keys.reduce(root) { node, key in
            node?[key]
                ?? Int(key).flatMap { index in node.flatMap { $0.items.indices.contains(index) ? $0.items[index] : nil }
                }
        }
        guard let node else { return Problem(severity, path: path, message: message) }
        let mark = reading.source.clamped(node.start)
        return Problem(
            severity, path: path, mark: mark, message: message,
            excerpt: reading.source.excerpt(at: mark, width: node.width))
    }
}
