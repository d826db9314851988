// Tests ejection: when, for how long, how many at once, and how it is forgiven.
import Health
import Testing
import Topology

private let start = Tick(nanoseconds: 5_000_000_000)

@Suite struct OutlierDetectorTests {
    private func detector(_ endpoints: Int) -> OutlierDetector {
        OutlierDetector(identities: (0..<UInt64(endpoints)).map { $0 + 100 }, policy: OutlierPolicy())
    }

    /// The lengths of `count` ejections of endpoint 0, each `pause` after the end of the one before.
    private func lengths(_ count: Int, pause: Duration) -> [Duration] {
        var detector = detector(2)
        var random = RandomBits(seed: 1)
        var now = start
        return (0..<count).map { _ in
            guard let ejection = detector.evaluate(index: 0, consecutiveErrors: 5, now: now, random: &random) else {
                return .zero
            }
            let length = ejection.until - now
            let returned = detector.expire(now: ejection.until)
            #expect(returned == [0])
            now = ejection.until + pause
            return length
        }
    }

    private func isWithin(_ length: Duration, _ seconds: Int) -> Bool {
        (.seconds(seconds) ... .seconds(seconds) * 11 / 10).contains(length)
    }

    @Test(arguments: [(0, false), (4, false), (5, true), (500, true)])
    func ejectsAtTheLimit(_ errors: Int, _ ejects: Bool) {
        var detector = detector(2)
        var random = RandomBits(seed: 1)
        let ejection = detector.evaluate(index: 1, consecutiveErrors: errors, now: start, random: &random)
        #expect((ejection != nil) == ejects && detector.isEjected(1) == ejects && !detector.isEjected(0))
        #expect(detector.nextExpiry == ejection?.until && detector.ejectedCount == (ejects ? 1 : 0))
        if let ejection { #expect(ejection.index == 1 && ejection.times == 1) }
    }

    @Test func lengthsGrowUpToTheCap() {
        let expected = [30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 300, 300]
        for (length, seconds) in zip(lengths(12, pause: .seconds(1)), expected) { #expect(isWithin(length, seconds)) }
    }

    @Test func jitterSpreadsTheReturns() {
        var ends = Set<Tick>()
        for seed in 0..<100 {
            var detector = detector(2)
            var random = RandomBits(seed: UInt64(seed))
            if let ejection = detector.evaluate(index: 0, consecutiveErrors: 5, now: start, random: &random) {
                ends.insert(ejection.until)
                #expect(isWithin(ejection.until - start, 30))
            }
        }
        #expect(ends.count == 100)
    }

    /// Each 30 s without an ejection forgives one.
    @Test(arguments: [(29, [30, 60, 90]), (30, [30, 30, 30]), (1000, [30, 30, 30])])
    func goodBehaviourIsForgiven(_ pause: Int, _ expected: [Int]) {
        for (length, seconds) in zip(lengths(3, pause: .seconds(pause)), expected) {
            #expect(isWithin(length, seconds))
        }
    }

    @Test func forgivesFromTheCapWithoutDelay() {
        var detector = detector(2)
        var random = RandomBits(seed: 1)
        var now = start
        for _ in 0..<40 {
            let ejection = detector.evaluate(index: 0, consecutiveErrors: 5, now: now, random: &random)
            now = ejection?.until ?? now
            _ = detector.expire(now: now)
        }
        now = now + .seconds(30 * 10)
        #expect(detector.evaluate(index: 0, consecutiveErrors: 5, now: now, random: &random)?.times == 1)
    }

    /// Endpoints, share, and how many of them may be ejected.
    @Test(arguments: [
        (1, 0.5, 0), (2, 0.5, 1), (3, 0.5, 1), (4, 0.5, 2), (10, 0.5, 5), (100, 0.29, 29), (4, 1, 4), (4, 7, 4),
        (4, 0, 0), (4, -1, 0), (4, .nan, 0), (0, 0.5, 0),
    ])
    func leavesEnough(_ endpoints: Int, _ share: Double, _ ejectable: Int) {
        var detector = detector(endpoints)
        detector.policy.maximumEjectedShare = share
        var random = RandomBits(seed: 1)
        let ejected = (0..<endpoints).count {
            detector.evaluate(index: $0, consecutiveErrors: 9, now: start, random: &random) != nil
        }
        #expect(ejected == ejectable && detector.ejectedCount == ejectable)
    }

    @Test func returnsThoseWhoseTimeIsOver() {
        var detector = detector(6)
        var random = RandomBits(seed: 1)
        var ends: [Tick] = []
        for (step, index) in [4, 1, 3].enumerated() {
            let now = start + .seconds(step * 10)
            if let ejection = detector.evaluate(index: index, consecutiveErrors: 5, now: now, random: &random) {
                ends.append(ejection.until)
            }
        }
        // Already ejected, or no room.
        let more = [4, 0, 17, -1].map {
            detector.evaluate(index: $0, consecutiveErrors: 5, now: start, random: &random)
        }
        #expect(more.allSatisfy { $0 == nil } && detector.nextExpiry == ends[0])
        let early = detector.expire(now: Tick(nanoseconds: ends[0].nanoseconds - 1))
        let first = detector.expire(now: ends[0])
        #expect(early == [] && first == [4] && detector.nextExpiry == ends[1])
        let others = detector.expire(now: .distantFuture)
        #expect(others == [1, 3] && detector.nextExpiry == nil && detector.ejectedCount == 0)
    }

    @Test func readmissionEndsAnEjectionAndForgivesFromThenOn() {
        var detector = detector(2)
        var random = RandomBits(seed: 1)
        _ = detector.evaluate(index: 0, consecutiveErrors: 5, now: start, random: &random)
        let soon = start + .seconds(1)
        let first = detector.readmit(0, now: soon)
        let again = detector.readmit(0, now: soon)
        #expect(first && !again && !detector.isEjected(0))
        #expect(detector.ejectedCount == 0 && detector.nextExpiry == nil)
        let next = detector.evaluate(index: 0, consecutiveErrors: 5, now: soon, random: &random)
        #expect(next?.times == 2)
        let unknown = detector.readmit(7, now: soon)
        #expect(!unknown)
    }

    @Test func aNewListKeepsThoseThatStay() {
        var detector = detector(4)
        var random = RandomBits(seed: 1)
        let ejections = [0, 2].compactMap {
            detector.evaluate(index: $0, consecutiveErrors: 5, now: start, random: &random)
        }
        detector.update(identities: [999, 102, 101])
        #expect((0..<3).map { detector.isEjected($0) } == [false, true, false])
        #expect(detector.ejectedCount == 1 && detector.nextExpiry == ejections[1].until)
    }

    @Test func absurdDurationsDoNotOverflow() {
        var detector = detector(2)
        detector.policy.baseEjection = .seconds(Int64.max)
        detector.policy.maximumEjection = .seconds(Int64.max)
        var random = RandomBits(seed: 1)
        let first = detector.evaluate(index: 0, consecutiveErrors: 5, now: start, random: &random)
        #expect(first?.until == .distantFuture)
        detector.policy.baseEjection = .seconds(-1)
        detector.policy.maximumEjection = .zero
        detector.policy.maximumEjectedShare = 1
        let second = detector.evaluate(index: 1, consecutiveErrors: 5, now: start, random: &random)
        #expect(second?.until == start + .nanoseconds(1))
    }
}
