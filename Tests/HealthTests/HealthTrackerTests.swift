// Tests the state machine of an endpoint's health and the times of its checks.
import Health
import Testing
import Topology

private let start = Tick(nanoseconds: 5_000_000_000)

/// Feeds one result a letter (`+` success, `-` failure, `p` a refused connect of a request) and returns the first
/// letter of the state after each.
private func feed(_ results: String, to tracker: inout HealthTracker, policy: HealthCheckPolicy) -> String {
    var states = ""
    for result in results {
        let before = tracker.state
        let transition =
            switch result {
            case "+": tracker.record(.success, policy: policy)
            case "p": tracker.recordPassive(.connectRefused, policy: policy)
            default: tracker.record(.failure(.timedOut), policy: policy)
            }
        // A transition is told exactly when the state changes, and names both ends.
        #expect((transition != nil) == (before != tracker.state))
        if let transition { #expect(transition.from == before && transition.to == tracker.state) }
        states += tracker.state.rawValue.prefix(1)
    }
    return states
}

@Suite struct HealthTrackerTests {
    /// Results, and the state after each, with fall 3 and rise 2.
    @Test(arguments: [
        ("+", "u"), ("-", "d"), ("p", "d"), ("+---", "uuud"), ("+--+--+", "uuuuuuu"), ("+---++", "uuuddu"),
        ("-+-++", "ddddu"), ("-+p++", "ddddu"), ("+ppp", "uuud"), ("+p-p", "uuud"), ("-++---", "dduuud"),
    ])
    func followsRiseAndFall(_ results: String, _ states: String) {
        var tracker = HealthTracker()
        #expect(tracker.state == .unknown && tracker.state.takesTraffic)
        #expect(feed(results, to: &tracker, policy: HealthCheckPolicy()) == states)
    }

    @Test(arguments: [0, -3, 1]) func aSillyLimitCountsAsOne(_ limit: Int) {
        var policy = HealthCheckPolicy()
        policy.fall = limit
        policy.rise = limit
        var tracker = HealthTracker()
        #expect(feed("+-+-", to: &tracker, policy: policy) == "udud")
    }

    @Test func tellsWhy() {
        let policy = HealthCheckPolicy()
        var tracker = HealthTracker(state: .up)
        var transitions: [HealthTransition?] = []
        transitions.append(tracker.record(.failure(.timedOut), policy: policy))
        transitions.append(tracker.record(.failure(.status(500)), policy: policy))
        transitions.append(tracker.recordPassive(.connectReset, policy: policy))
        #expect(transitions == [nil, nil, HealthTransition(from: .up, to: .down, reason: .connectionReset)])
        #expect(tracker.lastFailure == .connectionReset && !tracker.state.takesTraffic)
        transitions = [tracker.record(.success, policy: policy), tracker.record(.success, policy: policy)]
        #expect(transitions == [nil, HealthTransition(from: .down, to: .up, reason: nil)])
        #expect(tracker.lastFailure == nil)
    }

    /// Results, and whether the next check comes four times as fast.
    @Test(arguments: [
        ("", true), ("+", false), ("+-", true), ("+--", true), ("+---", false), ("+---+", true), ("+---+-", false),
        ("+---++", false), ("+p", true), ("+p+", false),
    ])
    func checksFasterWhileChanging(_ results: String, _ changing: Bool) {
        var policy = HealthCheckPolicy()
        policy.jitter = 0
        var tracker = HealthTracker()
        var random = RandomBits(seed: 1)
        _ = feed(results, to: &tracker, policy: policy)
        #expect(tracker.isChanging == changing)
        let next = tracker.nextCheck(after: start, policy: policy, random: &random)
        #expect(next == start + (changing ? .milliseconds(500) : .seconds(2)))
    }

    @Test func jitterMovesACheckToEitherSide() {
        let policy = HealthCheckPolicy()
        let tracker = HealthTracker(state: .up)
        var random = RandomBits(seed: 2)
        let waits = (0..<1000).map { _ in tracker.nextCheck(after: start, policy: policy, random: &random) - start }
        #expect(waits.allSatisfy { (.milliseconds(1800) ... .milliseconds(2200)).contains($0) })
        #expect(waits.contains { $0 < .milliseconds(1820) } && waits.contains { $0 > .milliseconds(2180) })
        let firsts = (0..<1000).map { _ in tracker.firstCheck(after: start, policy: policy, random: &random) - start }
        #expect(firsts.allSatisfy { (.zero ... .milliseconds(500)).contains($0) })
        #expect(firsts.contains { $0 < .milliseconds(20) } && firsts.contains { $0 > .milliseconds(480) })
    }

    /// Intervals in nanoseconds and jitters that no one should set.
    @Test(
        arguments: [
            (0, 0.1, 1_000_000), (-5, 0.1, 1_000_000), (2_000_000_000, .nan, 2_000_000_000),
            (2_000_000_000, -1, 2_000_000_000), (Int64.max, 0, 86_400_000_000_000),
        ] as [(Int64, Double, Int64)])
    func survivesStrangePolicies(_ interval: Int64, _ jitter: Double, _ wait: Int64) {
        var policy = HealthCheckPolicy()
        policy.interval = .nanoseconds(interval)
        policy.jitter = jitter
        var random = RandomBits(seed: 3)
        let next = HealthTracker(state: .up).nextCheck(after: start, policy: policy, random: &random)
        #expect(next == start + .nanoseconds(wait))
    }
}
