// Tests which route a request takes.
import Routing
import Testing
import Topology

/// A request, and the route it must take.
struct RequestCase: Sendable, CustomTestStringConvertible {
    var host: String
    var path: String
    var method = "GET"
    var fields: [(String, String)] = []
    var route: Int?
    var testDescription: String { "\(method) \(host)\(path)" }

    init(_ host: String, _ path: String, _ route: Int?, method: String = "GET", fields: [(String, String)] = []) {
        self.host = host
        self.path = path
        self.route = route
        self.method = method
        self.fields = fields
    }

    func match(_ matcher: RouteMatcher) -> Int? {
        matcher.match(
            host: Array(host.utf8).span, path: Array(path.utf8).span, method: Array(method.utf8).span,
            header: { condition in
                fields.contains { name, value in
                    condition.isSatisfied(by: Array(name.utf8).span, value: Array(value.utf8).span)
                }
            })
    }
}

func route(
    host: String? = nil, _ path: PathPattern = .any, methods: [String] = [], headers: [HeaderPattern] = []
) -> RouteDefinition {
    var route = RouteDefinition(service: ServiceName("s"))
    route.host = host
    route.path = path
    route.methods = methods
    route.headers = headers
    return route
}

@Suite struct RouteMatcherTests {
    private static let routes = [
        route(host: "shop.example.com", .prefix("/api")),  // 0
        route(host: "shop.example.com", .exact("/health")),  // 1
        route(host: "*.example.com", .prefix("/static/")),  // 2
        route(host: "*.shop.example.com"),  // 3
        route(host: "shop.example.com", .regex("/v[0-9]+/.*")),  // 4
        route(host: "shop.example.com", .prefix("/api/deep")),  // 5: behind 0, never reached
        route(.prefix("/only"), methods: ["POST", "PUT"]),  // 6
        route(.prefix("/only"), headers: [HeaderPattern(name: "X-Beta", value: "1")]),  // 7
        route(.exact("/only/a"), headers: [HeaderPattern(name: "x-any", value: nil)]),  // 8
        route(host: "shop.example.com"),  // 9
        route(host: "[::1]"),  // 10
        route(host: "*.example.com"),  // 11
        route(.prefix("/")),  // 12
    ]

    @Test(arguments: [
        RequestCase("shop.example.com", "/api", 0), RequestCase("shop.example.com", "/api/", 0),
        RequestCase("shop.example.com", "/api/deep/x", 0), RequestCase("shop.example.com", "/apix", 9),
        RequestCase("shop.example.com", "/API", 9), RequestCase("shop.example.com", "/ap", 9),
        RequestCase("SHOP.Example.COM", "/api", 0), RequestCase("shop.example.com:8080", "/api", 0),
        RequestCase("shop.example.com.", "/api", 0), RequestCase("shop.example.com.:80", "/api", 0),
        RequestCase("shop.example.com..", "/api", 12), RequestCase("xshop.example.com", "/api", 11),
        RequestCase("shop.example.com", "/health", 1), RequestCase("shop.example.com", "/health/", 9),
        RequestCase("shop.example.com", "/v12/x", 4), RequestCase("shop.example.com", "/vx/x", 9),
        RequestCase("cdn.example.com", "/static", 2), RequestCase("cdn.example.com", "/static/a/b", 2),
        RequestCase("cdn.example.com", "/statics", 11), RequestCase("shop.example.com", "/static/x", 2),
        RequestCase("a.b.example.com", "/static/x", 2), RequestCase("a.shop.example.com", "/x", 3),
        RequestCase("a.shop.example.com", "/static/x", 2), RequestCase("example.com", "/static/x", 12),
        RequestCase(".example.com", "/static/x", 12), RequestCase("[::1]", "/x", 10), RequestCase("[::1]:80", "/x", 10),
        RequestCase("", "/x", 12), RequestCase(".", "/x", 12), RequestCase(":80", "/x", 12), RequestCase("[", "/x", 12),
        RequestCase("other", "*", 12), RequestCase("other", "", 12),
        RequestCase("other", "/only", 6, method: "POST"), RequestCase("other", "/only/b", 6, method: "PUT"),
        RequestCase("other", "/only", 12, method: "post"), RequestCase("other", "/only", 12, method: "PUTS"),
        RequestCase("other", "/only", 7, fields: [("x-BETA", "1")]),
        RequestCase("other", "/only", 7, fields: [("x-beta", "0"), ("x-beta", "1")]),
        RequestCase("other", "/only", 12, fields: [("x-beta", "10")]),
        RequestCase("other", "/only/a", 8, fields: [("X-Any", "")]), RequestCase("other", "/only/a", 12),
        RequestCase("shop.example.com", "/only", 6, method: "POST"),
    ])
    func takesTheFirstThatMatches(_ row: RequestCase) throws {
        #expect(row.match(try RouteMatcher(Self.routes)) == row.route)
    }

