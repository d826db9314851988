// Owns when endpoints are checked: trackers decide, and a limited number of probes runs at once.
public import Health
public import Logging
public import Proactor
public import Routing
internal import Topology

/// Checks endpoints on one loop. Belongs to that loop's thread.
public final class ProbeScheduler {
    /// The most checks at a time by default; others wait for their turn, first come, first served.
    public static let concurrency = 256

    private let loop: EventLoop
    private let concurrency: Int
    private let logger: Logger
    private let report: (ProbeReport) -> Void
    /// Called with every result, before the report of what it changed; for metrics.
    public var onResult: ((EndpointID, CheckResult, _ connectTime: Duration?) -> Void)?
    private var random: RandomBits
    private var watched: [EndpointID: WatchedEndpoint] = [:]
    private var waiting: [WatchedEndpoint] = []
    private let resolver = Resolver()
    private var lag: LagSampler?
    private var shortageLogged: Tick?
    /// The number of checks that are running.
    public private(set) var running = 0

    /// - Parameters:
    ///   - seed: of the jitter.
    ///   - concurrency: the most checks at a time.
    ///   - report: called on the loop's thread.
    public init(
        loop: EventLoop, seed: UInt64, concurrency: Int = ProbeScheduler.concurrency,
        logger: Logger = Logger(label: "probes"), report: @escaping (ProbeReport) -> Void
    ) {
        self.loop = loop
        self.concurrency = max(1, concurrency)
        self.logger = logger
        self.report = report
        random = RandomBits(seed: seed)
    }

    deinit { for endpoint in watched.values { endpoint.stop() } }

    /// The present verdict of an endpoint; `unknown` for one that is not checked.
    public func health(of id: EndpointID) -> EndpointHealth { watched[id]?.tracker.state ?? .unknown }

    /// When an endpoint is due; nil for one that is not checked, `distantFuture` while its check runs or waits.
    func nextCheck(of id: EndpointID) -> Tick? { watched[id]?.timer?.deadline }

    // MARK: Targets

    /// Checks these endpoints from now on, and no others. Those that stay keep their verdict; one whose address or
    /// policy changed is checked anew soon.
    ///
    /// `grpc` checks need HTTP/2, which this version lacks: such a target is logged and stays unknown.
    public func update(_ targets: [ProbeTarget]) {
        var gone = watched
        for target in targets where isSupported(target) {
            let known = gone.removeValue(forKey: target.id) ?? watched[target.id]
            if let known {
                if known.target != target { change(known, to: target) }
            } else {
                let fresh = WatchedEndpoint(target, self)
                watched[target.id] = fresh
                fresh.timer = loop.makeTimer(fresh)
                scheduleFirst(fresh)
            }
        }
        for (id, endpoint) in gone {
            watched[id] = nil
            stop(endpoint)
        }
        startWaiting()
    }

    private func isSupported(_ target: ProbeTarget) -> Bool {
        guard case .grpc = target.policy.kind else { return true }
        logger.error(
            "cannot check an endpoint: grpc checks are not supported yet", metadata: ["endpoint": "\(target.id)"])
        return false
    }

    private func change(_ endpoint: WatchedEndpoint, to target: ProbeTarget) {
        cancelProbe(endpoint)
        endpoint.target = target
        if !endpoint.isWaiting { scheduleFirst(endpoint) }
    }

    private func stop(_ endpoint: WatchedEndpoint) {
        cancelProbe(endpoint)
        endpoint.stop()
        if endpoint.isWaiting { waiting.removeAll { $0 === endpoint } }
    }

    private func cancelProbe(_ endpoint: WatchedEndpoint) {
        guard let probe = endpoint.probe else { return }
        probe.cancel()
        endpoint.probe = nil
        running -= 1
    }

    /// Samples the replication lag of these services from now on, and of no others.
    public func sampleLag(_ targets: [LagTarget]) {
        let sampler = lag ?? LagSampler(loop) { [report] in report(.lag($0, $1)) }
        lag = sampler
        sampler.update(targets)
    }

    // MARK: Passive failures

