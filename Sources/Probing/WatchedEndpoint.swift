// Owns what the scheduler knows about one endpoint.
internal import Health
internal import Proactor
internal import Topology

/// One endpoint under watch: its verdict, its timer, and the check that is running.
final class WatchedEndpoint: TimerHandler {
    /// How old a looked-up address may be before it is looked up again.
    private static let addressAge = Duration.seconds(30)

    var target: ProbeTarget
    var tracker = HealthTracker()
    var timer: LoopTimer?
    var probe: (any Probe)?
    /// When the present or last check began.
    var began = Tick.zero
    /// Whether it is in the scheduler's queue.
    var isWaiting = false
    var isResolving = false
    private var resolved: SocketAddress?
    private var resolvedAt = Tick.zero
    weak var scheduler: ProbeScheduler?

    init(_ target: ProbeTarget, _ scheduler: ProbeScheduler) {
        self.target = target
        self.scheduler = scheduler
    }

    /// Where checks go; nil while the name was never resolved.
    var address: SocketAddress? {
        guard let address = target.address ?? resolved else { return nil }
        return target.policy.port.map(address.withPort) ?? address
    }

    /// Whether the name must be looked up.
    func wantsLookup(_ now: Tick) -> Bool {
        target.address == nil && !isResolving && (resolved == nil || now - resolvedAt >= Self.addressAge)
    }

    /// How much an answer is waited for.
    var urgency: LookupUrgency { resolved != nil ? .renewal : resolvedAt == .zero ? .first : .doubtful }

    /// Takes the name service's answer. A failure leaves the old address in force, and so does an answer that still holds
    /// it, in whatever place.
    func take(_ answer: Resolver.Answer, _ now: Tick) {
        isResolving = false
        resolvedAt = now
        if case .success(let found) = answer, resolved.map(found.contains) != true { resolved = found.first }
    }

    func timerExpired(_ timer: LoopTimer) { scheduler?.begin(self) }

    /// Ends the timer and a running check, without a report.
    func stop() {
        timer?.invalidate()
        timer = nil
        probe?.cancel()
        probe = nil
    }
}
