// Owns how long counters are kept: while their name is in use or anybody counts in them, and a minute more.
internal import Topology

/// Counters by name. A name that leaves keeps its last values for a while, so that they are read once more; when it comes
/// back after that it begins at zero.
struct NamedCounters<Name: Hashable & Sendable, Counters: AnyObject & Sendable>: Sendable {
    /// How long the last values can be read. Scrapes are seldom further apart.
    static var memory: Duration { .seconds(60) }

    private struct Entry: Sendable {
        var counters: Counters
        /// When the name left; nil: it is in use.
        var left: Tick?
    }

    private var entries: [Name: Entry] = [:]
    /// The names in use; nil before they were told.
    private var inUse: Set<Name>?
    /// The first tick at which something may have to go.
    private var nextLook = Tick.distantFuture

    /// All that are kept, in no order.
    var all: [Counters] { entries.values.map(\.counters) }

    /// The counters of a name; made at first sight.
    mutating func counters(of name: Name, now: Tick, make: () -> Counters) -> Counters {
        if let entry = entries[name] { return entry.counters }
        let counters = make()
        let isInUse = inUse?.contains(name) ?? true
        entries[name] = Entry(counters: counters, left: isInUse ? nil : now)
        if !isInUse { nextLook = min(nextLook, now + Self.memory) }
        return counters
    }

    /// Tells which names are in use from now on.
    mutating func use(_ names: Set<Name>, now: Tick) {
        inUse = names
        for name in entries.keys {
            if names.contains(name) {
                entries[name]?.left = nil
            } else if entries[name]?.left == nil {
                entries[name]?.left = now
                nextLook = min(nextLook, now + Self.memory)
            }
        }
    }

    /// Forgets what left long enough ago and what nobody else refers to: who counts in it has a reference. Cheap while
    /// nothing is due.
    mutating func forget(now: Tick) {
        guard now >= nextLook else { return }
        nextLook = .distantFuture
        for (name, left) in entries.compactMap({ name, entry in entry.left.map { (name, $0) } }) {
            if now - left < Self.memory {
                nextLook = min(nextLook, left + Self.memory)
            } else if let index = entries.index(forKey: name) {
                if isKnownUniquelyReferenced(&entries.values[index].counters) {
                    entries.remove(at: index)
                } else {
                    nextLook = min(nextLook, now + .seconds(1))
                }
            }
        }
    }
}
