// Owns how soon a routing table may follow another: changes come in crowds, and tables can be large.
internal import Topology

/// Tables are spaced, but for those that somebody waits for: the answer to a change waits for the table that shows it.
///
/// A few may follow each other closely, as when a primary moves. In a storm of changes that goes on, each table is soon
/// out of date, and costs every worker a look: then they are fewer.
struct TablePace {
    /// The least time between two tables that nobody waits for.
    static let spacing = Duration.milliseconds(5)
    /// The time between them in a storm, and how many may come before it counts as one (a leaky bucket).
    private static let stormSpacing = Duration.milliseconds(20)
    private static let burst = 16
    /// A table that took longer to build spaces also those that somebody waits for.
    private static let quick = Duration.milliseconds(1)
    /// So many that wait are a crowd, of which more come in a moment: they share tables, and what is made of each.
    private static let crowd = 4
    private static let crowdSpacing = Duration.milliseconds(1)

    private var publishedAt = Tick.zero
    private var buildTime = Duration.zero
    /// When as many tables as there were would have been due at the pace of a storm.
    private var due = Tick.zero

    /// A table was built from `began` to `ended`.
    mutating func published(_ began: Tick, _ ended: Tick) {
        publishedAt = began
        buildTime = ended - began
        due = min(max(due, began) + Self.stormSpacing, began + Self.stormSpacing * Self.burst)
    }

    /// When the next one may come, at the earliest.
    ///
    /// - Parameter waiting: how many answers wait for it.
    func next(waiting: Int) -> Tick {
        if waiting == 0 || buildTime >= Self.quick {
            let isStorm = due >= publishedAt + Self.stormSpacing * Self.burst
            return publishedAt + (isStorm ? Self.stormSpacing : Self.spacing)
        }
        return waiting < Self.crowd ? .zero : publishedAt + Self.crowdSpacing
    }
}
