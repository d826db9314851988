// Owns requests a second: the difference between two looks at a counter, a second apart.
internal import DataPlane
internal import Proactor
internal import Synchronization
internal import Topology

/// Rates of services. Belongs to the admin thread.
final class RequestRates: TimerHandler {
    static let period = Duration.seconds(1)

    private struct Look {
        var total: Int
        var rate: Double
    }

    private let counters: TrafficCounters
    private var looks: [ServiceName: Look] = [:]
    private var lookedAt: Tick
    private var timer: LoopTimer?

    init(_ counters: TrafficCounters, loop: EventLoop) {
        self.counters = counters
        lookedAt = loop.now
        let timer = loop.makeTimer(self)
        self.timer = timer
        timer.set(lookedAt + Self.period)
    }

    /// The recent requests per second, with one decimal; 0 before the first look.
    func rate(of service: ServiceName) -> Double { looks[service]?.rate ?? 0 }

    func timerExpired(_ timer: LoopTimer) {
        let now = MonotonicClock.now
        let elapsed = max(Double((now - lookedAt).wholeNanoseconds) / 1e9, 0.001)
        lookedAt = now
        let before = looks
        looks = [:]
        for service in counters.allServices {
            let total = service.requests.load(ordering: .relaxed)
            let last = before[service.name]?.total ?? 0
            // One that was gone for long begins at zero again.
            let rate = Double(total < last ? total : total - last) / elapsed
            looks[service.name] = Look(total: total, rate: (rate * 10).rounded() / 10)
        }
        timer.set(now + Self.period)
    }
}