    /// Counts failures that requests met, and brings the next check forward.
    public func recordPassive(_ id: EndpointID, _ failure: PassiveFailure, count: Int = 1) {
        guard let endpoint = watched[id], count > 0 else { return }
        let policy = endpoint.target.policy
        // More than `fall` of them change nothing further.
        for _ in 0..<min(count, max(policy.fall, 1)) {
            if let change = endpoint.tracker.recordPassive(failure, policy: policy) { report(.transition(id, change)) }
        }
        guard endpoint.probe == nil, let timer = endpoint.timer, timer.deadline < .distantFuture else { return }
        let next = endpoint.tracker.nextCheck(after: MonotonicClock.now, policy: policy, random: &random)
        if next < timer.deadline { timer.set(next) }
    }

    // MARK: Running

    private func scheduleFirst(_ endpoint: WatchedEndpoint) {
        endpoint.timer?.set(
            endpoint.tracker.firstCheck(after: MonotonicClock.now, policy: endpoint.target.policy, random: &random))
    }

    /// A check is due.
    func begin(_ endpoint: WatchedEndpoint) {
        guard endpoint.probe == nil, !endpoint.isWaiting, endpoint.timer != nil else { return }
        guard running < concurrency else {
            endpoint.isWaiting = true
            waiting.append(endpoint)
            return
        }
        endpoint.began = loop.now
        if endpoint.wantsLookup(loop.now) { lookUp(endpoint) }
        // While the first look-up is in progress, its answer will begin the check.
        guard let address = endpoint.address else { return }
        run(endpoint, address)
    }

    private func run(_ endpoint: WatchedEndpoint, _ address: SocketAddress) {
        guard let probe = makeProbe(endpoint.target) else { return }
        running += 1
        endpoint.probe = probe
        probe.start(address) { [weak self, weak endpoint] outcome, connectTime in
            guard let self, let endpoint else { return }
            running -= 1
            endpoint.probe = nil
            conclude(endpoint, outcome, connectTime)
            startWaiting()
        }
    }

    private func makeProbe(_ target: ProbeTarget) -> (any Probe)? {
        switch target.policy.kind {
        case .tcp: TCPProbe(loop, timeout: target.policy.timeout)
        case .http(let check): HTTPProbe(loop, check, of: target.id.address, timeout: target.policy.timeout)
        case .grpc: nil
        }
    }

    private func conclude(_ endpoint: WatchedEndpoint, _ outcome: ProbeOutcome, _ connectTime: Duration?) {
        let target = endpoint.target
        // Comes before the reports, because their receiver may remove the endpoint.
        var change: HealthTransition?
        if case .verdict(let result) = outcome { change = endpoint.tracker.record(result, policy: target.policy) }
        let next = endpoint.tracker.nextCheck(after: endpoint.began, policy: target.policy, random: &random)
        endpoint.timer?.set(max(next, loop.now))
        switch outcome {
        case .verdict(let result):
            onResult?(target.id, result, connectTime)
            if let connectTime { report(.connectTime(target.id, connectTime)) }
            if let change { report(.transition(target.id, change)) }
        case .shortage(let reason): logShortage(reason)
        }
    }

    private func startWaiting() {
        while running < concurrency, !waiting.isEmpty {
            let next = waiting.removeFirst()
            next.isWaiting = false
            begin(next)
        }
    }

    /// At most once a minute, because it affects all endpoints at once.
    private func logShortage(_ reason: String) {
        if let last = shortageLogged, loop.now - last < .seconds(60) { return }
        shortageLogged = loop.now
        logger.warning("cannot check endpoints for lack of resources", metadata: ["error": "\(reason)"])
    }

    // MARK: Names

    private func lookUp(_ endpoint: WatchedEndpoint) {
        let bound = LoopBound(endpoint, of: loop)
        let address = endpoint.target.id.address
        endpoint.isResolving = resolver.resolve(address, endpoint.urgency, on: loop.mailbox) { answer in
            bound.post { $0.scheduler?.resolved($0, answer) }
        }
        if !endpoint.isResolving { noLookup(endpoint, "too many names wait to be looked up") }
    }

    private func noLookup(_ endpoint: WatchedEndpoint, _ reason: String) {
        logShortage(reason)
        if endpoint.address == nil { conclude(endpoint, .shortage(reason), nil) }
    }

    private func resolved(_ endpoint: WatchedEndpoint, _ answer: Resolver.Answer) {
        let isFirst = endpoint.address == nil
        endpoint.take(answer, loop.now)
        guard isFirst, endpoint.timer != nil else { return }
        if endpoint.address != nil { begin(endpoint) } else { conclude(endpoint, .failure(.unreachable), nil) }
    }
}
