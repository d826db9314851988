// Owns compiling the routes of a listener into the tables of a matcher.
internal import Topology

/// Needed only while the tables are built. Its dictionaries are only looked up, never iterated.
struct RouteMatcherBuilder {
    private var hostPositions: [String: Int] = [:]
    private var pathPositions: [PathKey: Int] = [:]
    /// Routes by host for any path, and by path; ascending, since they come in that order. The first host is "every".
    private var anyPathRoutes: [[Int32]] = [[]]
    private var pathRoutes: [[Int32]] = []
    private var longestPaths = [0]

    private struct PathKey: Hashable {
        var space: UInt32
        var path: [UInt8]
    }

    /// Adds the route `number`; routes come in ascending order.
    mutating func add(
        _ definition: RouteDefinition, number: Int32, to matcher: inout RouteTables
    ) throws(PathRegexError) {
        var route = RouteTables.Route()
        let host = hostPosition(definition.host, in: &matcher)
        route.methods = matcher.methods.count..<(matcher.methods.count + definition.methods.count)
        matcher.methods += definition.methods.map { Array($0.utf8) }
        route.headers = matcher.headers.count..<(matcher.headers.count + definition.headers.count)
        matcher.headers += definition.headers.map(HeaderCondition.init)
        switch definition.path {
        case .any: anyPathRoutes[host].append(number)
        case .prefix(let text):
            // "/api/" is the same as "/api": a prefix ends on a segment either way. "/" is every path, and `*` of
            // OPTIONS.
            var path = Array(text.utf8)
            while path.last == UInt8(ascii: "/") { path.removeLast() }
            if path.isEmpty {
                anyPathRoutes[host].append(number)
            } else {
                addPath(path, .prefix, host: host, number: number, to: &matcher)
            }
        case .exact(let text): addPath(Array(text.utf8), .exact, host: host, number: number, to: &matcher)
        case .regex(let pattern):
            route.regex = matcher.patterns.count
            matcher.patterns.append(try PathRegex(pattern).automaton)
            anyPathRoutes[host].append(number)
        }
        matcher.routes.append(route)
    }

    private mutating func hostPosition(_ host: String?, in matcher: inout RouteTables) -> Int {
        guard let host else { return 0 }
        var name = host.utf8.map(\.lowercased)
        let isWildcard = name.starts(with: "*.".utf8)
        if isWildcard { name.removeFirst(2) }
        if name.last == UInt8(ascii: "."), name.count > 1 { name.removeLast() }
        let key = (isWildcard ? "*." : "") + String(decoding: name, as: UTF8.self)
        if let known = hostPositions[key] { return known }
        let position = anyPathRoutes.count
        anyPathRoutes.append([])
        longestPaths.append(0)
        hostPositions[key] = position
        matcher.hasWildcards = matcher.hasWildcards || isWildcard
        let kind = isWildcard ? RouteTables.HostKind.wildcard : .exact
        matcher.hostTable.insert(name, hash: HostName.hash(name), in: kind.rawValue, value: position)
        return position
    }

    private mutating func addPath(
        _ path: [UInt8], _ kind: RouteTables.PathKind, host: Int, number: Int32, to matcher: inout RouteTables
    ) {
        let space = RouteTables.pathSpace(host, kind)
        let key = PathKey(space: space, path: path)
        if let known = pathPositions[key] {
            pathRoutes[known].append(number)
            return
        }
        let position = pathRoutes.count
        pathPositions[key] = position
        pathRoutes.append([number])
        longestPaths[host] = max(longestPaths[host], path.count)
        var hash = StableHash()
        hash.combine(path.span)
        matcher.pathTable.insert(path, hash: hash.value, in: space, value: position)
    }

    /// Lays the lists out one after the other, once all routes have been added.
    func finish(_ matcher: inout RouteTables) {
        func place(_ list: [Int32], in numbers: inout [Int32]) -> Range<Int> {
            numbers += list
            return numbers.count - list.count..<numbers.count
        }
        for (list, longest) in zip(anyPathRoutes, longestPaths) {
            let range = place(list, in: &matcher.numbers)
            matcher.hosts.append(RouteTables.Host(anyPath: range, longestPath: longest))
        }
        for list in pathRoutes { matcher.paths.append(place(list, in: &matcher.numbers)) }
    }
}
