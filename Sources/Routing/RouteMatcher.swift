// Owns finding the route of a request: the index of hosts and paths, and the order in which it is searched.
internal import Topology

/// The routes of one listener, compiled. The first route of the settings whose conditions all hold is the match.
///
/// Hosts are found by hash, in one pass over the name with all wildcards that could apply; within a host, prefixes and
/// exact paths are found by hash at each segment's end. So the time depends on the request's length and on how many
/// routes share a host and a path, not on the number of routes. Nothing is allocated for a request.
///
/// A class of constants; if it were a value, each use would count references to all of its tables.
public final class RouteMatcher: Sendable {
    /// The answer when the first route has no condition at all.
    private let matchesAlways: Bool
    private let routes: [RouteTables.Route]
    private let hosts: [RouteTables.Host]
    private let hostTable: ByteTable
    private let hasWildcards: Bool
    private let pathTable: ByteTable
    private let paths: [Range<Int>]
    private let numbers: [Int32]
    private let methods: [[UInt8]]
    private let headers: [HeaderCondition]
    private let patterns: [PositionAutomaton]

    /// Compiles `definitions`; the numbers that `match` returns are their positions.
    public init(_ definitions: [RouteDefinition]) throws(PathRegexError) {
        var builder = RouteMatcherBuilder()
        var tables = RouteTables()
        for (number, definition) in definitions.enumerated() {
            try builder.add(definition, number: Int32(number), to: &tables)
        }
        builder.finish(&tables)
        matchesAlways = tables.matchesAlways
        routes = tables.routes
        hosts = tables.hosts
        hostTable = tables.hostTable
        hasWildcards = tables.hasWildcards
        pathTable = tables.pathTable
        paths = tables.paths
        numbers = tables.numbers
        methods = tables.methods
        headers = tables.headers
        patterns = tables.patterns
    }

    /// The number of the first route that matches; nil: none does.
    ///
    /// - Parameters:
    ///   - host: the authority, in any case, with or without a port.
    ///   - path: the normalised path, without the query.
    ///   - method: as received (methods are case-sensitive, RFC 9110 section 9.1).
    ///   - header: whether the request has a field that satisfies the condition; called only if everything else
    ///     matches.
    public func match(
        host: Span<UInt8>, path: Span<UInt8>, method: Span<UInt8>, header: (HeaderCondition) -> Bool
    ) -> Int? {
        if matchesAlways { return 0 }
        var best = Int.max
        let length = HostName.length(host)
        if !hostTable.isEmpty, length > 0 {
            var hash = StableHash()
            for index in stride(from: length - 1, through: 0, by: -1) {
                if hasWildcards, host[index] == UInt8(ascii: "."), index > 0, index < length - 1 {
                    let ending = host.extracting((index + 1)..<length)
                    if let found = position(of: ending, hash.value, .wildcard) {
                        search(found, path: path, method: method, header: header, best: &best)
                    }
                }
                hash.combine(host[index].lowercased)
            }
            if let found = position(of: host.extracting(0..<length), hash.value, .exact) {
                search(found, path: path, method: method, header: header, best: &best)
            }
        }
        search(0, path: path, method: method, header: header, best: &best)
        return best == .max ? nil : best
    }

    private func position(of name: Span<UInt8>, _ hash: UInt64, _ kind: RouteTables.HostKind) -> Int? {
        hostTable.value(of: name, hash: hash, in: kind.rawValue, .ignoringCase)
    }

    /// Lowers `best` to the first matching route of a host.
    private func search(
        _ position: Int, path: Span<UInt8>, method: Span<UInt8>, header: (HeaderCondition) -> Bool, best: inout Int
    ) {
        let longest = hosts[position].longestPath
        if longest > 0 {
            var hash = StableHash()
            for index in 0..<min(path.count, longest + 1) {
                // "/api" ends a segment before "/" and at the end of the path.
                if index > 0, path[index] == UInt8(ascii: "/") {
                    let list = pathList(position, path.extracting(0..<index), hash.value, .prefix)
                    test(list, path: path, method: method, header: header, best: &best)
                }
                hash.combine(path[index])
            }
            if path.count <= longest {
                let prefix = pathList(position, path, hash.value, .prefix)
                test(prefix, path: path, method: method, header: header, best: &best)
                let exact = pathList(position, path, hash.value, .exact)
                test(exact, path: path, method: method, header: header, best: &best)
            }
        }
        test(hosts[position].anyPath, path: path, method: method, header: header, best: &best)
    }

    private func pathList(_ host: Int, _ path: Span<UInt8>, _ hash: UInt64, _ kind: RouteTables.PathKind) -> Range<Int>
    {
        pathTable.value(of: path, hash: hash, in: RouteTables.pathSpace(host, kind), .exact).map { paths[$0] } ?? 0..<0
    }

    private func test(
        _ list: Range<Int>, path: Span<UInt8>, method: Span<UInt8>, header: (HeaderCondition) -> Bool, best: inout Int
    ) {
        for place in list {
            let number = Int(numbers[place])
            if number >= best { return }
            if holds(routes[number], path: path, method: method, header: header) {
                best = number
                return
            }
        }
    }

    /// Whether the conditions beyond host and path hold, the cheapest first.
    private func holds(
        _ route: RouteTables.Route, path: Span<UInt8>, method: Span<UInt8>, header: (HeaderCondition) -> Bool
    ) -> Bool {
        if !route.methods.isEmpty {
            var isListed = false
            for index in route.methods {
                let listed = methods[index]
                isListed = isListed || Self.equal(listed.span, method)
            }
            guard isListed else { return false }
        }
        if let regex = route.regex, !patterns[regex].accepts(path) { return false }
        for condition in route.headers where !header(headers[condition]) { return false }
        return true
    }

    private static func equal(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
        guard left.count == right.count else { return false }
        for index in left.indices where left[index] != right[index] { return false }
        return true
    }
}
