// Owns which routes can never be reached, because one before them takes all that they would.

extension RouteDefinition {
    /// Whether every request that the other matches is matched by this one, too. Says no where that is hard to tell:
    /// between regular expressions.
    public func covers(_ other: RouteDefinition) -> Bool {
        coversHost(of: other) && path.covers(other.path)
            && (methods.isEmpty || !other.methods.isEmpty && other.methods.allSatisfy(methods.contains))
            && headers.allSatisfy { wanted in other.headers.contains { wanted.covers($0) } }
    }

    private func coversHost(of other: RouteDefinition) -> Bool {
        guard let host else { return true }
        guard let otherHost = other.host else { return false }
        // "*.example.com" is one label or more before ".example.com", also those of "*.eu.example.com".
        return host == otherHost || host.hasPrefix("*.") && otherHost.hasSuffix(host.dropFirst())
    }
}

extension PathPattern {
    fileprivate func covers(_ other: PathPattern) -> Bool {
        switch (self, other) {
        case (.any, _): return true
        case (.prefix(let path), .prefix(let below)), (.prefix(let path), .exact(let below)):
            let prefix = Self.segments(path)
            return Self.segments(below).starts(with: prefix)
        case (.prefix(let path), _): return Self.segments(path).isEmpty
        case (.exact(let path), .exact(let same)): return path == same
        case (.regex(let pattern), .regex(let same)): return pattern == same
        case (.exact, _), (.regex, _): return false
        }
    }

    /// "/api/" is "/api", and "/" is every path.
    private static func segments(_ path: String) -> [Substring] {
        var segments = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        while segments.last?.isEmpty == true { segments.removeLast() }
        return Array(segments)
    }
}

extension HeaderPattern {
    /// Whether it holds wherever the other does.
    fileprivate func covers(_ other: HeaderPattern) -> Bool {
        name.lowercased() == other.name.lowercased() && (value == nil || value == other.value)
    }
}
