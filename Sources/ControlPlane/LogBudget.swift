// Owns how many lines a subject may log: a burst, then a few a second, with a count of what was left out.
internal import Topology

/// A leaky bucket of lines. A refused line is only counted.
struct LogBudget {
    /// How many lines may come at once.
    private let burst: Int
    /// The time between further lines.
    private let interval: Duration
    /// When the lines so far would have been due at one each interval.
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

    /// How many lines were left out since the last call; asked when a line may be logged again.
    mutating func takeLeftOut() -> Int {
        defer { leftOut = 0 }
        return leftOut
    }

    /// Whether lines were left out and there is room for a line that says so.
    func hasRest(now: Tick) -> Bool { leftOut > 0 && max(due, now) + interval <= now + interval * burst }
}
