// Owns the bugs that the simulation seeds in the planner, to prove that it finds them.

/// Seeded bugs: rules that a planner leaves out. Empty except in the simulation's own tests.
package struct FailoverMutations: OptionSet, Sendable {
    package let rawValue: Int
    package init(rawValue: Int) { self.rawValue = rawValue }

    /// A primary that is down moves at once, without `confirm`.
    package static let promotesUnconfirmed = FailoverMutations(rawValue: 1)
    /// A datacenter that is not heard votes down instead of abstaining.
    package static let silenceVotesDown = FailoverMutations(rawValue: 2)
}
