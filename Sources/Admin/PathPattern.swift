// Owns how the paths of requests are told apart by the patterns of endpoints.

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

    /// What stands for the names, of a path that fits. Nothing is made for one that does not: most are tried in vain.
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

/// What stood for a pattern's names, percent-decoded; there are so few that looking through them is quickest.
struct PathParameters: Sendable {
    private var values: [(name: String, value: String)] = []

    fileprivate mutating func add(_ name: String, _ value: String) { values.append((name, value)) }

    subscript(name: String) -> String? { values.first { $0.name == name }?.value }
}
