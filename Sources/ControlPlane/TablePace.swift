// Owns how soon one routing table may follow another: changes come in bursts, and tables can be large.
internal import Topology

/// Tables keep a distance, except those that somebody waits for: the answer to a change waits for the table that shows
/// it.
///
/// A few may follow each other closely, as when a primary moves. In a lasting flood of changes each table is soon out
/// of date and still costs every worker a look, so there are fewer of them; and fewer yet the larger they are, so that
/// control and workers spend most of their time otherwise.
struct TablePace {
    /// The least time between two tables that nobody is waiting for.
    static let spacing = Duration.milliseconds(5)
    /// The time between them in a flood, and how many may come before it counts as one (a leaky bucket).
    private static let stormSpacing = Duration.milliseconds(20)
    private static let burst = 16
    /// How many times as long as it took to build lie between a table and the next, and the most that may be.
    private static let restFactor = 8
    private static let longestRest = Duration.milliseconds(500)
    /// If a table took longer than this to build, even those that somebody waits for keep a distance.
    private static let quick = Duration.milliseconds(1)
    /// When this many are waiting, more will come in a moment, so they share a table and the work for it.
    private static let crowd = 4
    private static let crowdSpacing = Duration.milliseconds(1)

    private var publishedAt = Tick.zero
    private var buildTime = Duration.zero
    /// When the tables so far would have been due at the pace of a flood.
    private var due = Tick.zero

    /// A table was built from `began` to `ended`.
    mutating func published(_ began: Tick, _ ended: Tick) {
        publishedAt = began
        buildTime = ended - began
        due = min(max(due, began) + Self.stormSpacing, began + Self.stormSpacing * Self.burst)
    }

    /// The earliest time of the next one.
    ///
    /// - Parameter waiting: how many answers wait for it.
    func next(waiting: Int) -> Tick {
        if waiting == 0 || buildTime >= Self.quick {
            let isStorm = due >= publishedAt + Self.stormSpacing * Self.burst
            let rest = min(buildTime * Self.restFactor, Self.longestRest)
            return publishedAt + max(rest, isStorm ? Self.stormSpacing : Self.spacing)
        }
        return waiting < Self.crowd ? .zero : publishedAt + Self.crowdSpacing
    }
}
