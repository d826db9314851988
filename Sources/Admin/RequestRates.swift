// Owns requests a second: the difference between two looks at a counter.
internal import Proactor
internal import Synchronization
internal import Topology

/// Rates of services since they were last looked at, at least a second ago.
final class RequestRates: Sendable {
    private struct Look {
        var at: Tick
        var total: Int
        var rate: Double
    }
    private let looks = Mutex<[ServiceName: Look]>([:])

    /// - Parameter total: the counter's value now.
    func rate(of service: ServiceName, total: Int) -> Double {
        let now = EventLoop.clock()
        return looks.withLock { looks in
            guard let last = looks[service] else {
                looks[service] = Look(at: now, total: total, rate: 0)
                return 0
            }
            let elapsed = Double((now - last.at).wholeNanoseconds) / 1e9
            guard elapsed >= 1 else { return last.rate }
            let rate = (Double(total - last.total) / elapsed * 10).rounded() / 10
            looks[service] = Look(at: now, total: total, rate: rate)
            return rate
        }
    }
}
