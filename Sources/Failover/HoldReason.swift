// Owns the reasons why the planner does nothing, each as a case, a sentence and a name to count by.
public import Topology

/// Why a datacenter cannot become primary by itself.
public enum TargetObjection: Hashable, Sendable {
    /// Operators drained it.
    case drained
    /// Its weight, or that of all of its endpoints, is 0.
    case inactive
    /// No majority reports on it.
    case unseen
    /// The healthy share that a majority sees, in percent, and the least that is required.
    case unhealthy(percent: Int, minimum: Int)
    /// No lag sample from before the first down vote.
    case lagUnknown
    /// The last lag sample is that much older than the first down vote.
    case lagTooOld(Duration)
    case lagTooGreat(Duration, limit: Duration)
}

/// Why the planner holds a service's primary where it is.
public enum FailoverHold: Hashable, Sendable {
    /// The service is unknown, or follows no primary.
    case noPrimary
    /// No more than half of the voting datacenters are heard.
    case tooFewHeard(heard: Int, voting: Int)
    /// No majority of those heard votes down.
    case notDown(down: Int, heard: Int)
    /// Exactly half of those heard vote down.
    case tied(down: Int, heard: Int)
    /// A majority votes down, but not for long enough.
    case unconfirmed(Duration, confirm: Duration)
    case frozen
    /// An automatic move was too recent, and the primary is not at 0 % for every voter heard.
    case cooldown(remaining: Duration)
    /// Even for a primary at 0 % there were too many moves.
    case tooManyMoves(Int, limit: Int)
    /// There is no other datacenter that takes traffic.
    case lastDatacenter
    /// Operators took out more than half of the datacenters.
    case mostRemoved(removed: Int, of: Int)
    /// A datacenter that could have been the target, and why it cannot.
    case target(DatacenterName, TargetObjection)
    /// A switch is under way, and its target is not lost.
    case switching(to: DatacenterName)
    /// An operator has to bring the primary back.
    case failbackIsManual(home: DatacenterName)
    /// Its old datacenter has not been fit for long enough.
    case failbackWaits(home: DatacenterName, remaining: Duration)
}

extension FailoverHold {
    /// The name of the reason in metrics.
    public enum Kind: String, CaseIterable, Hashable, Sendable {
        case noPrimary = "no_primary"
        case tooFewHeard = "too_few_heard"
        case notDown = "not_down"
        case tied
        case unconfirmed
        case frozen
        case cooldown
        case tooManyMoves = "too_many_moves"
        case lastDatacenter = "last_datacenter"
        case mostRemoved = "most_removed"
        case targetDrained = "target_drained"
        case targetInactive = "target_inactive"
        case targetUnseen = "target_unseen"
        case targetUnhealthy = "target_unhealthy"
        case targetLagUnknown = "target_lag_unknown"
        case targetLagTooOld = "target_lag_too_old"
        case targetLagTooGreat = "target_lag_too_great"
        case switching
        case failbackIsManual = "failback_is_manual"
        case failbackWaits = "failback_waits"
    }

    public var kind: Kind {
        switch self {
        case .noPrimary: .noPrimary
        case .tooFewHeard: .tooFewHeard
        case .notDown: .notDown
        case .tied: .tied
        case .unconfirmed: .unconfirmed
        case .frozen: .frozen
        case .cooldown: .cooldown
        case .tooManyMoves: .tooManyMoves
        case .lastDatacenter: .lastDatacenter
        case .mostRemoved: .mostRemoved
        case .target(_, let objection): objection.kind
        case .switching: .switching
        case .failbackIsManual: .failbackIsManual
        case .failbackWaits: .failbackWaits
        }
    }
}

extension TargetObjection {
    fileprivate var kind: FailoverHold.Kind {
        switch self {
        case .drained: .targetDrained
        case .inactive: .targetInactive
        case .unseen: .targetUnseen
        case .unhealthy: .targetUnhealthy
        case .lagUnknown: .targetLagUnknown
        case .lagTooOld: .targetLagTooOld
        case .lagTooGreat: .targetLagTooGreat
        }
    }
}

extension TargetObjection: CustomStringConvertible {
    public var description: String {
        switch self {
        case .drained: "is drained"
        case .inactive: "is at weight 0"
        case .unseen: "is not seen by a majority"
        case .unhealthy(let percent, let minimum): "is \(percent) % healthy, less than \(minimum) %"
        case .lagUnknown: "told no replication lag before the first down vote"
        case .lagTooOld(let age): "told its replication lag last \(age) before the first down vote"
        case .lagTooGreat(let lag, let limit): "was \(lag) behind, more than \(limit)"
        }
    }
}

extension FailoverHold: CustomStringConvertible {
    /// One sentence for an operator, without a full stop.
    public var description: String {
        switch self {
        case .noPrimary: "the service follows no primary"
        case .tooFewHeard(let heard, let voting): "only \(heard) of \(voting) voting datacenters are heard"
        case .notDown(let down, let heard): "\(down) of \(heard) datacenters that are heard vote down"
        case .tied(let down, let heard): "just half of the datacenters that are heard vote down: \(down) of \(heard)"
        case .unconfirmed(let time, let confirm): "the votes say down for \(time), not yet for \(confirm)"
        case .frozen: "automatic changes are frozen"
        case .cooldown(let remaining): "the last automatic move was too recent: \(remaining) to go"
        case .tooManyMoves(let count, let limit):
            "there were \(count) moves within the cooldown in the last hour, and \(limit) is the most"
        case .lastDatacenter: "no other datacenter takes traffic"
        case .mostRemoved(let removed, let total):
            "operators took out \(removed) of \(total) datacenters, more than half"
        case .target(let datacenter, let objection): "datacenter '\(datacenter)' \(objection)"
        case .switching(let target): "a switch to '\(target)' is under way"
        case .failbackIsManual(let home): "an operator has to move the primary back to '\(home)'"
        case .failbackWaits(let home, let remaining):
            "'\(home)' has to stay healthy for \(remaining) more before the primary goes back"
        }
    }
}
