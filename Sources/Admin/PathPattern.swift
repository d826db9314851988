// Owns how paths of requests are matched with the patterns of endpoints.

/// A pattern such as `/v1/services/{service}`, taken apart once.
struct PathPattern: Sendable {
    private enum Segment: Sendable {
        case word(String)
        case anything(name: String)
    }

    private let segments: [Segment]

    init(_ text: String) {
        segments = text.split(separator: "/").map { part in
            part.hasPrefix("{") ? .anything(name: String(part.dropFirst().dropLast())) : .word(String(part))
        }
    }

    /// The values of the names, if the path matches. Allocates nothing if it does not, since most patterns are tried in
    /// vain.
    func match(_ path: [String]) -> PathParameters? {
        guard path.count == segments.count else { return nil }
        for (index, segment) in segments.enumerated() {
            if case .word(let word) = segment, word != path[index] { return nil }
        }
        var parameters = PathParameters()
        for (index, segment) in segments.enumerated() {
            if case .anything(let name) = segment { parameters.add(name, path[index]) }
        }
        return parameters
    }
}

/// The values of a pattern's names, percent-decoded; so few that a linear search is quickest.
struct PathParameters: Sendable {
    private var values: [(name: String, value: String)] = []

    fileprivate mutating func add(_ name: String, _ value: String) { values.append((name, value)) }

    subscript(name: String) -> String? { values.first { $0.name == name }?.value }
}
