// Owns how a broken rule is told: where, and what to do instead.

/// One place that breaks a rule.
struct Violation: CustomStringConvertible, Equatable {
    let path: String
    /// Counted from 1.
    let line: Int
    let message: String

    var description: String { "\(path):\(line): \(message)" }
}

/// A rule about one Swift file.
struct Rule: Sendable {
    let name: String
    let check: @Sendable (SwiftSource) -> [Violation]

    /// All rules about single files. A new one goes here, with a snippet that breaks it in `RuleTests`.
    static let all: [Rule] = [
        .imports, .fileLength, .functionLength, .opening, .pureCalls, .calls, .names, .unsafeCode, .citations,
    ]
}
