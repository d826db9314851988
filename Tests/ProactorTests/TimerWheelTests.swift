// Owns the tests of the timing wheel, driven by an artificial clock.
import Testing
import Topology

@testable import Proactor

@Suite struct TimerWheelTests {
    /// A wheel, its clock, and what fired at what time.
    private final class Clockwork: TimerHandler {
        let wheel: TimerWheel
        var now: Tick
        var fired: [(timer: LoopTimer, at: Tick)] = []
        var onFire: ((LoopTimer) -> Void)?

        init(from start: Int64) {
            now = Tick(nanoseconds: start)
            wheel = TimerWheel(now: now)
        }

        func timerExpired(_ timer: LoopTimer) {
            fired.append((timer, now))
            onFire?(timer)
        }

        func timer(after duration: Duration) -> LoopTimer {
            let timer = wheel.makeTimer(self)
            timer.set(now + duration)
            return timer
        }

        /// Sleeps as a loop would, until nothing is linked or the limit is over.
        ///
        /// - Returns: how often it woke.
        @discardableResult
        func sleep(for duration: Duration) -> Int {
            let limit = now + duration
            var wakes = 0
            while now < limit {
                guard let wait = wheel.wait(from: now) else {
                    now = limit
                    break
                }
                now = min(limit, now + .nanoseconds(max(wait, 1)))
                wheel.advance(to: now)
                wakes += 1
            }
            return wakes
        }
    }

    private static let starts: [Int64] = [0, 1, 4_194_303, 1_073_741_823, 123_456_789_012_345, 274_877_906_944 * 3 - 1]

    @Test(arguments: starts)
    func everyDistanceFiresInTimeThroughAllWheels(_ start: Int64) {
        let clockwork = Clockwork(from: start)
        let distances: [Duration] = [
            .nanoseconds(0), .nanoseconds(1), .milliseconds(4), .milliseconds(5), .milliseconds(1_060),
            .milliseconds(1_069),
            .milliseconds(1_070), .milliseconds(1_074), .milliseconds(1_080), .seconds(2), .seconds(60), .seconds(274),
            .seconds(275), .seconds(276), .seconds(1_000),
        ]
        let timers = distances.map { ($0, clockwork.timer(after: $0)) }
        let began = clockwork.now
        clockwork.sleep(for: .seconds(1_100))
        #expect(clockwork.fired.count == timers.count)
        for (distance, timer) in timers {
            let expiries = clockwork.fired.filter { $0.timer === timer }
            #expect(expiries.count == 1, "\(distance)")
            guard let expiry = expiries.first else { continue }
            #expect(expiry.at >= began + distance, "\(distance) fired early")
            #expect(expiry.at - (began + distance) <= .nanoseconds(2 << 22), "\(distance) fired late")
            #expect(timer.deadline == .distantFuture)
        }
        #expect(clockwork.wheel.wait(from: clockwork.now) == nil)
    }

    @Test func deadlinesBeyondTheLastWheelGoRoundAgain() {
        let clockwork = Clockwork(from: 987_654_321)
        // The three wheels reach 255 x 275 s.
        let began = clockwork.now
        let timers = [70_000, 70_300, 70_500].map { clockwork.timer(after: .seconds($0)) }
        clockwork.sleep(for: .seconds(71_000))
        #expect(clockwork.fired.map { ObjectIdentifier($0.timer) } == timers.map { ObjectIdentifier($0) })
        for (expiry, seconds) in zip(clockwork.fired, [70_000, 70_300, 70_500]) {
            #expect(expiry.at >= began + .seconds(seconds))
            #expect(expiry.at - (began + .seconds(seconds)) <= .nanoseconds(2 << 22))
        }
    }

