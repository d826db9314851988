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
        // One that was slow by chance is forgotten soon.
        for _ in 0..<5 { estimator.observe(.milliseconds(8)) }
        #expect((estimator.estimate ?? .zero) < .milliseconds(11))
        for _ in 0..<1000 { estimator.observe(.seconds(-1)) }
        #expect((estimator.estimate ?? .zero) > .zero)
    }
}

@Suite struct NearestOrderTests {
    /// The order once as many connects as it takes had these times, in milliseconds; none for 0.
    private func order(_ milliseconds: [Double], local: Int? = nil, samples: Int = 11) -> NearestOrder {
        var order = NearestOrder(datacenters: milliseconds.count, local: local)
        observe(milliseconds, samples, into: &order)
        return order
    }

    /// - Returns: after how many rounds the order changed.
    @discardableResult
    private func observe(_ milliseconds: [Double], _ samples: Int, into order: inout NearestOrder) -> [Int] {
        (1...samples).filter { _ in
            let old = order.order
            for (datacenter, time) in milliseconds.enumerated() where time > 0 {
                _ = order.observe(.microseconds(Int(time * 1000)), datacenter: datacenter)
            }
            return order.order != old
        }
    }

    /// What was measured, in milliseconds, and the order of it.
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let times: [Double]
        var local: Int?
        let order: [Int]

        init(_ name: String, _ times: [Double], local: Int? = nil, _ order: [Int]) {
            testDescription = name
            self.times = times
            self.local = local
            self.order = order
        }
    }

    static let cases = [
        Case("nothing measured: as listed", [0, 0, 0], [0, 1, 2]),
        Case("nothing measured: the own one first", [0, 0, 0], local: 2, [2, 0, 1]),
        Case("the farthest is listed first", [30, 20, 10], [2, 1, 0]),
        Case("as listed", [10, 20, 30], [0, 1, 2]),
        Case("all as far", [10, 10, 10], [0, 1, 2]),
        Case("all as far, and one is the own", [10, 10, 10], local: 1, [1, 0, 2]),
        Case("twice as far is as far on one machine", [0.1, 0.05, 0.2], local: 2, [2, 0, 1]),
        Case("a fifth less is no less", [10, 8, 9], local: 0, [0, 1, 2]),
        Case("the own one is far", [10, 50, 20], local: 1, [0, 2, 1]),
        Case("nothing is claimed of the unmeasured", [0, 50, 10], [0, 2, 1]),
        Case("nor of the own one", [20, 0, 10], local: 1, [1, 2, 0]),
        Case("a stranger is no own one", [10, 10], local: 7, [0, 1]),
        Case("none at all", [], []),
    ]

    @Test(arguments: cases) func distancesSort(_ test: Case) {
        #expect(order(test.times, local: test.local).order == test.order)
    }

    /// Two processes at one place see the same distances with other noise, and in another sequence.
    @Test func allThatAreAtOnePlaceAgree() {
        var random = RandomBits(seed: 7)
        // Microseconds; the first three are on the node's own network.
        let distances = [40, 40, 40, 900, 30_000, 80_000]
        for process in 0..<200 {
            var order = NearestOrder(datacenters: distances.count, local: 1)
            for _ in 0..<400 {
                let datacenter = random.below(distances.count)
                // Now and then a machine is busy, or a SYN is lost.
                let delay = random.below(10) == 0 ? random.below(30_000) : random.below(100)
                _ = order.observe(.microseconds(distances[datacenter] + delay), datacenter: datacenter)
                #expect(order.order.first == 1, "process \(process)")
            }
            for _ in 0..<20 {
                for (datacenter, distance) in distances.enumerated() {
                    _ = order.observe(.microseconds(distance + random.below(100)), datacenter: datacenter)
                }
            }
            #expect(order.order == [1, 0, 2, 3, 4, 5], "process \(process)")
        }
    }

    /// The second's new time against the first's 100 ms, and whether it overtakes.
    @Test(arguments: [(95, false), (81, false), (79, true), (10, true)])
    func overtakesOnlyWhenMuchNearer(_ time: Double, _ overtakes: Bool) {
        var order = order([100, 200])
        observe([100, time], 200, into: &order)
        #expect(order.order == (overtakes ? [1, 0] : [0, 1]))
    }

    @Test func takesTenSamplesOfEach() {
        var order = order([100, 101])
        #expect(observe([0, 1], 100, into: &order).isEmpty)
        #expect(observe([100, 0], 9, into: &order).isEmpty)
        #expect(observe([100, 0], 100, into: &order) == [1])
        #expect(order.order == [1, 0])
    }

    @Test func fallsBackWhenItIsNearerNoMore() {
        var order = order([100, 50])
        #expect(order.order == [1, 0])
        // Between the two thresholds nothing changes.
        observe([100, 85], 100, into: &order)
        #expect(order.order == [1, 0])
        observe([100, 97], 100, into: &order)
        #expect(order.order == [0, 1])
    }

    @Test func aStreakIsBrokenByOneThatIsNotNearer() {
        var order = order([100, 100])
        for _ in 0..<50 {
            observe([100, 70], 9, into: &order)
            observe([100, 130], 4, into: &order)
        }
        #expect(order.order == [0, 1])
    }

    @Test func passesAllThatAreMuchFartherAtOnce() {
        // Each is within 20 % of the next; the last is far nearer than the first only.
        var order = order([100, 110, 120])
        observe([100, 85, 120], 100, into: &order)
        #expect(order.order == [0, 1, 2])
        observe([100, 85, 70], 100, into: &order)
        #expect(order.order == [2, 0, 1])
    }

    @Test func ignoresStrangers() {
        var order = order([1, 2], samples: 1)
        let changes = [2, -1].map { order.observe(.zero, datacenter: $0) }
        #expect(changes == [false, false])
        #expect(order.estimate(2) == nil && order.estimate(1) == .milliseconds(2))
    }
}
