// Owns compiling the routes of a listener into the tables of a matcher.
internal import Topology

/// What is needed only while the tables are built. Its dictionaries are looked up, never iterated.
struct RouteMatcherBuilder {
    private var hostPositions: [String: Int] = [:]
    private var pathPositions: [PathKey: Int] = [:]

    private struct PathKey: Hashable {
        var space: UInt32
        var path: [UInt8]
    }

    /// Adds the route `number`; routes come in ascending order.
    mutating func add(
        _ definition: RouteDefinition, number: Int32, to matcher: inout RouteMatcher
    ) throws(PathRegexError) {
        var route = RouteMatcher.Route()
        let host = hostPosition(definition.host, in: &matcher)
        route.methods = matcher.methods.count..<(matcher.methods.count + definition.methods.count)
        matcher.methods += definition.methods.map { Array($0.utf8) }
        route.headers = matcher.headers.count..<(matcher.headers.count + definition.headers.count)
        matcher.headers += definition.headers.map(HeaderCondition.init)
        switch definition.path {
        case .any: matcher.hosts[host].anyPath.append(number)
        case .prefix(let text):
            // "/api/" is "/api": a prefix ends on a segment either way. "/" is every path, and `*` of OPTIONS.
            var path = Array(text.utf8)
            while path.last == UInt8(ascii: "/") { path.removeLast() }
            if path.isEmpty {
                matcher.hosts[host].anyPath.append(number)
            } else {
                addPath(path, .prefix, host: host, number: number, to: &matcher)
            }
        case .exact(let text): addPath(Array(text.utf8), .exact, host: host, number: number, to: &matcher)
        case .regex(let pattern):
            route.regex = matcher.regexes.count
            matcher.regexes.append(try PathRegex(pattern))
            matcher.hosts[host].anyPath.append(number)
        }
        matcher.routes.append(route)
    }

    private mutating func hostPosition(_ host: String?, in matcher: inout RouteMatcher) -> Int {
        guard let host else { return 0 }
        var name = host.utf8.map(\.lowercased)
        let isWildcard = name.starts(with: "*.".utf8)
        if isWildcard { name.removeFirst(2) }
        if name.last == UInt8(ascii: "."), name.count > 1 { name.removeLast() }
        let key = (isWildcard ? "*." : "") + String(decoding: name, as: UTF8.self)
        if let known = hostPositions[key] { return known }
        let position = matcher.hosts.count
        matcher.hosts.append(RouteMatcher.Host())
        hostPositions[key] = position
        let kind = isWildcard ? RouteMatcher.HostKind.wildcard : .exact
        matcher.hostTable.insert(name, hash: HostName.hash(name), in: kind.rawValue, value: position)
        return position
    }

    private mutating func addPath(
        _ path: [UInt8], _ kind: RouteMatcher.PathKind, host: Int, number: Int32, to matcher: inout RouteMatcher
    ) {
        let space = RouteMatcher.pathSpace(host, kind)
        let key = PathKey(space: space, path: path)
        if let known = pathPositions[key] {
            matcher.pathRoutes[known].append(number)
            return
        }
        let position = matcher.pathRoutes.count
        pathPositions[key] = position
        matcher.pathRoutes.append([number])
        matcher.hosts[host].longestPath = max(matcher.hosts[host].longestPath, path.count)
        var hash = StableHash()
        hash.combine(path.span)
        matcher.pathTable.insert(path, hash: hash.value, in: space, value: position)
    }
}
