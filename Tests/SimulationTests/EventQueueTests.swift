// Owns the checks of the order in which planned things happen, and of clocks that drift.
import Testing
import Topology

@testable import Simulation

@Suite("Virtual time")
struct EventQueueTests {
    @Test("Things happen by time, and at one time as they were planned")
    func order() {
        var queue = EventQueue<Int>()
        var random = RandomBits(seed: 7)
        let instants = (0..<500).map { _ in Int64(random.below(40)) }
        for (number, instant) in instants.enumerated() { queue.add(number, at: Tick(nanoseconds: instant)) }
        var taken: [Int] = []
        while let (at, number) = queue.next() {
            #expect(at.nanoseconds == instants[number])
            taken.append(number)
        }
        #expect(taken == instants.indices.sorted { (instants[$0], $0) < (instants[$1], $1) })
    }

    @Test("A clock's instant is the first at which it shows a time", arguments: [-5_000, -1, 0, 3, 5_000] as [Int64])
    func clock(_ drift: Int64) {
        let clock = NodeClock(offset: 123_456_789, partsPerMillion: drift)
        var random = RandomBits(seed: 3)
        for _ in 0..<200 {
            let local = Tick(nanoseconds: clock.offset + 1 + Int64(random.below(1 << 31)) * 100)
            let instant = clock.instant(showing: local)
            #expect(clock.local(at: instant) >= local)
            #expect(clock.local(at: instant.adding(nanoseconds: -1)) < local)
        }
    }
}
