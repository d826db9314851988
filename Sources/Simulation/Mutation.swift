// Owns the seeded bugs, which prove that the simulation finds such bugs.
internal import Failover
internal import Raft
internal import Switching

/// A seeded bug: either the simulated shell carries out a core's effects wrongly, or a switch in a core, which only
/// this package can reach, turns off a rule.
public enum Mutation: String, Hashable, Sendable, CaseIterable {
    /// A granted vote leaves before it is durable (against rule V4).
    case voteBeforeDurable
    /// A follower acknowledges entries before they are durable.
    case acknowledgementBeforeDurable
    /// A node with a new disk keeps its incarnation, and so its vote.
    case wipedNodeVotes
    /// A read is answered from a leader's own state, without the round of heartbeats that proves that it leads (thesis
    /// §6.4).
    case readWithoutRound
    /// A proposal whose answer was lost is proposed again under another name (thesis §6.3).
    case retryUnderAnotherName
    /// A log is cut at a record whose checksum is wrong, as if that were a torn write, and its node goes on voting
    /// (against rule V7).
    case corruptionTakenForTornEnd
    /// A node counts its lease from when the grant arrived.
    case leaseCountedFromReceipt
    /// A leader grants leases without a quorum round after the request.
    case grantWithoutRound
    /// A leader forgets the leases of members that were removed.
    case removedMemberForgotten
    /// A leader renews for services whose begin or complete the node has not applied.
    case renewalBeforeApplied
    /// Exchanges continue after the end of their proxy's lease.
    case inFlightOutlivesLease
    /// A new leader does not wait for the leases of its predecessors.
    case noGraceOfNewLeader
    /// A node acknowledges a switch while exchanges are in flight.
    case acknowledgedTooEarly
    /// A leader commits by counting entries of earlier terms (against Raft §5.4.2).
    case commitsOldTerms
    /// A collecting candidate leads with its own log (against C4).
    case collectsWithoutAdopting
    /// A collecting candidate takes the longest log to be the best (against C3).
    case collectsLongestLog
    /// A holder answers fetches of any term from the log that it has by then, and the candidate takes that to be the
    /// best (against V6).
    case fetchesAcrossTerms
    /// A primary that is down moves before the votes are confirmed.
    case promotesUnconfirmed
    /// A datacenter that is not heard votes down.
    case silenceVotesDown

    var ofRaft: RaftMutations {
        switch self {
        case .commitsOldTerms: .commitsOldTerms
        case .collectsWithoutAdopting: .collectsWithoutAdopting
        case .collectsLongestLog: .collectsLongestLog
        case .fetchesAcrossTerms: .fetchesAcrossTerms
        default: []
        }
    }

    var ofFailover: FailoverMutations {
        switch self {
        case .promotesUnconfirmed: .promotesUnconfirmed
        case .silenceVotesDown: .silenceVotesDown
        default: []
        }
    }

    var ofSwitching: SwitchingMutations {
        switch self {
        case .leaseCountedFromReceipt: .leaseCountedFromReceipt
        case .grantWithoutRound: .grantWithoutRound
        case .removedMemberForgotten: .removedMemberForgotten
        case .renewalBeforeApplied: .renewalBeforeApplied
        case .inFlightOutlivesLease: .inFlightOutlivesLease
        case .noGraceOfNewLeader: .noGraceOfNewLeader
        case .acknowledgedTooEarly: .acknowledgedTooEarly
        default: []
        }
    }
}
