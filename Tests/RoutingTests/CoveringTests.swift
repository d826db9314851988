// Tests which route leaves nothing to which, against the matcher itself.
import Routing
import Testing
import Topology

@Suite struct CoveringTests {
    private func route(
        _ path: PathPattern = .any, host: String? = nil, methods: [String] = [], headers: [HeaderPattern] = []
    ) -> RouteDefinition {
        var route = RouteDefinition(service: ServiceName("shop"))
        (route.path, route.host, route.methods, route.headers) = (path, host, methods, headers)
        return route
    }

    @Test func byPath() {
        let covered: [(PathPattern, PathPattern)] = [
            (.any, .any), (.any, .regex("/a")), (.prefix("/"), .any), (.prefix("/"), .regex("/a")),
            (.prefix("/api"), .prefix("/api/")), (.prefix("/api/"), .prefix("/api")),
            (.prefix("/api"), .exact("/api/x")), (.exact("/a"), .exact("/a")), (.regex("/a+"), .regex("/a+")),
        ]
        for (first, second) in covered { #expect(route(first).covers(route(second)), "\(first) \(second)") }
        let free: [(PathPattern, PathPattern)] = [
            (.prefix("/api"), .any), (.prefix("/api"), .prefix("/apis")), (.prefix("/api"), .prefix("/")),
            (.prefix("/api/v1"), .prefix("/api")), (.exact("/a"), .prefix("/a")), (.exact("/a"), .exact("/a/")),
            (.regex(".*"), .exact("/a")), (.regex(".*"), .any), (.prefix("/a"), .regex("/a/b")),
        ]
        for (first, second) in free { #expect(!route(first).covers(route(second)), "\(first) \(second)") }
    }

    @Test func byHost() {
        let wild = route(host: "*.example.com")
        #expect(wild.covers(route(host: "a.example.com")))
        #expect(wild.covers(route(host: "*.b.example.com")))
        #expect(wild.covers(wild))
        #expect(!wild.covers(route(host: "example.com")))
        #expect(!wild.covers(route(host: "a.badexample.com")))
        #expect(!wild.covers(route()))
        #expect(route().covers(wild))
        #expect(!route(host: "a.example.com").covers(wild))
    }

    @Test func byMethodAndHeaders() {
        #expect(route(methods: ["GET", "HEAD"]).covers(route(methods: ["HEAD"])))
        #expect(!route(methods: ["GET"]).covers(route(methods: ["GET", "HEAD"])))
        #expect(!route(methods: ["GET"]).covers(route()))
        let any = HeaderPattern(name: "X-Kind", value: nil)
        let one = HeaderPattern(name: "x-kind", value: "one")
        #expect(route(headers: [any]).covers(route(headers: [one])))
        #expect(!route(headers: [one]).covers(route(headers: [any])))
        #expect(!route(headers: [one]).covers(route()))
        #expect(route().covers(route(headers: [one])))
    }
}
