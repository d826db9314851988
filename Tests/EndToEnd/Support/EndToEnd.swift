// Owns the root of all end-to-end tests: they run one after the other, and tell the logs of their processes when they fail.
import Testing

/// The suites of this target are extensions of this one, so that no two of their tests run at the same time: they
/// measure memory, time and shares, and block the threads of the test runner.
@Suite(
    .serialized, .timeLimit(.minutes(5)),
    .enabled(if: Binary.isNamedOrBuilt, "no binary: build it in release, or set MERIDIAN_BINARY"),
    .compactMapIssues { issue in
        var issue = issue
        // Nested suites inherit this: only the first of them adds the logs.
        guard !issue.comments.contains(where: { $0.rawValue.hasPrefix("---") }) else { return issue }
        issue.comments += ChildProcess.recentLogs().map { Comment(rawValue: $0) }
        return issue
    })
struct EndToEnd {}
