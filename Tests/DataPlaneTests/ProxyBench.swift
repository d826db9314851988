// Owns a worker with a client before it and backends behind it, all on the test's own thread, and what went wrong.
import Balancing
import Catalog
import Logging
import Routing
import Switching
import Synchronization
import Testing
import Topology

@testable import DataPlane
@testable import Proactor

let store = ServiceName("store")
let eastCoast = DatacenterName("eastCoast")
let westCoast = DatacenterName("westCoast")
let firstEpoch = Epoch(formation: 7)

/// A title and what is to be seen; run on both ways of I/O, and with bugs that are seeded.
struct ProxyScenario: Sendable, CustomTestStringConvertible {
    let title: String
    let isGated: Bool
    let configure: @Sendable (inout ServiceDefinition) -> Void
    let run: @Sendable (ProxyBench) throws -> Void
    var testDescription: String { title }

    /// - Parameter isGated: whether the service follows a primary.
    init(
        _ title: String, isGated: Bool = false,
        configure: @escaping @Sendable (inout ServiceDefinition) -> Void = { _ in },
        _ run: @escaping @Sendable (ProxyBench) throws -> Void
    ) {
        self.title = title
        self.isGated = isGated
        self.configure = configure
        self.run = run
    }

    /// What went otherwise than it should. At its end nothing may be counted as under way.
    func violations(_ io: IOKind) -> [String] {
        do {
            let bench = try ProxyBench(io, isGated: isGated, configure)
            try run(bench)
            bench.end()
            return bench.violations
        } catch {
            return ["\(error)"]
        }
    }
}

/// What a client connects to.
enum Entrance: Int, CaseIterable {
    case http, tcp
    /// The same, for connections that begin with a PROXY protocol header.
    case httpBehindProxy, tcpBehindProxy

    var isTCP: Bool { self == .tcp || self == .tcpBehindProxy }
    var hasHeader: Bool { self == .httpBehindProxy || self == .tcpBehindProxy }
    var name: ListenerName { ListenerName("listener-\(rawValue)") }
}

final class ProxyBench {
    let loop: EventLoop
    let clock = ManualClock()
    let worker: Worker
    let shared: WorkerShared
    /// The backends of the two datacenters.
    let eastern: LoopbackListener
    let western: LoopbackListener
    var service: ServiceDefinition
    private var listeners: [ListenerDefinition] = []
    private var ports: [UInt16] = []
    private var version: UInt64 = 0
    private var clients: [Peer] = []
    private var generation: UInt64 = 0
    /// How long a request waits for a primary that cannot be reached.
    var holdBudget = Duration.zero
    private(set) var violations: [String] = []