    @Test func withoutRoutesNothingMatches() throws {
        #expect(RequestCase("a", "/", nil).match(try RouteMatcher([])) == nil)
    }

    @Test func oneRouteWithoutConditionsTakesAll() throws {
        let matcher = try RouteMatcher([route(), route(host: "a")])
        #expect(RequestCase("a", "/x", 0).match(matcher) == 0)
        let conditional = try RouteMatcher([route(methods: ["GET"])])
        #expect(RequestCase("a", "/", 0).match(conditional) == 0)
        #expect(RequestCase("a", "/", nil, method: "PUT").match(conditional) == nil)
    }

    @Test func aBadPatternIsRefused() {
        #expect(throws: PathRegexError.self) { try RouteMatcher([route(.regex("("))]) }
    }

    /// Random routes and requests against a walk over the definitions in their order.
    @Test(arguments: 1...10 as ClosedRange<UInt64>)
    func agreesWithAWalkOverTheDefinitions(_ seed: UInt64) throws {
        var random = RandomBits(seed: seed)
        let hosts: [String?] = [nil, "a", "b.a", "c.b.a", "*.a", "*.b.a", "aa"]
        let paths = ["/", "/x", "/x/y", "/x/y/z", "/xy", "/xy/z", "/y", "/y/x"]
        let definitions = (0..<150).map { _ in
            let path = paths[random.below(paths.count)]
            let pattern = [PathPattern.any, .prefix(path), .prefix(path), .exact(path), .regex(path + ".?")][
                random.below(5)]
            return route(
                host: hosts[random.below(hosts.count)], pattern, methods: random.below(10) > 0 ? ["PUT"] : [])
        }
        let matcher = try RouteMatcher(definitions)
        for _ in 0..<500 {
            let host = ["a", "b.a", "c.b.a", "d.c.b.a", "aa", "x"][random.below(6)]
            let path = paths[random.below(paths.count)] + ["", "/", "/z"][random.below(3)]
            let request = RequestCase(host, path, nil, method: random.below(2) == 0 ? "PUT" : "GET")
            let expected = definitions.firstIndex { Self.holds($0, request) }
            #expect(request.match(matcher) == expected, "\(request.testDescription), seed \(seed)")
        }
    }

    private static func holds(_ route: RouteDefinition, _ request: RequestCase) -> Bool {
        if let host = route.host {
            let isWildcard = host.hasPrefix("*.")
            guard isWildcard ? request.host.hasSuffix(host.dropFirst()) : request.host == host else { return false }
        }
        guard route.methods.isEmpty || route.methods.contains(request.method) else { return false }
        switch route.path {
        case .any, .prefix("/"): return true
        case .prefix(let path): return request.path == path || request.path.hasPrefix(path + "/")
        case .exact(let path): return request.path == path
        case .regex(let pattern):
            let path = String(pattern.dropLast(2))
            return request.path.hasPrefix(path) && request.path.utf8.count <= path.utf8.count + 1
        }
    }
}
