// Owns the figures of failover that no setting changes.

/// What is the same for every service. A service's own settings are `Catalog.FailoverSettings`.
public struct PromotionPolicy: Hashable, Sendable {
    /// A node that has been silent for this long abstains.
    public var silence = Duration.milliseconds(1_500)
    /// The least healthy share of a target, in percent, when the primary is at 0 % for every voter heard; the service's
    /// own figure holds where it is lower.
    public var desperateTargetPercent = 50
    /// The last lag sample before the first down vote must not be older than this.
    public var oldestLagSample = Duration.seconds(30)
    /// The most moves within the cooldown, which only a primary at 0 % allows, in `moveWindow`.
    public var movesWithinCooldown = 2
    public var moveWindow = Duration.seconds(3_600)

    public init() {}
}
