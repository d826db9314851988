// Tests whole files: every kind of mistake at once, the longest example, every key, and the reference.
import Balancing
import Health
import Routing
import Testing
import Topology

@testable import Settings

@Suite struct GoldenTests {
    @Test func everyKindOfMistakeIsShownAtOnce() throws {
        guard case .failure(let invalid) = read(try Golden.text("mistakes.yaml")) else {
            Issue.record("the file was accepted")
            return
        }
        try Golden.expect(invalid.description, equals: "mistakes.txt")
    }

    @Test func theReferenceFollowsTheSchema() throws {
        try Golden.expect(SettingsReference.markdown(), equals: "reference.md")
    }

    @Test func theExampleOfTheDesignIsRead() throws {
        let valid = try read(Golden.text("example.yaml")).get()
        #expect(valid.warnings == [])
        let settings = valid.settings
        #expect(settings.node.id == NodeID("use1-a"))
        #expect(settings.node.datacenter == DatacenterName("us-east"))
        #expect(settings.admin.bind == .host("127.0.0.1", port: 9901))
        #expect(settings.statusBind == .host("0.0.0.0", port: 9902))
        #expect(settings.datacenters.map(\.text) == ["us-east", "eu-west", "ap-south"])

        var shop = ServiceDefinition(name: ServiceName("shop"))
        shop.datacenterPolicy = .primary
        shop.endpointPolicy = .leastRequests
        var check = HTTPCheck()
        check.path = "/healthz"
        shop.healthCheck?.kind = .http(check)
        shop.datacenters = [
            DatacenterDefinition(
                name: DatacenterName("us-east"), weight: 3,
                endpoints: [
                    EndpointDefinition(address: .host("10.0.1.1", port: 80)),
                    EndpointDefinition(address: .host("10.0.1.2", port: 80), weight: 2),
                ]),
            DatacenterDefinition(
                name: DatacenterName("eu-west"), endpoints: [EndpointDefinition(address: .host("10.1.1.1", port: 80))]),
        ]
        #expect(settings.services.first == shop)
        #expect(settings.services.map(\.protocol) == [.http, .tcp])

        var api = RouteDefinition(service: ServiceName("shop"))
        api.host = "shop.example.com"
        api.path = .prefix("/api")
        var web = ListenerDefinition(name: ListenerName("web"), bind: .host("0.0.0.0", port: 8080))
        web.routes = [api, RouteDefinition(service: ServiceName("shop"))]
        var database = ListenerDefinition(name: ListenerName("db"), bind: .host("0.0.0.0", port: 5432))
        database.protocol = .tcp
        database.service = ServiceName("orders-db")
        #expect(settings.listeners == [web, database])
    }

    @Test func everyKeyIsRead() throws {
        let valid = try read(Golden.text("everything.yaml")).get()
        try Golden.expect(leaves(of: valid.settings, at: "settings").joined(separator: "\n"), equals: "everything.txt")
        #expect(valid.warnings.isEmpty)
    }

    /// One line for every value that has no values in it.
    private func leaves(of value: Any, at path: String) -> [String] {
        if value is any CustomStringConvertible && !(value is [Any]) { return ["\(path) = \(value)"] }
        let mirror = Mirror(reflecting: value)
        if mirror.displayStyle == .optional {
            return mirror.children.first.map { leaves(of: $0.value, at: path) } ?? ["\(path) = nil"]
        }
        if mirror.children.isEmpty || mirror.displayStyle == .enum { return ["\(path) = \(value)"] }
        return mirror.children.enumerated().flatMap { index, child in
            leaves(of: child.value, at: child.label.map { "\(path).\($0)" } ?? "\(path)[\(index)]")
        }
    }
}
