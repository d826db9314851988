// Owns the figures that workers share and others read: one block of relaxed atomics an endpoint and a service.
internal import Balancing
internal import Catalog
internal import Proactor
public import Routing
public import Synchronization
public import Topology

/// One endpoint's traffic over all workers. Limits are held against it, so they hold for the process.
public final class EndpointCounters: Sendable {
    public let id: EndpointID
    /// Requests and TCP sessions sent to it.
    public let requests = Atomic<Int>(0)
    /// Those without an end yet.
    public let inFlight = Atomic<Int>(0)
    /// Open connections to it, idle ones too.
    public let connections = Atomic<Int>(0)
    /// Answers of 500-599 in a row.
    public let consecutiveErrors = Atomic<Int>(0)
    /// Answers of 500-599, and attempts without an answer.
    public let errors = Atomic<Int>(0)
    /// Connects that were refused or reset, since the start. Control takes what was added as passive failures.
    public let connectFailures = Atomic<Int>(0)

    init(id: EndpointID) { self.id = id }
}

/// One service's traffic over all workers.
public final class ServiceCounters: Sendable {
    public let name: ServiceName
    public let requests = Atomic<Int>(0)
    public let retries = Atomic<Int>(0)
    /// Requests and TCP sessions that began to wait for the primary; one that waits twice counts twice.
    public let held = Atomic<Int>(0)
    /// Those that wait now.
    public let holding = Atomic<Int>(0)
    /// Exchanges, tunnels and TCP sessions that were cut because a primary was no longer to be written to.
    public let cut = Atomic<Int>(0)
    /// Answers to clients by class: 1xx … 5xx.
    public let informational = Atomic<Int>(0)
    public let successful = Atomic<Int>(0)
    public let redirected = Atomic<Int>(0)
    public let clientErrors = Atomic<Int>(0)
    public let serverErrors = Atomic<Int>(0)
    public let bytesReceived = Atomic<Int>(0)
    public let bytesSent = Atomic<Int>(0)
    /// How long requests took: a histogram a worker, because what several threads count in costs them more.
    private let histograms = Mutex<(all: [LatencyHistogram], spare: [LatencyHistogram])>(([], []))

    init(name: ServiceName) { self.name = name }

    /// How long requests took, over all workers.
    public var latency: LatencyReading {
        histograms.withLock { $0.all.reduce(LatencyReading()) { $0 + $1.reading } }
    }

    /// A histogram that nobody else records in until it is given back. There are as many as were used at a time.
    func takeHistogram() -> LatencyHistogram {
        histograms.withLock { histograms in
            if let spare = histograms.spare.popLast() { return spare }
            let fresh = LatencyHistogram()
            histograms.all.append(fresh)
            return fresh
        }
    }

    /// Lets another worker record in it; what is counted stays.
    func giveBack(_ histogram: LatencyHistogram) { histograms.withLock { $0.spare.append(histogram) } }

    /// Counts the end of an exchange.
    ///
    /// - Parameters:
    ///   - received: bytes of the request's body.
    ///   - sent: bytes of the answer.
    @inline(__always)
    func count(status: Int, received: Int, sent: Int) {
        if received > 0 { bytesReceived.wrappingAdd(received, ordering: .relaxed) }
        bytesSent.wrappingAdd(sent, ordering: .relaxed)
        switch status / 100 {
        case 1: add(informational)
        case 2: add(successful)
        case 3: add(redirected)
        case 4: add(clientErrors)
        default: add(serverErrors)
        }
    }

    @inline(__always)
    private func add(_ counter: borrowing Atomic<Int>) { counter.wrappingAdd(1, ordering: .relaxed) }
}

