// Owns the tests of a loop whose time a test moves.
import Testing
import Topology

@testable import Proactor

@Suite struct ManualClockTests {
    private final class Log: TimerHandler {
        var fired = 0
        func timerExpired(_ timer: LoopTimer) { fired += 1 }
    }

    @Test(arguments: EventLoopContract.backends)
    func timersGoByTheClockThatTheLoopWasGiven(_ io: IOKind) throws {
        let time = ManualClock()
        let loop = try EventLoop(io: io, buffers: .modest, clock: time.clock)
        let log = Log()
        let timer = loop.makeTimer(log)
        #expect(loop.now == time.now)
        timer.set(loop.now + .seconds(3_600))
        loop.turn(limit: .zero)
        #expect(log.fired == 0)
        time.advance(by: .seconds(3_599))
        #expect(loop.clock() == time.now)
        loop.turn(limit: .zero)
        #expect(log.fired == 0 && loop.now == time.now)
        time.advance(by: .seconds(2))
        // Without a limit: what is due by the clock must not be waited for.
        loop.turn()
        #expect(log.fired == 1)
        loop.end()
    }

    @Test(arguments: EventLoopContract.backends)
    func aLetterLetsALoopSeeThatItsClockWasMoved(_ io: IOKind) throws {
        final class Resident {
            let loop: EventLoop
            let log = Log()
            let timer: LoopTimer
            init(_ loop: EventLoop) {
                self.loop = loop
                timer = loop.makeTimer(log)
                timer.set(loop.now + .milliseconds(5))
            }
        }
        let time = ManualClock()
        let host = try LoopHost<Resident>.start(name: "manual", io: io, buffers: .modest, clock: time.clock) {
            Resident($0)
        }
        for isMoved in [false, false, true] {
            if isMoved { time.advance(by: .seconds(1)) }
            let signal = Signal()
            // At the end of the turn, for its timers come after its letters.
            host.post { resident in resident.loop.atEndOfTurn { signal.raise(resident.log.fired + 1) } }
            #expect(signal.wait() == (isMoved ? 2 : 1))
        }
        host.stop()
    }

    @Test func itNeverGoesBack() {
        let time = ManualClock(at: Tick(nanoseconds: 100))
        time.advance(by: .nanoseconds(-50))
        #expect(time.now == Tick(nanoseconds: 100))
        time.advance(by: .nanoseconds(50))
        #expect(time.now == Tick(nanoseconds: 150))
    }

    @Test func theSystemsClockIsTheDefault() throws {
        let before = MonotonicClock.now
        let loop = try EventLoop(io: .epoll, buffers: .modest)
        #expect(before <= loop.clock() && loop.clock() <= MonotonicClock.now)
    }
}
