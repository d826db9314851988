// Owns what the tests of the control plane share: a service, a sink that keeps tables, counters that can be set.
import Balancing
import Catalog
import ControlPlane
import Foundation
import Health
import Logging
import Proactor
import Routing
import Switching
import Synchronization
import Testing
import Topology

/// Keeps every table.
final class TableSink: RoutingSink {
    private let tables = Mutex<[RoutingTable]>([])
    private let orders = Mutex<[ServiceName: GateOrder]>([:])
    func publish(_ table: RoutingTable) { tables.withLock { $0.append(table) } }
    func command(_ order: GateOrder, for service: ServiceName) { orders.withLock { $0[service] = order } }
    func cut(olderThan generation: UInt64, of service: ServiceName) {}
    /// Workers without traffic: they obey at once.
    func confirmedGeneration(of service: ServiceName) -> UInt64 { order(of: service)?.generation ?? 0 }
    func listenForConfirmations(_ listener: @escaping @Sendable (ServiceName) -> Void) {}
    func remind(of service: ServiceName) {}
    func setLease(_ lease: Duration) {}
    func order(of service: ServiceName) -> GateOrder? { orders.withLock { $0[service] } }
    var all: [RoutingTable] { tables.withLock { $0 } }
    var last: RoutingTable? { all.last }
}

/// Counters as tests want them.
final class FakeTraffic: TrafficReader {
    private let entries = Mutex<[EndpointID: EndpointTraffic]>([:])
    private let listener = Mutex<(@Sendable () -> Void)?>(nil)

    func set(_ id: EndpointID, errors: Int = 0, connectFailures: Int = 0) {
        entries.withLock {
            $0[id] = EndpointTraffic(id: id, consecutiveErrors: errors, connectFailures: connectFailures)
        }
    }

    func errors(of id: EndpointID) -> Int? { entries.withLock { $0[id]?.consecutiveErrors } }
    func endpointTraffic() -> [EndpointTraffic] { entries.withLock { Array($0.values) } }
    func resetErrors(of id: EndpointID) { entries.withLock { $0[id]?.consecutiveErrors = 0 } }
    func listenForFailures(_ listener: @escaping @Sendable () -> Void) { self.listener.withLock { $0 = listener } }
    func failuresAreBeingRead() {}

    /// What a worker does when an attempt has failed.
    func ring() { listener.withLock { $0 }?() }
}

/// A control plane with its surroundings; ended when let go.
final class World {
    static let west = DatacenterName("west")
    static let east = DatacenterName("east")

    let sink = TableSink()
    let traffic = FakeTraffic()
    let control: ControlPlane

    init(_ services: [ServiceDefinition], log: Logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }) throws
    {
        control = try ControlPlane(
            ControlSettings(node: NodeID("test"), datacenter: Self.west, services: services),
            layout: RoutingLayout(services: services, listeners: []), io: .epoll, sink: sink, traffic: traffic,
            log: log)
    }

    deinit { control.stop() }

    /// `shop` with `perPlace` endpoints in each of two datacenters. Nobody checks it, unless `check` says how.
    static func shop(
        policy: DatacenterPolicyKind = .weighted, weight: Int = 1, perPlace: Int = 2, check: HealthCheckPolicy? = nil,
        addresses: [Address]? = nil
    ) -> ServiceDefinition {
        var service = ServiceDefinition(name: ServiceName("shop"))
        service.datacenterPolicy = policy
        service.healthCheck = check
        service.datacenters = [west, east].enumerated().map { place, name in
            let endpoints = (0..<perPlace).map { number in
                EndpointDefinition(
                    address: addresses?[place * perPlace + number]
                        ?? .host("127.0.0.\(place + 1)", port: UInt16(8000 + number)))
            }
            return DatacenterDefinition(name: name, weight: place == 0 ? weight : 1, endpoints: endpoints)
        }
        return service
    }

    /// Proposes and waits for the outcome.
    func propose(_ change: CatalogChange, key: String? = nil, force: Bool = false) throws -> CatalogOutcome {
        let outcome = Latch<ProposalOutcome>()
        let command = CatalogCommand(
            change, author: "test", reason: "", proposedAt: ControlPlane.wallClock(), idempotencyKey: key, force: force)
        #expect(control.propose(command) { outcome.set($0) })
        guard case .decided(let decided) = try outcome.wait() else { throw Undecided() }
        return decided
    }

    /// A group of one decides everything.
    private struct Undecided: Error {}

    /// Reloads and waits for it.
    func reload(_ services: [ServiceDefinition]) throws -> [String] {
        let refused = Latch<[String]>()
        let layout = try RoutingLayout(services: services, listeners: [])
        #expect(
            control.reload(
                ControlSettings(node: NodeID("test"), datacenter: Self.west, services: services), layout: layout
            ) {
                refused.set($0)
            })
        return try refused.wait()
    }

    /// Waits, ten seconds at most, until the newest table is as `condition` says.
    func await(_ what: Comment, _ condition: (RoutingTable) -> Bool) throws -> RoutingTable {
        let end = ContinuousClock.now + .seconds(10)
        while ContinuousClock.now < end {
            if let table = sink.last, condition(table) { return table }
            Thread.sleep(forTimeInterval: 0.002)
        }
        Issue.record("in vain: \(what)")
        throw Timeout()
    }
}

struct Timeout: Error {}

/// A value that one thread waits for.
final class Latch<Value: Sendable>: Sendable {
    private let value = Mutex<Value?>(nil)
    private let semaphore = DispatchSemaphore(value: 0)

    func set(_ fresh: Value) {
        value.withLock { $0 = fresh }
        semaphore.signal()
    }

    func wait() throws -> Value {
        guard semaphore.wait(timeout: .now() + 10) == .success, let value = value.withLock({ $0 }) else {
            throw Timeout()
        }
        return value
    }
}

extension RoutingTable {
    /// The only service's datacenter.
    func place(_ name: DatacenterName) throws -> DatacenterRouting {
        try #require(services.first?.datacenters.first { $0.name == name })
    }

    func endpoint(_ id: EndpointID) -> EndpointRouting? {
        service(id.service)?.datacenters.first { $0.name == id.datacenter }?.endpoints.first { $0.id == id }
    }
}
