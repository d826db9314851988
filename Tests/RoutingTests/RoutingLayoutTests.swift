// Tests resolving what listeners refer to, and what is refused.
import Catalog
import Health
import Routing
import Testing
import Topology

@Suite struct RoutingLayoutTests {
    private let services = ["a", "b"].map { ServiceDefinition(name: ServiceName($0)) }

    private func listener(_ name: String, _ routes: [RouteDefinition]) -> ListenerDefinition {
        var listener = ListenerDefinition(name: ListenerName(name), bind: .host("0.0.0.0", port: 80))
        listener.routes = routes
        return listener
    }

    private func tcp(_ name: String, _ service: ServiceName?) -> ListenerDefinition {
        var listener = ListenerDefinition(name: ListenerName(name), bind: .host("0.0.0.0", port: 81))
        listener.protocol = .tcp
        listener.service = service
        return listener
    }

    @Test func routesAndListenersFindTheirServices() throws {
        var second = RouteDefinition(service: ServiceName("a"))
        second.host = "a.example.com"
        let web = listener("web", [second, RouteDefinition(service: ServiceName("b"))])
        let layout = try RoutingLayout(services: services, listeners: [web, tcp("db", ServiceName("b"))])
        let table = RoutingTable(layout, .init(catalog: Catalog()), version: 7, now: .zero)
        #expect(table.version == 7)
        #expect(table.listeners.map(\.name.text) == ["web", "db"])
        #expect(table.listeners[0].targets.map(\.service) == [0, 1] && table.listeners[0].service == nil)
        #expect(table.listeners[1].targets.isEmpty && table.listeners[1].service == 1)
        #expect(RequestCase("a.example.com", "/", 0).match(table.listeners[0].matcher) == 0)
        #expect(table.position(of: ServiceName("b")) == 1)
        #expect(table.position(of: ServiceName("c")) == nil)
        #expect(table.service(ServiceName("b"))?.name == ServiceName("b"))
    }

    @Test func refusesWhatDoesNotResolve() {
        let c = ServiceName("c")
        var pattern = RouteDefinition(service: ServiceName("a"))
        pattern.path = .regex("/(")
        let rows: [([ServiceDefinition], ListenerDefinition, RoutingLayoutError)] = [
            (
                services, listener("web", [RouteDefinition(service: c)]),
                .unknownService(c, listener: ListenerName("web"))
            ),
            (services, tcp("db", c), .unknownService(c, listener: ListenerName("db"))),
            (services, tcp("db", nil), .noService(listener: ListenerName("db"))),
            (services + services, listener("web", []), .duplicateService(ServiceName("a"))),
        ]
        for (services, listener, error) in rows {
            #expect(throws: error) { try RoutingLayout(services: services, listeners: [listener]) }
        }
        let bad = listener("web", [RouteDefinition(service: ServiceName("a")), pattern])
        do {
            _ = try RoutingLayout(services: services, listeners: [bad])
            Issue.record("the pattern was taken")
        } catch {
            guard case .pattern(let problem, listener: ListenerName("web"), route: 1) = error else {
                Issue.record("another error: \(error)")
                return
            }
            #expect(problem.offset == 1)
        }
    }

    @Test func conditionsOfVanishedEndpointsAreForgotten() throws {
        var service = services[0]
        let kept = address("10.0.0.1:80")
        service.datacenters = [.init(name: DatacenterName("x"), endpoints: [.init(address: kept)])]
        let here = EndpointID(service: service.name, datacenter: DatacenterName("x"), address: kept)
        let gone = EndpointID(service: service.name, datacenter: DatacenterName("y"), address: kept)
        var conditions = EndpointConditions()
        conditions[here] = EndpointCondition(health: .down)
        conditions[gone] = EndpointCondition(health: .down)
        conditions.keep(only: try RoutingLayout(services: [service], listeners: []))
        #expect(conditions[here].health == .down)
        #expect(conditions[gone] == EndpointCondition())
    }

    private func address(_ text: String) -> Address { Address(text) ?? .unix(path: "/not-an-address") }
}