/// The whole process's figures.
public final class ProcessCounters: Sendable {
    public let connections = Atomic<Int>(0)
    /// Listening sockets, over all workers; one that is being closed counts until nobody can come from it any more.
    public let listening = Atomic<Int>(0)
    public let connectionsAccepted = Atomic<Int>(0)
    public let connectionsRefused = Atomic<Int>(0)
    /// Connections to listeners with `proxy_protocol` from peers whose header is not believed.
    public let untrustedProxies = Atomic<Int>(0)
    public let badRequests = Atomic<Int>(0)
    /// Handshakes of TLS with clients that came to their end, and those that did not.
    public let handshakes = Atomic<Int>(0)
    public let failedHandshakes = Atomic<Int>(0)
    /// Certificates that a reload could not read, so that what was read before stayed in use.
    public let keptCertificates = Atomic<Int>(0)
    /// Connections to backends for which this machine had no port, descriptor or memory.
    public let localShortages = Atomic<Int>(0)
    public let unrouted = Atomic<Int>(0)
    public let logLinesDropped = Atomic<Int>(0)
    /// 1 while lines of the access log are being lost.
    public let logFailing = Atomic<Int>(0)
    /// Exchanges and tunnels without an end yet; a graceful stop waits for them.
    public let active = Atomic<Int>(0)
}

/// The connections to backends that the process may have at a time, over all endpoints and workers.
public final class ConnectionBudget: Sendable {
    private let taken = Atomic<Int>(0)
    private let most = Atomic<Int>(.max)

    /// Open connections to backends.
    public var count: Int { taken.load(ordering: .relaxed) }
    /// Whether there is no room for one more.
    var isFull: Bool { count >= limit }

    var limit: Int {
        get { most.load(ordering: .relaxed) }
        set { most.store(newValue, ordering: .relaxed) }
    }

    /// Takes room for one connection; false: there is none.
    func take() -> Bool {
        let before = taken.add(1, ordering: .relaxed).oldValue
        if before < limit { return true }
        giveBack()
        return false
    }

    /// Takes the room of a connection that has just given its own back.
    func takeOver() { taken.add(1, ordering: .relaxed) }

    func giveBack() { taken.subtract(1, ordering: .relaxed) }
}

/// All counters, by endpoint and service. A reload does not reset them; those of what left the table go a minute later.
public final class TrafficCounters: Sendable {
    public let process = ProcessCounters()
    /// Held by every connection to a backend.
    public let backends = ConnectionBudget()
    /// Raised when an attempt has failed.
    public let failureSignal = FailureSignal()
    private let endpoints = Mutex(NamedCounters<EndpointID, EndpointCounters>())
    private let services = Mutex(NamedCounters<ServiceName, ServiceCounters>())

    public init() {}

    /// The endpoint's counters; made at first sight. Not for the path of a request: workers keep the reference.
    public func endpoint(_ id: EndpointID) -> EndpointCounters {
        endpoints.withLock { $0.counters(of: id, now: MonotonicClock.now) { EndpointCounters(id: id) } }
    }

    /// The service's counters; made at first sight.
    public func service(_ name: ServiceName) -> ServiceCounters {
        services.withLock { $0.counters(of: name, now: MonotonicClock.now) { ServiceCounters(name: name) } }
    }

    /// Tells what there is from now on.
    func follow(_ table: RoutingTable, now: Tick) {
        let ids = table.services.flatMap { $0.datacenters.flatMap { $0.endpoints.map(\.id) } }
        endpoints.withLock { $0.use(Set(ids), now: now) }
        services.withLock { $0.use(Set(table.services.map(\.name)), now: now) }
    }

    /// Every endpoint of the table and those that left it lately, in no order.
    public var allEndpoints: [EndpointCounters] { endpoints(now: MonotonicClock.now) }
    /// Every service of the table and those that left it lately, in no order.
    public var allServices: [ServiceCounters] { services(now: MonotonicClock.now) }

    func endpoints(now: Tick) -> [EndpointCounters] {
        endpoints.withLock { known in
            known.forget(now: now)
            return known.all
        }
    }

    func services(now: Tick) -> [ServiceCounters] {
        services.withLock { known in
            known.forget(now: now)
            return known.all
        }
    }
}
