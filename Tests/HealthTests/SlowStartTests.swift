// Tests the ramp of a weight: its ends, its steps, and that it never reaches 0.
import Health
import Testing
import Topology

private let start = Tick(nanoseconds: 5_000_000_000)

private func window(_ seconds: Int) -> SlowStartPolicy {
    var policy = SlowStartPolicy()
    policy.window = .seconds(seconds)
    return policy
}

@Suite struct SlowStartTests {
    /// Weight, milliseconds since up, and the effective weight, for a window of 20 s.
    @Test(arguments: [
        (1, 0, 25), (1, 999, 25), (1, 1000, 37), (1, 10_000, 140), (1, 19_999, 244), (1, 20_000, 256), (1, 90_000, 256),
        (1, -500, 25), (256, 0, 6553), (256, 10_000, 36_044), (256, 20_000, 65_536), (0, 10_000, 0), (-3, 0, 0),
        (1000, 20_000, 65_536),
    ])
    func climbsFromATenth(_ weight: Int, _ milliseconds: Int, _ effective: Int) {
        let now = start + .milliseconds(milliseconds)
        #expect(SlowStart.weight(full: weight, since: start, now: now, policy: window(20)) == effective)
    }

    @Test func thereIsNoRampWithoutAWindowOrAReturn() {
        #expect(SlowStart.weight(full: 3, since: start, now: start, policy: SlowStartPolicy()) == 768)
        #expect(SlowStart.weight(full: 3, since: nil, now: start, policy: window(20)) == 768)
        #expect(SlowStart.nextStep(since: start, now: start, policy: SlowStartPolicy()) == nil)
        #expect(SlowStart.nextStep(since: nil, now: start, policy: window(20)) == nil)
        #expect(SlowStart.weight(full: 3, since: .distantFuture, now: Tick(nanoseconds: .min), policy: window(1)) == 76)
    }

    @Test(arguments: [Duration.seconds(20), .seconds(7), .nanoseconds(19), .seconds(Int64.max)])
    func eachStepChangesTheWeightUntilItIsFull(_ length: Duration) {
        var policy = SlowStartPolicy()
        policy.window = length
        var now = start
        var weights = [SlowStart.weight(full: 1, since: start, now: now, policy: policy)]
        while let next = SlowStart.nextStep(since: start, now: now, policy: policy), next < .distantFuture {
            #expect(next > now)
            let before = Tick(nanoseconds: next.nanoseconds - 1)
            #expect(SlowStart.weight(full: 1, since: start, now: before, policy: policy) == weights.last)
            now = next
            weights.append(SlowStart.weight(full: 1, since: start, now: now, policy: policy))
        }
        #expect(weights == weights.sorted() && weights.count <= SlowStart.steps + 1)
        #expect(Set(weights).count == weights.count)
        if length < .seconds(100) { #expect(weights.last == 256) }
    }
}
