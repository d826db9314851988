// Owns one worker's view of a service: its pickers, its endpoints' connections, and who waits for them.
internal import Balancing
internal import Catalog
internal import Proactor
internal import Proxying
internal import Routing
internal import Switching
internal import Synchronization
internal import Topology

/// A service on one worker. Lives as long as the service is in the routing table.
final class ServiceRuntime {
    private(set) var routing: ServiceRouting
    let counters: ServiceCounters
    /// This worker's part of how long requests took.
    let latency: LatencyHistogram
    /// What settings say of a request, and of a tunnel without a byte either way (in nanoseconds).
    private(set) var policy: ExchangePolicy
    private(set) var tunnelIdle: Int64
    /// Whether the policy wants to know how long answers take, and whether requests are spread by a hash.
    private(set) var observesLatency = false
    private(set) var needsHash = false
    private var datacenterPicker: DatacenterPicker
    private var endpointPickers: [EndpointPicker]
    /// By datacenter, then endpoint, as in `routing`.
    private(set) var endpoints: [[EndpointRuntime]]
    var retryBudget = RetryBudget()
    /// Says whether and where requests may go, of a service that follows a primary; nil of all others.
    private(set) var gate: WorkerGate?
    /// Where the gate sends requests, by its position in `routing`; nil while it holds, or to a place unknown here.
    private var gateDatacenter: Int?
    /// The generation of the gate's order that `gateDatacenter` is of.
    private var gateGeneration: UInt64 = 0
    private let makeGate: () -> WorkerGate
    /// The name, which stands for a missing `Host`.
    let nameBytes: [UInt8]
    let queue: RequestQueue

    /// Where one attempt goes. Moved and not copied, so that the endpoint is held, and counted, once.
    struct Choice: ~Copyable {
        let datacenter: Int
        let index: Int
        let endpoint: EndpointRuntime
    }

    init(
        _ routing: ServiceRouting, _ configuration: DataPlaneConfiguration, loop: EventLoop, counters: TrafficCounters,
        addresses: ResolvedAddresses,
        random: inout RandomBits, makeGate: @escaping () -> WorkerGate
    ) {
        let queue = RequestQueue(loop)
        self.queue = queue
        self.routing = routing
        self.counters = counters.service(routing.name)
        latency = self.counters.takeHistogram()
        nameBytes = Array(routing.name.text.utf8)
        policy = ExchangePolicy(routing.definition, configuration)
        tunnelIdle = routing.definition.timeouts.tunnelIdle.wholeNanoseconds
        datacenterPicker = Self.makeDatacenterPicker(routing, &random)
        endpointPickers = routing.datacenters.map { Self.makeEndpointPicker(routing, $0, &random) }
        endpoints = routing.datacenters.map { datacenter in
            datacenter.endpoints.map { EndpointRuntime($0, routing.definition, counters, addresses, queue) }
        }
        self.makeGate = makeGate
        adoptPolicy()
        adoptGate()
    }

    deinit { counters.giveBack(latency) }

    private static func makeDatacenterPicker(_ routing: ServiceRouting, _ random: inout RandomBits) -> DatacenterPicker
    {
        DatacenterPicker(
            kind: routing.definition.datacenterPolicy, shares: routing.shares, identities: routing.identities,
            random: &random)
    }

    private static func makeEndpointPicker(
        _ routing: ServiceRouting, _ datacenter: DatacenterRouting, _ random: inout RandomBits
    ) -> EndpointPicker {
        EndpointPicker(
            kind: routing.definition.endpointPolicy, weights: datacenter.weights, identities: datacenter.identities,
            random: &random)
    }

    private func adoptPolicy() {
        observesLatency = routing.definition.endpointPolicy == .peakEWMA
        needsHash = routing.definition.endpointPolicy == .maglev
    }

    /// Follows the table: the service may have got a primary, or follow none any more.
    private func adoptGate() {
        if !routing.followsPrimary {
            gate = nil
        } else if gate == nil {
            gate = makeGate()
        }
        findGateDatacenter()
    }

    private func findGateDatacenter() {
        gateGeneration = gate?.order.generation ?? 0
        gateDatacenter = gate?.datacenter.flatMap { name in
            // Also the primary takes nothing once an operator has drained it by force.
            routing.datacenters.firstIndex { $0.name == name && $0.isOpen }
        }
    }

