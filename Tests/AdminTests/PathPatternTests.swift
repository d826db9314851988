// Owns the proof of which paths a pattern takes, and what it finds in them.
import Testing

@testable import Admin

@Suite struct PathPatterns {
    private let pattern = PathPattern("/v1/services/{service}/datacenters/{datacenter}/weight")

    @Test func namesAreFound() throws {
        let path = ["v1", "services", "shop", "datacenters", "a/b", "weight"]
        let found = try #require(pattern.match(path))
        #expect(found["service"] == "shop")
        #expect(found["datacenter"] == "a/b")
        #expect(found["address"] == nil)
    }

    @Test(arguments: [
        [], ["v1"], ["v1", "services", "shop", "datacenters", "west", "state"],
        ["v1", "services", "shop", "datacenters", "west"], ["v2", "services", "shop", "datacenters", "west", "weight"],
        ["v1", "services", "shop", "datacenters", "west", "weight", "x"],
    ])
    func othersAreNot(_ path: [String]) { #expect(pattern.match(path) == nil) }

    @Test func nothingIsTheRoot() { #expect(PathPattern("/").match([]) != nil) }
}
