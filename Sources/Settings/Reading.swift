// Owns the state of one reading of a file: the problems found so far, the names defined and the names used.
internal import Routing
internal import Topology

/// What a name stands for, in messages.
enum NameKind: String, Sendable {
    case service, datacenter, listener, member
    case bind = "address"
    case memberAddress = "member's address"
}

/// One reading of one file. Everything that reads reports here and goes on, so that all problems come out at once.
final class Reading {
    /// The most problems that are kept; the rest is counted.
    static let problemLimit = 100

    let path: String
    let source: SourceText
    let environment: (String) -> String?
    /// The top level's timeouts, which services begin with.
    var timeouts = TimeoutPolicy()
    private var problems: [Problem] = []
    private var dropped = 0
    private var settled: Set<Mark> = []
    private var hasErrors = false
    private var definitions: [NameKind: [String: Mark]] = [:]
    /// Bound addresses by port; nil: Unix sockets.
    private var bound: [UInt16?: [(address: Address, mark: Mark)]] = [:]
    private var uses: [(kind: NameKind, name: String, node: YAMLNode)] = []

    init(path: String, text: String, environment: @escaping (String) -> String?) {
        self.path = path
        source = SourceText(text)
        self.environment = environment
    }

    /// A reading of nothing, from which the reference takes the defaults.
    convenience init() { self.init(path: "", text: "", environment: { _ in nil }) }

    // MARK: Problems

    /// Reports a value that does not fit; nothing when `settle` was told that it never could.
    func error(at node: YAMLNode, _ message: String) {
        if !settled.contains(node.start) { error(at: node.start, width: node.width, message) }
    }
    func error(at mark: Mark? = nil, width: Int = 1, _ message: String) {
        hasErrors = true
        add(.error, mark, width, message)
    }
    /// Records that the value's problem is known, so that what follows from it is not reported as another.
    func settle(_ node: YAMLNode) { settled.insert(node.start) }
    func warn(at node: YAMLNode, _ message: String) { add(.warning, node.start, node.width, message) }

    private func add(_ severity: Problem.Severity, _ mark: Mark?, _ width: Int, _ message: String) {
        guard !isFull else {
            dropped += 1
            return
        }
        let mark = mark.map(source.clamped)
        problems.append(
            Problem(
                severity, path: path, mark: mark, message: message,
                excerpt: mark.map { source.excerpt(at: $0, width: width) } ?? []))
    }

    /// Whether no error was found so far. What could not be read holds its default, which means something else.
    var isClean: Bool { !hasErrors }

    /// Whether further problems are only counted.
    var isFull: Bool { problems.count >= Self.problemLimit }

    /// The problems in the order of the file, and whether one of them is an error.
    func finish() -> (problems: [Problem], hasErrors: Bool) {
        var sorted = problems.enumerated().sorted { left, right in
            let (first, second) = (
                left.element.mark ?? Mark(line: 0, column: 0), right.element.mark ?? Mark(line: 0, column: 0)
            )
            return first == second ? left.offset < right.offset : first < second
        }.map(\.element)
        if dropped > 0 { sorted.append(Problem(path: path, message: "\(dropped) further problems are not shown")) }
        return (sorted, hasErrors)
    }

    // MARK: Names

    /// Records that `name` is defined here; a second definition is a problem.
    func define(_ kind: NameKind, _ name: String, at node: YAMLNode) {
        if let first = definitions[kind]?[name] {
            error(at: node, "the \(kind.rawValue) \(quoted(name)) is already used in line \(first.line)")
        } else {
            definitions[kind, default: [:]][name] = node.start
        }
    }

    /// Records that `address` is bound here; a second use of it, or of one that overlaps it, is a problem.
    func bind(_ address: Address, at node: YAMLNode) {
        // Port 0 is another port each time.
        if case .host(_, port: 0) = address { return }
        let port: UInt16? = if case .host(_, let port) = address { port } else { nil }
        let others = bound[port] ?? []
        bound[port, default: []].append((address, node.start))
        if let other = others.first(where: { $0.address != address && $0.address.overlaps(address) }) {
            error(
                at: node,
                "the address \(quoted(address.description)) overlaps \(quoted(other.address.description)), which is bound "
                    + "in line \(other.mark.line)")
        } else {
            define(.bind, address.description, at: node)
        }
    }

    /// Records that `name` is used here, to be found by `resolve`.
    func use(_ kind: NameKind, _ name: String, at node: YAMLNode) { uses.append((kind, name, node)) }

    /// Reports every use of this kind whose name nothing defines; `known` are the names to suggest, in order.
    func resolve(_ kind: NameKind, known: [String]) {
        for use in uses where use.kind == kind && definitions[kind]?[use.name] == nil {
            let near = Suggestion.nearest(to: use.name, among: known).map { "; did you mean '\($0)'?" } ?? ""
            error(at: use.node, "there is no \(kind.rawValue) \(quoted(use.name))\(near)")
        }
    }
}
