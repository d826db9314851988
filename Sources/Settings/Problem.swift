// Owns one finding about a settings file and how it is printed.

/// A place in a settings file.
public struct Mark: Hashable, Comparable, Sendable {
    /// From 1.
    public var line: Int
    /// From 1, in Unicode scalars.
    public var column: Int

    public init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    public static func < (left: Mark, right: Mark) -> Bool {
        (left.line, left.column) < (right.line, right.column)
    }
}

/// One finding about a settings file: what is wrong, where, and what was probably meant.
public struct Problem: Error, Hashable, Sendable {
    /// Whether the file can be used in spite of it.
    public enum Severity: String, Sendable { case error, warning }

    public var severity: Severity
    /// The file, as the operator named it.
    public var path: String
    /// nil: the file as a whole.
    public var mark: Mark?
    /// One line, with a "did you mean" where something known is near.
    public var message: String
    /// The source line and the caret line under it, without line ends; empty when there is no line to show.
    public var excerpt: [String]

    public init(
        _ severity: Severity = .error, path: String, mark: Mark? = nil, message: String, excerpt: [String] = []
    ) {
        self.severity = severity
        self.path = path
        self.mark = mark
        self.message = message
        self.excerpt = excerpt
    }
}

extension Problem: CustomStringConvertible {
    /// `file:line:column: error: message`, then the source line and a caret line, each indented by four spaces.
    public var description: String {
        let place = mark.map { "\(path):\($0.line):\($0.column)" } ?? path
        let lines = ["\(place): \(severity.rawValue): \(message)"] + excerpt.map { "    " + $0 }
        return lines.joined(separator: "\n")
    }
}

/// Everything that is wrong with a file that cannot be used.
public struct InvalidSettings: Error, Hashable, Sendable, CustomStringConvertible {
    /// In the order of the file, warnings among them; at least one is an error. At most `Reading.problemLimit` and one
    /// that counts the rest.
    public var problems: [Problem]

    /// All problems as they are printed, without a line end at the end.
    public var description: String { problems.map(\.description).joined(separator: "\n") }
}
