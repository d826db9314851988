// Owns the order in which names are looked up, and how many at a time. No threads, no clock.

/// Lookups that wait and the number of those under way, bounded both.
struct LookupQueue<Job> {
    /// Lookups under way at a time.
    static var threads: Int { 16 }
    /// Of these, such for names that were slow or failed the last time: the others are for names that answer.
    static var doubtfulThreads: Int { 8 }

    private let limit: Int
    /// By urgency; the first of each is at its head.
    private var waiting = [[Job]](repeating: [], count: LookupUrgency.allCases.count)
    private var heads = [Int](repeating: 0, count: LookupUrgency.allCases.count)
    private(set) var underWay = 0
    private var doubtfulUnderWay = 0

    /// - Parameter limit: the most that wait.
    init(limit: Int) { self.limit = limit }

    /// The lookups that wait.
    var count: Int { zip(waiting, heads).reduce(0) { $0 + $1.0.count - $1.1 } }

    /// Queues a lookup; false: too many wait.
    mutating func add(_ job: Job, _ urgency: LookupUrgency) -> Bool {
        guard count < limit else { return false }
        waiting[urgency.rawValue].append(job)
        return true
    }

    /// The lookup to begin now; nil: none waits, or enough are under way. `finish` follows each.
    mutating func start() -> (job: Job, urgency: LookupUrgency)? {
        guard underWay < Self.threads else { return nil }
        for urgency in LookupUrgency.allCases where heads[urgency.rawValue] < waiting[urgency.rawValue].count {
            if urgency == .doubtful, doubtfulUnderWay >= Self.doubtfulThreads { continue }
            underWay += 1
            if urgency == .doubtful { doubtfulUnderWay += 1 }
            return (take(urgency.rawValue), urgency)
        }
        return nil
    }

    private mutating func take(_ index: Int) -> Job {
        let job = waiting[index][heads[index]]
        heads[index] += 1
        if heads[index] * 2 > waiting[index].count {
            waiting[index].removeFirst(heads[index])
            heads[index] = 0
        }
        return job
    }

    /// A lookup has come back.
    mutating func finish(_ urgency: LookupUrgency) {
        underWay -= 1
        if urgency == .doubtful { doubtfulUnderWay -= 1 }
    }

    /// Forgets what waits.
    mutating func removeAll() {
        for urgency in LookupUrgency.allCases {
            waiting[urgency.rawValue] = []
            heads[urgency.rawValue] = 0
        }
    }
}

/// Whose turn comes first.
public enum LookupUrgency: Int, CaseIterable, Sendable {
    /// Somebody waits for it: the name was never looked up.
    case first
    /// The address is known and may have changed.
    case renewal
    /// The name failed the last time, so it may keep its thread for long.
    case doubtful
}
