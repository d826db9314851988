// Owns the replicated settings of a service's failover, so that every node and every leader decides by the same ones.

/// How the primary of a service moves, as agreed by the group.
public struct FailoverSettings: Hashable, Sendable {
    /// Asks the target datacenter how far behind it is before an automatic promotion.
    public struct LagGate: Hashable, Sendable {
        /// The path that answers with the lag in seconds.
        public var path: String
        /// The most lag that a promotion accepts.
        public var limit: Duration
        public init(path: String, limit: Duration) {
            self.path = path
            self.limit = limit
        }
    }

    /// How long the votes must say that the primary is down before it moves.
    public var confirm = Duration.seconds(5)
    /// How long exchanges may go on towards the old primary once a switch has begun.
    public var drain = Duration.seconds(2)
    /// How long requests are held at most.
    public var hold = Duration.seconds(15)
    /// The least time between two automatic moves.
    public var cooldown = Duration.seconds(3600)
    /// nil: an operator moves it back; otherwise it returns after its old datacenter has been fit for this long.
    public var failbackAfter: Duration?
    /// A datacenter whose healthy share of weight is under this many percent is down.
    public var downBelowPercent = 1
    /// The least healthy share, in percent, of a datacenter that becomes primary by itself.
    public var minimumTargetPercent = 70
    /// nil: lag is not asked for.
    public var lagGate: LagGate?

    public init() {}

    /// The longest that any of these times may be.
    static let maximumDuration = Duration.seconds(7 * 24 * 3600)

    /// The first impossible value among them; nil: all are possible.
    var refusal: CatalogRefusal? {
        let durations: [(String, Duration?)] = [
            ("confirm", confirm), ("drain", drain), ("hold", hold), ("cooldown", cooldown),
            ("failback", failbackAfter), ("lag_gate max", lagGate?.limit),
        ]
        for (name, duration) in durations {
            if let duration, !(.zero...Self.maximumDuration).contains(duration) { return .valueOutOfRange(name) }
        }
        if !(1...100).contains(downBelowPercent) { return .valueOutOfRange("down_below") }
        if !(0...100).contains(minimumTargetPercent) { return .valueOutOfRange("min_target_health") }
        if let path = lagGate?.path, path.utf8.count > Catalog.maximumReasonLength {
            return .textTooLong(field: "lag_gate path", limit: Catalog.maximumReasonLength)
        }
        return nil
    }
}
