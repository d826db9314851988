// Owns what the tests of the admin API share: a node without a data plane, and requests to it.
import Admin
import Balancing
import Catalog
import ControlPlane
import DataPlane
import Foundation
import HTTPTransport
import Proactor
import Routing
import Switching
import Settings
import Synchronization
import Testing
import Topology

/// A node as the API sees it; what a reload comes to is set by the test.
final class FakeNode: NodeOperations {
    private let inForce: Mutex<Settings>
    private let stopping = Atomic(false)
    private let outcome = Mutex(Optional(ReloadOutcome.applied(warnings: [])))
    private let reloadCount = Atomic(0)

    init(_ settings: Settings) { inForce = Mutex(settings) }

    var settings: Settings { inForce.withLock { $0 } }
    let configurationFile = ConfigurationFile(path: "/etc/meridian.yaml", text: "# ${TOKEN}\n" + Site.configuration)
    var isStopping: Bool { stopping.load(ordering: .relaxed) }
    var reloads: Int { reloadCount.load(ordering: .relaxed) }
    func beginStop() { stopping.store(true, ordering: .relaxed) }
    /// nil: no reload is taken any more.
    func reloads(endWith outcome: ReloadOutcome?) { self.outcome.withLock { $0 = outcome } }

    func reload(then: @escaping @Sendable (ReloadOutcome) -> Void) -> Bool {
        guard let outcome = outcome.withLock({ $0 }) else { return false }
        reloadCount.add(1, ordering: .relaxed)
        then(outcome)
        return true
    }
}

/// Nobody routes by these tables.
struct NoSink: RoutingSink {
    func publish(_ table: RoutingTable) {}
    func command(_ order: GateOrder, for service: ServiceName) {}
    func cut(olderThan generation: UInt64, of service: ServiceName) {}
    /// Nothing is in flight where nobody is.
    func confirmedGeneration(of service: ServiceName) -> UInt64 { .max }
    func listenForConfirmations(_ listener: @escaping @Sendable (ServiceName) -> Void) {}
    func remind(of service: ServiceName) {}
    func setLease(_ lease: Duration) {}
}

struct NoTraffic: TrafficReader {
    func endpointTraffic() -> [EndpointTraffic] { [] }
    func resetErrors(of id: EndpointID) {}
    func listenForFailures(_ listener: @escaping @Sendable () -> Void) {}
    func failuresAreBeingRead() {}
}

/// An admin server with two services, `shop` (with a primary) and `files`; ended when let go.
final class Site {
    static let configuration = """
        node: { id: test, datacenter: west }
        admin: { bind: "127.0.0.1:0" }
        status: { bind: "127.0.0.1:0" }
        datacenters: [ { name: west }, { name: east } ]
        services:
          - name: shop
            datacenter_policy: primary
            datacenters:
              west: { weight: 3, endpoints: [ "127.0.0.1:1", "127.0.0.1:2" ] }
              east: { endpoints: [ "127.0.0.2:1", "unix:/run/a b/x" ] }
          - name: files
            datacenter_policy: weighted
            datacenters:
              west: { endpoints: [ "127.0.0.1:3" ] }
              east: { endpoints: [ "127.0.0.2:3" ] }
        listeners:
          - { name: web, bind: "127.0.0.1:8080", routes: [ { path: /files, service: files }, { service: shop } ] }
        """

    let settings: Settings
    let node: FakeNode
    let counters = TrafficCounters()
    let control: ControlPlane
    let admin: AdminServer

    init(_ change: (inout Settings) -> Void = { _ in }) throws {
        var settings = try Self.read(Self.configuration)
        // Nothing listens there, and no verdict may come between.
        for index in settings.services.indices { settings.services[index].healthCheck = nil }
        change(&settings)
        self.settings = settings
        node = FakeNode(settings)
        control = try ControlPlane(
            ControlSettings(
                node: settings.node.id, datacenter: settings.node.datacenter, services: settings.services),
            layout: RoutingLayout(services: settings.services, listeners: settings.listeners), io: .epoll,
            sink: NoSink(), traffic: NoTraffic())
        let sources = AdminSources(control: control, counters: counters, node: node, version: "1.2.3")
        do {
            admin = try AdminServer(settings, io: .epoll, sources: sources)
        } catch {
            control.stop()
            throw error
        }
    }

    deinit {
        admin.stop()
        control.stop()
    }

    static func read(_ text: String) throws -> Settings {
        try SettingsReader.read(text: text, path: "test.yaml") { _ in nil }.get().settings
    }

    var base: String { "http://\(admin.address)" }

    /// One request. `fields` may hold a `Host` of its own.
    func ask(
        _ method: String, _ path: String, _ body: String = "", _ fields: [(name: String, value: String)] = [],
        base: String? = nil
    ) throws -> HTTPResponse {
        try BlockingHTTPClient.request(
            method, (base ?? self.base) + path, fields: fields, body: Array(body.utf8), timeout: .seconds(20))
    }
}

extension HTTPResponse {
    var text: String { String(decoding: body, as: UTF8.self) }

    /// The body as JSON.
    var document: [String: Any] {
        get throws { try #require(try JSONSerialization.jsonObject(with: Data(body)) as? [String: Any]) }
    }

    /// What a refusal says, once it is sure that it has the one form of refusals (RFC 9457).
    func problem(_ status: Int) throws -> String {
        #expect(self.status == status, "\(text)")
        #expect(self[field: "content-type"] == "application/problem+json")
        let document = try document
        #expect(document["status"] as? Int == status)
        #expect((document["title"] as? String)?.isEmpty == false)
        return try #require(document["detail"] as? String)
    }
}

/// A document's part by its keys; numbers are positions in lists.
func part(_ document: Any?, _ keys: Any...) -> Any? {
    keys.reduce(document) { value, key in
        if let key = key as? String { return (value as? [String: Any])?[key] }
        guard let list = value as? [Any], let index = key as? Int, list.indices.contains(index) else { return nil }
        return list[index]
    }
}
