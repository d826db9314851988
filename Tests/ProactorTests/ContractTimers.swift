// Owns the contract's tests of timers on a loop; the wheel alone is tested in TimerWheelTests.
import Testing
import Topology

@testable import Proactor

extension EventLoopContract {
    @Test(arguments: backends)
    func timersFireInTimeAndNeverEarly(_ io: IOKind) throws {
        let loop = try EventLoop(io: io, buffers: .modest)
        // A busy machine makes some late now and then; a loop that sleeps for too long, some each time.
        var rounds = 0
        var close = 0
        while close < 4, rounds < 50 {
            rounds += 1
            let log = Expiries(loop)
            let began = MonotonicClock.now
            for milliseconds in [1, 4, 5, 9, 20, 33, 60] { log.add(began + .milliseconds(milliseconds)) }
            let limit = began + .seconds(20)
            // Else a loop that takes no notice of the others would sleep for ever.
            log.add(limit)
            while log.fired.count < 7, MonotonicClock.now < limit { loop.turn() }
            #expect(log.fired.map(\.index).sorted() == Array(0..<7))
            #expect(log.fired.allSatisfy { $0.at >= $0.deadline })
            close = log.fired.count { $0.at - $0.deadline < .milliseconds(12) }
            log.end()
        }
        #expect(close >= 4)
        loop.end()
    }

    @Test(arguments: backends)
    func aHundredThousandTimersCostNothingATurn(_ io: IOKind) throws {
        let loop = try EventLoop(io: io, buffers: .modest)
        let log = Expiries(loop)
        for index in 0..<100_000 { log.add(loop.now + .seconds(30) + .milliseconds(index)) }
        loop.turn(limit: .zero)
        let (before, began) = (loop.timersVisited, loop.now)
        for _ in 0..<2_000 { loop.turn(limit: .zero) }
        // What comes round in that time, a moment unless the machine is busy, is slots of the second wheel: each a second's
        // worth of deadlines.
        let slots = 1 + Int((loop.now - began) / .seconds(1))
        #expect(loop.timersVisited - before <= 1_200 * slots)
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
        fired.append((index, index < 0 ? .zero : deadlines[index], MonotonicClock.now))
    }

    func end() { for timer in timers { timer.invalidate() } }
}
