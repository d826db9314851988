// Owns how many lines a subject may log: a burst, then a few a second, with a count of what was left out.
internal import Topology

/// A leaky bucket of lines. What it refuses costs its caller no line, only a count.
struct LogBudget {
    /// So many lines may come at once.
    private let burst: Int
    /// The time that one more line takes after those.
    private let interval: Duration
    /// When as many lines as there were would have been due, one an interval.
    private var due = Tick.zero
    private var leftOut = 0

    init(burst: Int = 32, interval: Duration = .milliseconds(500)) {
        self.burst = burst
        self.interval = interval
    }

    /// Whether a line may be logged now; one that may not is counted.
    mutating func takes(now: Tick) -> Bool {
        let next = max(due, now) + interval
        guard next <= now + interval * burst else {
            leftOut += 1
            return false
        }
        due = next
        return true
    }

    /// How many lines were left out since this was asked last; asked once a line may be logged again.
    mutating func takeLeftOut() -> Int {
        defer { leftOut = 0 }
        return leftOut
    }

    /// Whether there is something left out to tell of, and a line for it.
    func hasRest(now: Tick) -> Bool { leftOut > 0 && max(due, now) + interval <= now + interval * burst }
}