    init(_ io: IOKind, isGated: Bool, _ configure: (inout ServiceDefinition) -> Void) throws {
        loop = try EventLoop(io: io, buffers: .modest, clock: clock.clock)
        eastern = try LoopbackListener()
        western = try LoopbackListener()
        shared = WorkerShared(
            counters: TrafficCounters(), accessLog: nil, workers: 1,
            logger: Logger(label: "proxy", factory: { _ in SwiftLogNoOpLogHandler() }))
        worker = Worker(
            loop: loop, number: 0, shared: shared, configuration: DataPlaneConfiguration(node: NodeID("a")), seed: 1)
        var service = ServiceDefinition(name: store)
        service.datacenterPolicy = isGated ? .primary : .weighted
        service.datacenters = [(eastCoast, eastern), (westCoast, western)].map { name, listener in
            // Without a primary everything goes to one of them.
            DatacenterDefinition(
                name: name, weight: isGated || name == eastCoast ? 1 : 0,
                endpoints: [EndpointDefinition(address: listener.address)])
        }
        configure(&service)
        self.service = service
        for kind in Entrance.allCases {
            let socket = try ListeningSocket.bind(#require(SocketAddress(numeric: .host("127.0.0.1", port: 0))))[0]
            var listener = ListenerDefinition(name: kind.name, bind: .host("127.0.0.1", port: 0))
            if kind.isTCP {
                listener.protocol = .tcp
                listener.service = store
            } else {
                listener.routes = [RouteDefinition(service: store)]
            }
            if kind.hasHeader { listener.proxyProtocol = ProxyProtocolPolicy() }
            ports.append(socket.address.port)
            listeners.append(listener)
            worker.open(listener, on: socket)
        }
        try publish()
    }

    /// Hands the worker a table of what the service is now.
    func publish() throws {
        version += 1
        let layout = try RoutingLayout(services: [service], listeners: listeners)
        worker.adopt(RoutingTable(layout, RoutingTable.Inputs(catalog: Catalog()), version: version, now: loop.now))
        settle()
    }

    // MARK: Looking

    func expect(_ condition: Bool, _ what: @autoclosure () -> String = "", line: Int = #line) {
        if !condition { violations.append("line \(line): \(what())") }
    }

    func expect<Value: Equatable>(_ value: Value, is expected: Value, line: Int = #line) {
        if value != expected { violations.append("line \(line): \(value) instead of \(expected)") }
    }

    /// Takes turns until something holds. What never comes is given up: sooner where a bug may be why.
    func turn(_ line: Int = #line, until condition: () -> Bool) {
        let limit = MonotonicClock.now + .seconds(ShellMutation.seeded == nil ? 10 : 1)
        while !condition() {
            guard MonotonicClock.now < limit else { return violations.append("line \(line): waited in vain") }
            loop.turn(limit: .milliseconds(5))
        }
    }

    /// Takes turns until nothing more can be under way.
    func settle() { for _ in 0..<8 { loop.turn(limit: .milliseconds(1)) } }

    /// Lets time pass, and what is due happen.
    func pass(_ time: Duration) {
        clock.advance(by: time)
        settle()
    }

    /// How many pipes there are, and how many of them hold bytes.
    var pipes: (made: Int, lent: Int) { (loop.pool.pipes.count, loop.pool.pipes.lent) }

    // MARK: The two sides

    func client(_ entrance: Entrance = .http) throws -> Peer {
        let client = try comer(at: entrance)
        settle()
        return client
    }

    /// A client that the kernel has connected, and the worker has not seen.
    func comer(at entrance: Entrance) throws -> Peer {
        let client = Peer(try LoopbackListener.connect(to: ports[entrance.rawValue]))
        clients.append(client)
        return client
    }

    /// A client that has sent a request.
    func client(sending text: String, to entrance: Entrance = .http) throws -> Peer {
        let client = try client(entrance)
        client.send(text)
        settle()
        return client
    }

    /// The next connection to a backend.
    func accept(_ listener: LoopbackListener, _ line: Int = #line) throws -> Peer {
        var accepted: Peer?
        turn(line) {
            accepted = listener.accept()
            return accepted != nil
        }
        return try #require(accepted, "no connection")
    }

    /// Waits until a peer has received something, or its connection is over.
    ///
    /// - Returns: all that it has received.
    @discardableResult
    func wait(_ peer: Peer, for end: String, _ line: Int = #line) -> String {
        turn(line) {
            peer.read()
            return peer.text.contains(end) || peer.isOver
        }
        return peer.text
    }

    func waitForEnd(_ peer: Peer, _ line: Int = #line) {
        turn(line) {
            peer.read()
            return peer.isOver
        }
    }

    func answer(_ backend: Peer, _ text: String) {
        backend.send(text)
        settle()
    }

    /// Sends until nobody takes more.
    ///
    /// - Returns: how many bytes were taken.
    func fill(_ peer: Peer, with most: Int) -> Int {
        let piece = [UInt8](repeating: 0x61, count: 256 << 10)
        var sent = 0
        var idleTurns = 0
        while idleTurns < 20, sent < most {
            let count = peer.send(piece.prefix(most - sent))
            sent += count
            idleTurns = count > 0 ? 0 : idleTurns + 1
            loop.turn(limit: .milliseconds(1))
        }
        return sent
    }

    // MARK: The gate

    /// Puts an order in force, as control does.
    ///
    /// - Parameter cuts: whether what is in flight under older ones is cut.
    func order(
        _ mode: GateOrder.Mode, admitFor: Duration = .seconds(600), writeFor: Duration = .seconds(600),
        cuts: Bool = false
    ) {
        generation += 1
        let cell = shared.gates.cell(of: store)
        _ = cell.put(
            GateOrder(
                generation: generation, mode: mode, admitUntil: mode.isHold ? .zero : loop.now + admitFor,
                writeUntil: loop.now + writeFor, holdUntil: loop.now + .seconds(15), retryAfter: .seconds(1),
                holdBudget: holdBudget))
        if cuts { cell.cut(olderThan: generation) }
        worker.takeGateCommand(of: store)
        settle()
    }

    // MARK: Counting

    var counters: ServiceCounters { shared.counters.service(store) }

    func endpoint(_ datacenter: DatacenterName = eastCoast) -> EndpointCounters {
        let listener = datacenter == eastCoast ? eastern : western
        return shared.counters.endpoint(EndpointID(service: store, datacenter: datacenter, address: listener.address))
    }

    /// Lets all clients go, and looks whether anything is still counted.
    func end(line: Int = #line) {
        for client in clients { client.reset() }
        settle()
        // Who sent a POST is not asked whether it is still there: the backends leave as well.
        shared.gates.cell(of: store).cut(olderThan: generation + 1)
        order(.hold(.switching), cuts: true)
        pass(.seconds(1))
        settle()
        let process = shared.counters.process
        if service.datacenterPolicy == .primary {
            expect(shared.gates.cell(of: store).confirmed, is: generation, line: line)
        }
        worker.abortAll()
        settle()
        expect(process.active.load(ordering: .relaxed), is: 0, line: line)
        expect(process.connections.load(ordering: .relaxed), is: 0, line: line)
        expect(counters.holding.load(ordering: .relaxed), is: 0, line: line)
        expect(worker.replayBytes, is: 0, line: line)
        for datacenter in [eastCoast, westCoast] {
            expect(endpoint(datacenter).inFlight.load(ordering: .relaxed), is: 0, line: line)
            expect(endpoint(datacenter).connections.load(ordering: .relaxed), is: 0, line: line)
        }
        expect(shared.counters.backends.count, is: 0, line: line)
        loop.end()
    }
}
