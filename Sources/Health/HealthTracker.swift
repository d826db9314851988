// Owns one endpoint's health: how results of checks turn into up and down.

public import Topology

/// Whether an endpoint is believed to serve.
public enum EndpointHealth: String, CaseIterable, Sendable {
    /// No verdict yet. It takes traffic, so that a restart of the proxy is not an outage.
    case unknown
    case up
    case down

    /// Whether new requests go to it (apart from panic).
    public var takesTraffic: Bool { self != .down }
}

/// A change of an endpoint's health.
public struct HealthTransition: Hashable, Sendable {
    public let from: EndpointHealth
    public let to: EndpointHealth
    /// The failure that brought it down; nil when it went up.
    public let reason: CheckFailure?

    public init(from: EndpointHealth, to: EndpointHealth, reason: CheckFailure?) {
        self.from = from
        self.to = to
        self.reason = reason
    }
}

/// Counts the results of one endpoint's checks.
///
/// Legal transitions, and no others:
///
///     unknown -> up      the first result is a success
///     unknown -> down    the first result is a failure
///     up      -> down    `fall` failures in a row
///     down    -> up      `rise` successes in a row
///
/// As in HAProxy, one result decides about an unknown endpoint, since it takes unproven traffic until then. A passive
/// failure counts as one failed check in every state, so under load a dead endpoint is down after `fall` refused
/// connects, within milliseconds. It also marks the state as changing, which makes the next check due earlier.
public struct HealthTracker: Hashable, Sendable {
    /// The present verdict.
    public private(set) var state = EndpointHealth.unknown
    /// The reason for the last failure; nil if there was none since the endpoint went up.
    public private(set) var lastFailure: CheckFailure?
    /// Results in a row that contradict the state.
    private var streak = 0

    /// An endpoint without a verdict.
    public init() {}

    /// An endpoint whose state is known from before, for example after a reload that changed only its policy.
    public init(state: EndpointHealth) { self.state = state }

    /// Takes in the result of an active check.
    ///
    /// - Returns: the change of state that it made; nil when none.
    public mutating func record(_ result: CheckResult, policy: HealthCheckPolicy) -> HealthTransition? {
        switch result {
        case .success: succeed(rise: policy.rise)
        case .failure(let reason): fail(reason, fall: policy.fall)
        }
    }

    /// Takes in a failure of a request. A request that succeeds is not reported.
    ///
    /// When this makes `isChanging` true, the next check is due earlier: ask `nextCheck` again and take the earlier of
    /// the two.
    ///
    /// - Returns: the change of state that it made; nil when none.
    public mutating func recordPassive(_ failure: PassiveFailure, policy: HealthCheckPolicy) -> HealthTransition? {
        fail(failure.asCheckFailure, fall: policy.fall)
    }

    private mutating func succeed(rise: Int) -> HealthTransition? {
        switch state {
        case .unknown: return change(to: .up, reason: nil)
        case .up: streak = 0
        case .down:
            streak += 1
            if streak >= rise { return change(to: .up, reason: nil) }
        }
        return nil
    }

    private mutating func fail(_ reason: CheckFailure, fall: Int) -> HealthTransition? {
        lastFailure = reason
        switch state {
        case .unknown: return change(to: .down, reason: reason)
        case .down: streak = 0
        case .up:
            streak += 1
            if streak >= fall { return change(to: .down, reason: reason) }
        }
        return nil
    }

    private mutating func change(to new: EndpointHealth, reason: CheckFailure?) -> HealthTransition {
        let transition = HealthTransition(from: state, to: new, reason: reason)
        state = new
        streak = 0
        if new == .up { lastFailure = nil }
        return transition
    }

    /// Whether there is no verdict yet or the last result contradicted it; then checks come four times as often.
    public var isChanging: Bool { state == .unknown || streak > 0 }

    /// When to check next, after a check that began at `now`: one interval, or a quarter of it while the state is
    /// changing, moved by at most `policy.jitter` of itself to either side.
    public func nextCheck(after now: Tick, policy: HealthCheckPolicy, random: inout RandomBits) -> Tick {
        let interval = Self.bounded(policy.interval) / (isChanging ? 4 : 1)
        // A jitter that is not a number fails both comparisons and counts as 0.
        let jitter = policy.jitter > 0 ? min(policy.jitter, 1) : 0
        let factor = 1 + jitter * (2 * random.unit() - 1)
        return now + .nanoseconds(max(Int64(Double(interval) * factor), Self.leastNanoseconds))
    }

    /// When to check for the first time: at random within a quarter of the interval, so that thousands of endpoints do
    /// not begin at once.
    public func firstCheck(after now: Tick, policy: HealthCheckPolicy, random: inout RandomBits) -> Tick {
        now + .nanoseconds(Int64(Double(Self.bounded(policy.interval) / 4) * random.unit()))
    }

    /// Two checks are never nearer than a millisecond, whatever the settings say.
    private static let leastNanoseconds: Int64 = 1_000_000

    /// The interval in nanoseconds, at most a day: beyond that a `Double` would not convert back.
    private static func bounded(_ interval: Duration) -> Int64 {
        min(max(interval.wholeNanoseconds, 0), 86_400_000_000_000)
    }
}
