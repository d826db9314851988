// Owns the outcomes of commands with an idempotency key, so that a retry does not act twice.
internal import Topology

/// Outcomes by key, for an hour and at most 10,000 keys; the oldest are forgotten first.
struct RememberedOutcomes: Sendable {
    static let capacity = 10_000
    static let lifetimeMilliseconds: Int64 = 3_600_000

    struct Entry: Hashable, Sendable {
        var key: String
        /// The digest of the request, which tells a different request under the same key apart.
        var digest: UInt64
        var outcome: CatalogOutcome
        var time: UnixTime
    }

    /// In the order of arrival; those before `first` are forgotten.
    private var entries: [Entry] = []
    private var first = 0
    /// How many entries have been removed from the front of the array.
    private var removed = 0
    /// Where a key is, by its hash: its place in `entries` plus `removed`. Of two keys with one hash the later one is
    /// found. Only looked up, never iterated. Keyed by numbers because a table of texts would hash neighbours at each
    /// removal.
    private var positions: [UInt64: Int] = [:]
    /// The latest time that any command carried. Proposers' clocks differ, and what is forgotten must not depend on who
    /// proposed last.
    private(set) var now = UnixTime(milliseconds: .min)

    var count: Int { entries.count - first }

    /// Forgets what is older than an hour before the latest time seen.
    mutating func advance(to time: UnixTime) {
        now = max(now, time)
        let limit = now.earlier(byMilliseconds: Self.lifetimeMilliseconds)
        while first < entries.count, entries[first].time < limit { forgetOldest() }
    }

    /// The outcome of an earlier command with this key, if that asked for the same change; otherwise a refusal.
    func outcome(for key: String, change: CatalogChange) -> CatalogOutcome? {
        guard let position = positions[StableHash.of(key)] else { return nil }
        let entry = entries[position - removed]
        guard entry.key == key else { return nil }
        return entry.digest == change.requestDigest ? entry.outcome : .refused(.idempotencyKeyReused)
    }

    mutating func remember(_ outcome: CatalogOutcome, for key: String, change: CatalogChange) {
        if count == Self.capacity { forgetOldest() }
        positions[StableHash.of(key)] = removed + entries.count
        entries.append(Entry(key: key, digest: change.requestDigest, outcome: outcome, time: now))
    }

    /// Those that are not forgotten, oldest first.
    var all: ArraySlice<Entry> { entries[first...] }

    init() {}

    /// Restores what `all` and `now` gave; nil if they cannot come from here: too many, a key twice, or times that go
    /// back.
    init?(_ all: [Entry], now: UnixTime) {
        guard all.count <= Self.capacity else { return nil }
        var last = UnixTime(milliseconds: .min)
        for (position, entry) in all.enumerated() {
            guard last <= entry.time, entry.time <= now else { return nil }
            let earlier = positions.updateValue(position, forKey: StableHash.of(entry.key))
            if let earlier, all[earlier].key == entry.key { return nil }
            last = entry.time
        }
        entries = all
        self.now = now
    }

    private mutating func forgetOldest() {
        let hash = StableHash.of(entries[first].key)
        if positions[hash] == removed + first { positions[hash] = nil }
        first += 1
        // Moving the rest down once per capacity keeps the cost of one command constant.
        guard first >= Self.capacity || first == entries.count else { return }
        entries.removeFirst(first)
        removed += first
        first = 0
    }
}

extension CatalogChange {
    /// Equal for two commands that are the same request. The expiry is left out: its author says "in an hour", and the
    /// proposer's clock makes a time of it, which differs in a retry.
    var requestDigest: UInt64 {
        var request = self
        let anyTime = UnixTime(milliseconds: 0)
        switch self {
        case .setWeight(let weight, let target, _?): request = .setWeight(weight, of: target, until: anyTime)
        case .setState(let state, let target, _?): request = .setState(state, of: target, until: anyTime)
        default: break
        }
        var writer = ByteWriter()
        request.write(to: &writer)
        return writer.digest
    }
}
