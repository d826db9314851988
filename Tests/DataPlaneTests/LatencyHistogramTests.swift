// Owns the tests of how long requests took: the class of each time, sums over workers, histograms that go round.
import Testing
import Topology

@testable import DataPlane

@Suite("Latency")
struct LatencyHistogramTests {
    @Test("A bound belongs to its class, one nanosecond more to the next")
    func bounds() {
        for (index, bound) in LatencyHistogram.bounds.enumerated() {
            for (time, expected) in [(bound, index), (bound + 1, index + 1)] {
                let histogram = LatencyHistogram()
                histogram.record(time)
                let reading = histogram.reading
                #expect(reading.counts.firstIndex(of: 1) == expected, "\(time)")
                #expect(reading.counts.reduce(0, +) == 1 && reading.nanoseconds == time)
            }
        }
        #expect(LatencyHistogram.bounds == LatencyHistogram.bounds.sorted())
    }

    @Test("A clock that stood still or went back counts as no time")
    func negative() {
        let histogram = LatencyHistogram()
        histogram.record(0)
        histogram.record(-5)
        #expect(histogram.reading.counts[0] == 2 && histogram.reading.nanoseconds == 0)
    }

    @Test("A service's time is that of all workers, also of those that let go of it")
    func workers() {
        let counters = TrafficCounters().service(ServiceName("shop"))
        let (first, second) = (counters.takeHistogram(), counters.takeHistogram())
        #expect(first !== second)
        first.record(1_000)
        second.record(2_000)
        second.record(60_000_000_000)
        counters.giveBack(first)
        #expect(counters.latency.counts.first == 2 && counters.latency.counts.last == 1)
        #expect(counters.latency.nanoseconds == 60_000_003_000)
        // The next worker goes on in it: a reload neither loses counts nor takes memory.
        #expect(counters.takeHistogram() === first)
        first.record(1)
        #expect(counters.latency.counts.first == 3)
    }
}
