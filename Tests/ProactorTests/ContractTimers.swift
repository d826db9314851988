// Owns the contract's tests of timers on a loop; the wheel alone is tested in TimerWheelTests.
import Testing
import Topology

@testable import Proactor

extension EventLoopContract {
    @Test(arguments: backends)
    func timersFireInTimeAndNeverEarly(_ io: IOKind) throws {
        let loop = try EventLoop(io: io, buffers: .modest)
        let log = Expiries(loop)
        let began = EventLoop.clock()
        for milliseconds in [1, 4, 5, 9, 20, 33, 60] { log.add(began + .milliseconds(milliseconds)) }
        let limit = EventLoop.clock() + .seconds(5)
        while log.fired.count < 7, EventLoop.clock() < limit { loop.turn() }
        #expect(log.fired.map(\.index).sorted() == Array(0..<7))
        #expect(log.fired.allSatisfy { $0.at >= $0.deadline })
        // Late by the resolution, and by what a busy machine adds: half of them must be close.
        #expect(log.fired.count { $0.at - $0.deadline < .milliseconds(12) } >= 4)
        log.end()
        loop.end()
    }

    @Test(arguments: backends)
    func aHundredThousandTimersCostNothingATurn(_ io: IOKind) throws {
        let loop = try EventLoop(io: io, buffers: .modest)
        let log = Expiries(loop)
        for index in 0..<100_000 { log.add(loop.now + .seconds(30) + .milliseconds(index)) }
        loop.turn(limit: .zero)
        let before = loop.timersVisited
        for _ in 0..<2_000 { loop.turn(limit: .zero) }
        // What comes round in that time is one slot of the second wheel at most, a second's worth of deadlines.
        #expect(loop.timersVisited - before <= 1_200)
        #expect(log.fired.isEmpty)
        // Moving a deadline later, as each request does, touches the wheel not at all.
        let moved = loop.timersVisited
        for timer in log.timers { timer.set(loop.now + .seconds(600)) }
        #expect(loop.timersVisited == moved)
        log.end()
        loop.end()
    }

    @Test(arguments: backends)
    func aTurnWithoutTimersSleepsToItsLimit(_ io: IOKind) throws {
        let bench = try Workbench(io)
        bench.turn(for: .milliseconds(5))
        #expect(bench.turn(for: .milliseconds(150)) <= 5)
        bench.finish()
    }
}

/// Timers that write down when they fired.
final class Expiries: TimerHandler {
    private let loop: EventLoop
    private(set) var timers: [LoopTimer] = []
    private var deadlines: [Tick] = []
    var fired: [(index: Int, deadline: Tick, at: Tick)] = []

    init(_ loop: EventLoop) { self.loop = loop }

    func add(_ deadline: Tick) {
        let timer = loop.makeTimer(self)
        timer.set(deadline)
        timers.append(timer)
        deadlines.append(deadline)
    }

    func timerExpired(_ timer: LoopTimer) {
        let index = timers.firstIndex { $0 === timer } ?? -1
        fired.append((index, index < 0 ? .zero : deadlines[index], EventLoop.clock()))
    }

    func end() { for timer in timers { timer.invalidate() } }
}
