// Owns how often each reason to hold has come up, for the metrics.
public import Topology

/// Counts reasons to hold by service, each when it begins: a lasting reason is one event, however often it is looked
/// at.
public struct HoldCounts: Sendable {
    /// How often each reason came up, by service; kinds that never did are absent.
    public private(set) var totals: [ServiceName: [FailoverHold.Kind: Int]] = [:]
    /// The present reasons, by service.
    public private(set) var present: [ServiceName: Set<FailoverHold.Kind>] = [:]
    /// How often a move was proposed, by service and reason.
    public private(set) var promotions: [ServiceName: [Promotion.Reason: Int]] = [:]

    public init() {}

    /// Takes in what was decided about a service.
    public mutating func note(_ decision: FailoverDecision, of service: ServiceName) {
        var kinds: Set<FailoverHold.Kind> = []
        if case .hold(let holds) = decision { kinds = Set(holds.map(\.kind)) }
        for kind in kinds.subtracting(present[service] ?? []) { totals[service, default: [:]][kind, default: 0] += 1 }
        present[service] = kinds
    }

    /// A move was proposed.
    public mutating func notePromotion(_ reason: Promotion.Reason, of service: ServiceName) {
        promotions[service, default: [:]][reason, default: 0] += 1
    }

    /// This node no longer leads, so it holds nothing.
    public mutating func clearPresent() { present = [:] }
}
