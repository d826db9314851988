// Owns when a node asks again to be admitted to a group, and whom.
internal import Topology

/// Each member is asked once without delay, since only the leader can admit; after that the waits double. A member that
/// is said to lead is asked next.
struct JoinPace {
    enum Answer: Hashable {
        /// Yes; now the leader's log has to arrive.
        case admitted
        /// The member at this position is said to lead.
        case elsewhere(Int)
        /// No, or no answer.
        case failed
    }

    private static let leastWait = Duration.seconds(1)
    private static let greatestWait = Duration.seconds(30)
    /// How long the leader's log may take to arrive.
    private static let timeout = Duration.seconds(5)

    /// Counts the requests to members that are not said to lead; each goes to another one.
    private var wishes = 0
    private var leader: Int?
    private var wait = Self.leastWait
    private var nextAt = Tick.zero
    /// Whether it was refused, or admitted in vain; then repeated requests are not logged again.
    private(set) var isRepeated = false

    /// Which of this many members to ask now; nil: none yet.
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
            // Two members that name each other as the leader must not cause more requests than others.
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
