// Owns when endpoints are checked: trackers decide, probes are run, at most so many at once.
public import Health
public import Proactor
public import Routing
internal import Topology

/// Checks endpoints on one loop. Belongs to that loop's thread.
public final class ProbeScheduler {
    /// The most checks at a time; more wait for their turn.
    public static let concurrency = 256

    private let loop: EventLoop
    private let report: (ProbeReport) -> Void
    private var random: RandomBits
    private var watched: [EndpointID: Watched] = [:]
    private var waiting: [Watched] = []
    private var running = 0

    /// One target's state.
    private final class Watched: TimerHandler {
        var target: ProbeTarget
        var tracker = HealthTracker()
        var timer: LoopTimer?
        var probe: Probe?
        var isWaiting = false
        var isGone = false
        unowned let scheduler: ProbeScheduler

        init(_ target: ProbeTarget, _ scheduler: ProbeScheduler) {
            self.target = target
            self.scheduler = scheduler
        }

        func timerExpired(_ timer: LoopTimer) { scheduler.begin(self) }
    }

    /// - Parameters:
    ///   - seed: of the jitter.
    ///   - report: called on the loop's thread.
    public init(loop: EventLoop, seed: UInt64, report: @escaping (ProbeReport) -> Void) {
        self.loop = loop
        self.report = report
        random = RandomBits(seed: seed)
    }

    /// Checks these endpoints from now on, and no others. Those that stay keep their verdict.
    public func update(_ targets: [ProbeTarget]) {
        var gone = watched
        for target in targets {
            if let known = gone.removeValue(forKey: target.id) {
                known.target = target
                continue
            }
            let fresh = Watched(target, self)
            watched[target.id] = fresh
            let timer = loop.makeTimer(fresh)
            fresh.timer = timer
            timer.set(fresh.tracker.firstCheck(after: EventLoop.clock(), policy: target.policy, random: &random))
        }
        for (id, old) in gone {
            watched[id] = nil
            old.isGone = true
            old.timer?.invalidate()
            old.probe?.cancel()
            old.probe = nil
        }
    }

    /// Counts failures that requests met.
    public func recordPassive(_ id: EndpointID, _ failure: PassiveFailure, count: Int) {
        guard let known = watched[id] else { return }
        for _ in 0..<min(count, 16) {
            if let change = known.tracker.recordPassive(failure, policy: known.target.policy) {
                report(.transition(id, change))
            }
        }
        guard known.probe == nil, let timer = known.timer else { return }
        let next = known.tracker.nextCheck(after: loop.now, policy: known.target.policy, random: &random)
        if next < timer.deadline { timer.set(next) }
    }

    private func begin(_ watched: Watched) {
        guard !watched.isGone, watched.probe == nil, !watched.isWaiting else { return }
        guard running < Self.concurrency else {
            watched.isWaiting = true
            waiting.append(watched)
            return
        }
        guard let address = watched.target.address else {
            schedule(watched)
            return
        }
        running += 1
        let began = loop.now
        let probe = Probe(loop, watched.target, address) { [unowned self, unowned watched] result, connectTime in
            finish(watched, began, result, connectTime)
        }
        watched.probe = probe
        probe.start()
    }

    private func finish(_ watched: Watched, _ began: Tick, _ result: CheckResult, _ connectTime: Duration?) {
        running -= 1
        watched.probe = nil
        if !watched.isGone {
            if let connectTime { report(.connectTime(watched.target.id, connectTime)) }
            if let change = watched.tracker.record(result, policy: watched.target.policy) {
                report(.transition(watched.target.id, change))
            }
            schedule(watched)
        }
        startWaiting()
    }

    private func startWaiting() {
        while running < Self.concurrency, !waiting.isEmpty {
            let next = waiting.removeFirst()
            next.isWaiting = false
            begin(next)
        }
    }

    private func schedule(_ watched: Watched) {
        watched.timer?.set(watched.tracker.nextCheck(after: loop.now, policy: watched.target.policy, random: &random))
    }
}