    @Test(arguments: starts)
    func randomDeadlinesFireInTimeWhateverTheyAreMovedTo(_ start: Int64) {
        let clockwork = Clockwork(from: start)
        var bits = UInt64(bitPattern: start) | 1
        func random(_ limit: UInt64) -> UInt64 {
            bits = bits &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (bits >> 20) % limit
        }
        let timers = (0..<200).map { _ in clockwork.wheel.makeTimer(clockwork) }
        var deadlines: [ObjectIdentifier: Tick] = [:]
        clockwork.onFire = { timer in
            let deadline = deadlines.removeValue(forKey: ObjectIdentifier(timer))
            #expect(deadline != nil, "fired without being armed")
            guard let deadline else { return }
            #expect(clockwork.now >= deadline)
            #expect(clockwork.now - deadline <= .nanoseconds(2 << 22))
        }
        for _ in 0..<4_000 {
            let timer = timers[Int(random(200))]
            if random(5) == 0 {
                timer.cancel()
                deadlines[ObjectIdentifier(timer)] = nil
            } else {
                // From a millisecond to days, evenly in the exponent.
                let deadline = clockwork.now + .nanoseconds(Int64(1 << (20 + random(20))) + Int64(random(1 << 20)))
                timer.set(deadline)
                deadlines[ObjectIdentifier(timer)] = deadline
            }
            clockwork.sleep(for: .nanoseconds(Int64(1 << (18 + random(14)))))
        }
        clockwork.sleep(for: .seconds(1_200))
        #expect(deadlines.isEmpty)
    }

    @Test func movedCancelledAndInvalidatedTimersObey() {
        let clockwork = Clockwork(from: 5_000_000_000)
        let later = clockwork.timer(after: .milliseconds(20))
        later.set(clockwork.now + .milliseconds(500))
        let earlier = clockwork.timer(after: .seconds(100))
        earlier.set(clockwork.now + .milliseconds(50))
        let cancelled = clockwork.timer(after: .milliseconds(30))
        cancelled.cancel()
        let again = clockwork.timer(after: .milliseconds(30))
        again.cancel()
        again.set(clockwork.now + .milliseconds(700))
        let invalid = clockwork.timer(after: .milliseconds(30))
        invalid.invalidate()
        var dropped: LoopTimer? = clockwork.timer(after: .milliseconds(30))
        #expect(dropped != nil)
        dropped = nil
        clockwork.sleep(for: .seconds(200))
        #expect(
            clockwork.fired.map { $0.timer === earlier ? 1 : $0.timer === later ? 2 : $0.timer === again ? 3 : 0 } == [
                1, 2, 3,
            ])
        #expect(cancelled.deadline == .distantFuture && invalid.handler == nil)
    }

    @Test func handlersMayChangeTimersOfTheSameSlot() {
        let clockwork = Clockwork(from: 0)
        let timers = (0..<4).map { _ in clockwork.timer(after: .milliseconds(10)) }
        var rounds = 0
        clockwork.onFire = { timer in
            rounds += 1
            guard rounds == 1 else { return }
            for other in timers where other !== timer {
                if other === timers[0] || other === timers[3] {
                    other.cancel()
                } else {
                    other.set(clockwork.now + .seconds(3))
                }
            }
            timer.set(clockwork.now + .milliseconds(1))
        }
        clockwork.sleep(for: .seconds(10))
        #expect(rounds == clockwork.fired.count)
        let first = clockwork.fired[0].timer
        #expect(clockwork.fired.count { $0.timer === first } == 2)
        #expect(clockwork.fired.allSatisfy { $0.timer === first || $0.at >= Tick(nanoseconds: 3_000_000_000) })
    }

    @Test func aLongSleepOverEmptyWheelsIsOneStep() {
        let clockwork = Clockwork(from: 0)
        let timer = clockwork.timer(after: .milliseconds(1))
        clockwork.sleep(for: .seconds(1))
        #expect(clockwork.fired.count == 1)
        clockwork.now = clockwork.now + .seconds(100_000_000)
        clockwork.wheel.advance(to: clockwork.now)
        timer.set(clockwork.now + .milliseconds(5))
        clockwork.sleep(for: .seconds(1))
        #expect(clockwork.fired.count == 2)
    }

    @Test func waitingForAFarDeadlineWakesAtMostOnceASecond() {
        let clockwork = Clockwork(from: 0)
        let timer = clockwork.timer(after: .seconds(3_600))
        #expect(clockwork.sleep(for: .seconds(3_590)) <= 3_600)
        #expect(clockwork.fired.isEmpty && timer.deadline == Tick(nanoseconds: 3_600_000_000_000))
    }
}
