// Owns the tests of how long counters are kept.
import Testing
import Topology

@testable import DataPlane

@Suite("Counters by name")
struct NamedCountersTests {
    private final class Count: Sendable {}
    private typealias Counts = NamedCounters<String, Count>

    private func at(_ seconds: Int64) -> Tick { Tick(nanoseconds: seconds * 1_000_000_000) }

    @Test("The last values can be read for a minute, not for longer")
    func aMinute() {
        var counts = Counts()
        _ = counts.counters(of: "a", now: at(0)) { Count() }
        _ = counts.counters(of: "b", now: at(0)) { Count() }
        counts.use(["a"], now: at(10))
        counts.forget(now: at(69))
        #expect(counts.all.count == 2)
        counts.forget(now: at(70))
        #expect(counts.all.count == 1)
        counts.use([], now: at(80))
        counts.use(["c"], now: at(100))
        counts.forget(now: at(139))
        #expect(counts.all.count == 1, "a left at 80")
        counts.forget(now: at(140))
        #expect(counts.all.isEmpty)
    }

    @Test("Who comes back within the minute goes on counting; who comes later begins at zero")
    func comingBack() {
        var counts = Counts()
        var first: ObjectIdentifier?
        do { first = ObjectIdentifier(counts.counters(of: "a", now: at(0)) { Count() }) }
        counts.use([], now: at(0))
        counts.use(["a"], now: at(59))
        counts.forget(now: at(500))
        var made = 0
        do {
            let again = counts.counters(of: "a", now: at(500)) {
                made += 1
                return Count()
            }
            #expect(ObjectIdentifier(again) == first && made == 0)
        }
        counts.use([], now: at(500))
        counts.forget(now: at(560))
        _ = counts.counters(of: "a", now: at(561)) {
            made += 1
            return Count()
        }
        #expect(made == 1)
    }

    @Test("Nothing goes while somebody counts in it")
    func inFlight() {
        var counts = Counts()
        do {
            let held = counts.counters(of: "a", now: at(0)) { Count() }
            counts.use([], now: at(0))
            counts.forget(now: at(1_000))
            #expect(counts.all.count == 1)
            withExtendedLifetime(held) {}
        }
        counts.forget(now: at(1_001))
        #expect(counts.all.isEmpty)
    }

    @Test("What was asked for without being in use goes, too")
    func strangers() {
        var counts = Counts()
        counts.use(["a"], now: at(0))
        _ = counts.counters(of: "b", now: at(5)) { Count() }
        counts.forget(now: at(64))
        #expect(counts.all.count == 1)
        counts.forget(now: at(65))
        #expect(counts.all.isEmpty)
    }

    @Test("Two hundred changes of all names leave nothing behind")
    func churn() {
        var counts = Counts()
        for round in 0..<200 {
            let name = "service\(round)"
            counts.use([name], now: at(Int64(round) * 10))
            _ = counts.counters(of: name, now: at(Int64(round) * 10)) { Count() }
            counts.forget(now: at(Int64(round) * 10))
            #expect(counts.all.count <= 8)
        }
    }
}
