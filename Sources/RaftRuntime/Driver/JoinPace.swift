// Owns when a node asks again to be admitted to a group, and whom.
internal import Topology

/// Each member is asked once without delay, for only the leader can admit; then with waits that double. Whoever is said to
/// lead is asked next.
struct JoinPace {
    enum Answer: Hashable {
        /// Yes; what is missing then is the leader's log.
        case admitted
        /// The member at this place is said to lead.
        case elsewhere(Int)
        /// No, or no answer.
        case failed
    }

    private static let leastWait = Duration.seconds(1)
    private static let greatestWait = Duration.seconds(30)
    /// How long the leader's log may take to come.
    private static let timeout = Duration.seconds(5)

    /// Counts the wishes to members that are not said to lead: each goes to another one.
    private var wishes = 0
    private var leader: Int?
    private var wait = Self.leastWait
    private var nextAt = Tick.zero
    /// Whether it was refused, or admitted in vain: that it asks again is no news then.
    private(set) var isRepeated = false

    /// Which of so many members is asked now; nil: none yet.
    mutating func next(of members: Int, now: Tick) -> Int? {
        guard members > 0, now >= nextAt else { return nil }
        if let leader, leader < members { return leader }
        leader = nil
        defer { wishes += 1 }
        return wishes % members
    }

    /// The member that was asked has answered, or has not in time.
    mutating func concluded(_ answer: Answer, members: Int, now: Tick) {
        let wasSaidToLead = leader != nil
        switch answer {
        case .elsewhere(let place):
            leader = place
            // Two that name each other as the leader are to cost no more than others.
            if !wasSaidToLead { return }
        case .failed:
            leader = nil
            isRepeated = true
            if !wasSaidToLead, !wishes.isMultiple(of: max(1, members)) { return }
        case .admitted: isRepeated = true
        }
        nextAt = now + (answer == .admitted ? max(wait, Self.timeout) : wait)
        wait = min(wait * 2, Self.greatestWait)
    }
}
