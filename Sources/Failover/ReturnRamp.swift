// Owns how an active/active datacenter that was down comes back: with a part of its share first.
public import Topology

/// The ramp of one datacenter of a service whose policy is not `primary`: 10, 25, 50 and 100 % of its share.
///
/// A datacenter that was not down has all of its share; one that comes back begins at 10 % and takes a step every
/// `step`. Going down on the way starts it over. The steps follow from times alone, so it does not matter if a tick is
/// missed.
public struct ReturnRamp: Sendable {
    /// The part of a datacenter's share at each step.
    public static let percents = [10, 25, 50, 100]
    /// The time between two steps: long enough for caches and pools to fill, and for the problem to show up again.
    public static let defaultStep = Duration.seconds(30)

    private let step: Duration
    private var isDown = false
    private var backSince: Tick?

    public init(step: Duration = Self.defaultStep) { self.step = max(step, .nanoseconds(1)) }

    /// Takes in whether the datacenter is down as of `now`.
    public mutating func observe(isDown: Bool, now: Tick) {
        if self.isDown, !isDown { backSince = now }
        if isDown { backSince = nil }
        self.isDown = isDown
    }

    /// The part of its share that the datacenter gets at `now`, in percent; 0 while it is down.
    public func percent(now: Tick) -> Int {
        if isDown { return 0 }
        guard let taken = stepsTaken(now: now) else { return 100 }
        return Self.percents[taken]
    }

    /// When the next step is due; nil: none is.
    public func nextStep(now: Tick) -> Tick? {
        guard let backSince, let taken = stepsTaken(now: now), taken < Self.percents.count - 1 else { return nil }
        return backSince + step * (taken + 1)
    }

    private func stepsTaken(now: Tick) -> Int? {
        guard let backSince else { return nil }
        let steps = max(0, now.nanoseconds(since: backSince)) / max(1, step.wholeNanoseconds)
        return Int(min(steps, Int64(Self.percents.count - 1)))
    }
}