    /// Takes over a new table: pools and pickers of endpoints that stay are kept.
    ///
    /// - Returns: endpoints that are gone; their idle connections are to be closed. Whether the service follows a primary
    ///   from now on and did not before, so that what it has in flight went through no gate.
    func adopt(
        _ fresh: ServiceRouting, _ configuration: DataPlaneConfiguration, counters: TrafficCounters,
        addresses: ResolvedAddresses, random: inout RandomBits
    ) -> (retired: [EndpointRuntime], isNewlyGated: Bool) {
        let hadGate = gate != nil
        var known: [EndpointID: EndpointRuntime] = [:]
        for endpoint in endpoints.joined() { known[endpoint.id] = endpoint }
        let sameDatacenters = fresh.datacenters.map(\.name) == routing.datacenters.map(\.name)
        datacenterPicker.adopt(Self.makeDatacenterPicker(fresh, &random))
        var pickers: [EndpointPicker] = []
        for (index, datacenter) in fresh.datacenters.enumerated() {
            var picker = Self.makeEndpointPicker(fresh, datacenter, &random)
            if sameDatacenters, endpointPickers[index].kind == picker.kind {
                let new = picker
                picker = endpointPickers[index]
                picker.adopt(new)
            }
            pickers.append(picker)
        }
        endpointPickers = pickers
        endpoints = fresh.datacenters.map { datacenter in
            datacenter.endpoints.map { endpoint in
                if let kept = known.removeValue(forKey: endpoint.id) {
                    kept.update(fresh.definition, addresses)
                    return kept
                }
                return EndpointRuntime(endpoint, fresh.definition, counters, addresses, queue)
            }
        }
        routing = fresh
        configure(configuration)
        adoptPolicy()
        adoptGate()
        return (Array(known.values), gate != nil && !hadGate)
    }

    /// Takes new settings of the process.
    func configure(_ configuration: DataPlaneConfiguration) {
        policy = ExchangePolicy(routing.definition, configuration)
        tunnelIdle = routing.definition.timeouts.tunnelIdle.wholeNanoseconds
    }

    /// Chooses a datacenter and an endpoint in it, avoiding those already tried where there are others.
    ///
    /// - Parameter tried: what this request has tried; the endpoint is added. An attempt at it adds its datacenter:
    ///   what failed once may have failed whole, and control may not know it yet.
    /// - Returns: nil when no endpoint takes requests.
    @inline(__always)
    func choose(_ tried: inout Tried, hash: UInt64, now: Tick, random: inout RandomBits) -> Choice? {
        let datacenter: Int
        if let gate {
            // The gate, not the table: both come from control, at different moments. A runtime that left the table still
            // serves those who had found it.
            if gate.order.generation != gateGeneration { findGateDatacenter() }
            guard let primary = gateDatacenter else { return nil }
            datacenter = primary
        } else {
            guard let picked = datacenterPicker.pick(excluding: tried.datacenters, random: &random) else {
                return nil
            }
            datacenter = picked
        }
        let excluded = tried.datacenter == datacenter ? tried.endpoints : ExcludedEndpoints()
        let index = endpointPickers[datacenter].pick(
            excluding: excluded, hash: hash, now: now, random: &random,
            load: { endpoints[datacenter][$0].counters.inFlight.load(ordering: .relaxed) })
        guard let index else { return nil }
        tried.consider(datacenter: datacenter, endpoint: index)
        return Choice(datacenter: datacenter, index: index, endpoint: endpoints[datacenter][index])
    }

    /// Tells the policy how long an answer's first byte took.
    @inline(__always)
    func observe(_ choice: borrowing Choice, latency: Duration, now: Tick) {
        guard choice.datacenter < endpointPickers.count else { return }
        endpointPickers[choice.datacenter].observe(index: choice.index, latency: latency, now: now)
    }

    func recordRequest(now: Tick) { retryBudget.recordRequest(now: now) }
}

extension ServiceRuntime.Choice {
    /// Tells the policy how long an answer's first byte took.
    @inline(__always)
    func observe(_ service: ServiceRuntime, latency: Duration, now: Tick) {
        service.observe(self, latency: latency, now: now)
    }
}

extension ExchangePolicy {
    /// What a service and the process say.
    init(_ service: ServiceDefinition, _ configuration: DataPlaneConfiguration) {
        self.init()
        let timeouts = service.timeouts
        retry = service.retry
        connect = timeouts.connect.wholeNanoseconds
        firstByte = timeouts.firstByte.wholeNanoseconds
        responseIdle = timeouts.responseIdle(ofEventStream: false).wholeNanoseconds
        eventStreamIdle = timeouts.responseIdle(ofEventStream: true).wholeNanoseconds
        clientStall = configuration.clientStallTimeout.wholeNanoseconds
        bodyGrace = timeouts.bodyGrace.wholeNanoseconds
        bodyRate = timeouts.bodyRate
        request = timeouts.request?.wholeNanoseconds
        maximumInterim = configuration.maximumInterim
        abortsOnClose = service.abortsOnClose
    }
}

/// What one request has tried so far.
struct Tried {
    private(set) var datacenter = -1
    /// Those of `datacenter`.
    private(set) var endpoints = ExcludedEndpoints()
    private(set) var datacenters = ExcludedDatacenters()

    /// Nothing.
    mutating func forget() { if datacenter >= 0 || !datacenters.isEmpty { self = Tried() } }

    /// An endpoint was chosen.
    mutating func consider(datacenter: Int, endpoint: Int) {
        if self.datacenter != datacenter { endpoints = ExcludedEndpoints() }
        self.datacenter = datacenter
        endpoints.insert(endpoint)
    }

    /// An attempt at an endpoint has begun.
    mutating func note(datacenter: Int, endpoint: Int) {
        consider(datacenter: datacenter, endpoint: endpoint)
        datacenters.insert(datacenter)
    }
}
