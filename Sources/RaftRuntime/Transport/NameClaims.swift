// Owns the suspicion that two processes run under one member's name and disk, as when a data directory was copied.
internal import Topology

/// Counts how often a connection that lives is replaced by another of the same name and disk.
///
/// A process that ends takes its connections with it, and one that loses them notices before it connects again; so it
/// happens once now and then. Two processes of one name replace each other's connections again and again.
struct NameClaims {
    /// So many times within the span are no accident.
    private static let suspicious = 4
    private static let span = Duration.seconds(30)

    private var replacements: [Tick] = []

    /// A connection that lived was replaced.
    mutating func replaced(now: Tick) {
        replacements = replacements.suffix(Self.suspicious - 1) + [now]
    }

    /// Whether two processes must be taken to run.
    func areTwo(now: Tick) -> Bool {
        guard replacements.count == Self.suspicious, let first = replacements.first, let last = replacements.last else {
            return false
        }
        return last - first <= Self.span && now - last <= Self.span
    }

    static func words(_ member: NodeID) -> String {
        "two processes run as \(member) with copies of one data directory: stop one, and empty its data directory"
    }
}
