// Owns which names of endpoints are looked up when, and what of the answers is news. No clock, no name service.
internal import Proactor
internal import Topology

/// The names that a routing table holds, each with its own rhythm.
struct NameWatch {
    /// From an answer to the next question.
    static let period = Duration.seconds(30)
    /// The same, while a name has no address: somebody waits for it.
    static let retry = Duration.seconds(5)

    /// What an answer changes.
    struct Change: Equatable {
        /// The address to use from now on; nil: as before.
        var address: SocketAddress?
        /// Whether this is the first failure after an answer, or at all: worth a line in the log.
        var hasBegunToFail = false
    }

    private struct Entry {
        var address: SocketAddress?
        var isUnderWay = false
        var hasFailed = false
        var due: Tick
    }

    private var entries: [Address: Entry] = [:]

    /// Follows these names from now on, and no others.
    mutating func watch(_ names: Set<Address>, now: Tick) {
        entries = entries.filter { names.contains($0.key) }
        for name in names where entries[name] == nil { entries[name] = Entry(due: now) }
    }

    /// The questions to ask now, new names first. Each is answered, or refused.
    mutating func due(now: Tick) -> [(name: Address, urgency: LookupUrgency)] {
        let due = entries.filter { !$0.value.isUnderWay && $0.value.due <= now }
        for name in due.keys { entries[name]?.isUnderWay = true }
        return due.map { name, entry in
            let urgency: LookupUrgency = entry.hasFailed ? .doubtful : entry.address == nil ? .first : .renewal
            return (name, urgency)
        }.sorted { ($0.urgency.rawValue, $0.name) < ($1.urgency.rawValue, $1.name) }
    }

    /// When to look again; nil: when something else happens.
    var next: Tick? { entries.values.filter { !$0.isUnderWay }.map(\.due).min() }

    /// A question could not be asked.
    mutating func refused(_ name: Address, now: Tick) {
        entries[name]?.isUnderWay = false
        entries[name]?.due = now + .seconds(1)
    }

    /// A question was answered. A failure leaves the old address in force, and so does an answer that still holds it,
    /// in whatever place: name services shuffle.
    ///
    /// - Parameter found: empty: the name service had no answer.
    mutating func answered(_ name: Address, _ found: [SocketAddress], now: Tick) -> Change {
        guard var entry = entries[name] else { return Change() }
        defer { entries[name] = entry }
        var change = Change()
        entry.isUnderWay = false
        if let first = found.first {
            entry.hasFailed = false
            if entry.address.map(found.contains) != true {
                entry.address = first
                change.address = first
            }
        } else {
            change.hasBegunToFail = !entry.hasFailed
            entry.hasFailed = true
        }
        entry.due = now + (entry.address == nil ? Self.retry : Self.period)
        return change
    }
}
