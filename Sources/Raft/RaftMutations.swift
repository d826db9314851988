// Owns the bugs that the simulation puts into a core on purpose, to prove that it sees them.

/// Seeded bugs: rules that a core leaves out. Empty except in the simulation's own tests.
package struct RaftMutations: OptionSet, Sendable {
    package let rawValue: Int
    package init(rawValue: Int) { self.rawValue = rawValue }

    /// A leader commits by counting entries of earlier terms (against Raft §5.4.2).
    package static let commitsOldTerms = RaftMutations(rawValue: 1)
    /// A collecting candidate leads with its own log (against C4).
    package static let collectsWithoutAdopting = RaftMutations(rawValue: 2)
    /// A collecting candidate takes the longest log to be the best (against C3).
    package static let collectsLongestLog = RaftMutations(rawValue: 4)
    /// A holder answers fetches of any term from the log that it has by then, and the candidate takes that to be the
    /// best (against V6). Entries of a later term get into its log, before entries of its own term.
    package static let fetchesAcrossTerms = RaftMutations(rawValue: 8)
}
