// Tests the order of datacenters by connect time: where samples put them, and what hysteresis refuses.
import Balancing
import Testing
import Topology

@Suite struct ConnectTimeEstimatorTests {
    @Test func smoothsAndBoundsASample() {
        var estimator = ConnectTimeEstimator()
        #expect(estimator.estimate == nil)
        estimator.observe(.milliseconds(8))
        #expect(estimator.estimate == .milliseconds(8))
        estimator.observe(.milliseconds(16))
        #expect(estimator.estimate == .milliseconds(9))
        // A second for a lost SYN counts as 36 ms.
        estimator.observe(.seconds(1))
        #expect(estimator.estimate == .microseconds(12_375))
        for _ in 0..<200 { estimator.observe(.milliseconds(100)) }
        #expect((estimator.estimate ?? .zero) > .milliseconds(99))
        for _ in 0..<1000 { estimator.observe(.seconds(-1)) }
        #expect((estimator.estimate ?? .zero) > .zero)
    }
}

@Suite struct NearestOrderTests {
    private func order(_ milliseconds: [Int]) -> NearestOrder {
        var order = NearestOrder(datacenters: milliseconds.count)
        for (datacenter, time) in milliseconds.enumerated() where time > 0 {
            _ = order.observe(.milliseconds(time), datacenter: datacenter)
        }
        return order
    }

    @Test(arguments: [
        ([0, 0, 0], [0, 1, 2]), ([30, 20, 10], [2, 1, 0]), ([10, 20, 30], [0, 1, 2]), ([0, 50, 0], [1, 0, 2]),
        ([20, 0, 10], [2, 0, 1]), ([10, 10, 10], [0, 1, 2]), ([], []),
    ])
    func firstSamplesSort(_ times: [Int], _ expected: [Int]) { #expect(order(times).order == expected) }

    /// The second's new time against the first's 100 ms, and whether it overtakes.
    @Test(arguments: [(95, false), (81, false), (79, true), (10, true)])
    func overtakesOnlyWhenMuchNearer(_ time: Int, _ overtakes: Bool) {
        var order = order([100, 200])
        for _ in 0..<200 { _ = order.observe(.milliseconds(time), datacenter: 1) }
        #expect(order.order == (overtakes ? [1, 0] : [0, 1]))
    }

    @Test func takesTenSamplesInARow() {
        var order = order([100, 101])
        // The estimate falls below 80 % of the other's with the second of these.
        let changes = (0..<20).map { _ in order.observe(.milliseconds(1), datacenter: 1) }
        #expect(changes.firstIndex(of: true) == 10 && changes.count { $0 } == 1)
        #expect(order.order == [1, 0])
    }

    @Test func aStreakIsBrokenByOneThatIsNotNearer() {
        var order = order([100, 100])
        for _ in 0..<50 {
            for _ in 0..<9 { _ = order.observe(.milliseconds(70), datacenter: 1) }
            for _ in 0..<4 { _ = order.observe(.milliseconds(130), datacenter: 1) }
        }
        #expect(order.order == [0, 1])
    }

    @Test func passesAllThatAreMuchFartherAtOnce() {
        // Each is within 20 % of the next; the last is far nearer than the first only.
        var order = order([100, 110, 120])
        for _ in 0..<100 { _ = order.observe(.milliseconds(85), datacenter: 1) }
        #expect(order.order == [0, 1, 2])
        for _ in 0..<100 { _ = order.observe(.milliseconds(70), datacenter: 2) }
        #expect(order.order == [2, 0, 1])
    }

    @Test func ignoresStrangers() {
        var order = order([1, 2])
        let changes = [2, -1].map { order.observe(.zero, datacenter: $0) }
        #expect(changes == [false, false])
        #expect(order.estimate(2) == nil && order.estimate(1) == .milliseconds(2))
    }
}
