// Owns where unsafe code may live, and that each use says why it is right.

/// The places.
enum UnsafePlaces {
    static let targets: Set<String> = ["Proactor", "TLS"]

    /// Single files elsewhere, each with its reason. Nothing is added here that a shim of `Proactor` could do.
    static let exceptions: [String: String] = [
        "Sources/HTTPWire/OutputWriter.swift":
            "the one bulk copy of a head; a loop over bytes costs a tenth of a request",
        "Sources/DataPlane/AccessLogFile.swift": "write(2) of a batch of lines, on the log's own thread",
        "Sources/meridian/Failure.swift": "write(2) of the last message of a process that ends",
        "Sources/meridian/Composition.swift": "read(2) of error pages at the start of the process",
        "Sources/meridian/ChildProcess.swift": "posix_spawn(3) takes its arguments as C texts",
        "Sources/HTTPWire/Bytes.swift": "eight bytes at a time through RawSpan, which checks its bounds",
        "Sources/Settings/YAMLEvents.swift": "libyaml's parser and events are C structures behind pointers",
        "Sources/Settings/SettingsFile.swift": "read(2) and getenv(3) at the start of the process",
    ]

    /// How many lines above a use its `SAFETY:` may stand, and how many below its first line: inside what it opens.
    static let above = 15
    static let below = 3

    static func allows(_ path: String) -> Bool {
        let parts = path.split(separator: "/").map(String.init)
        guard parts.count > 2, parts[0] == "Sources" else { return true }
        return targets.contains(parts[1]) || exceptions[path] != nil
    }
}

extension Rule {
    static let unsafeCode = Rule(name: "unsafe code") { source in
        guard source.target != nil else { return [] }
        return source.unsafeUses.compactMap { use in
            guard UnsafePlaces.allows(source.path) else {
                return Violation(
                    path: source.path, line: use.line,
                    message: "`\(use.text)`: unsafe code lives in Proactor, TLS and C shims")
            }
            if source.isExplained(use) { return nil }
            return Violation(
                path: source.path, line: use.line, message: "`\(use.text)` has no `// SAFETY:` line beside it")
        }
    }
}

extension SwiftSource {
    private static let prefixes = ["withUnsafe", "unsafe", "Unmanaged", "@unchecked", "@unsafe"]

    fileprivate var unsafeUses: [Token] {
        tokens.filter { token in
            Self.prefixes.contains { token.text.hasPrefix($0) }
                || token.text.hasPrefix("Unsafe") && token.text.hasSuffix("Pointer")
        }
    }

    fileprivate func isExplained(_ use: Token) -> Bool {
        safetyLines.contains { (use.line - UnsafePlaces.above...use.line + UnsafePlaces.below).contains($0) }
    }
}
