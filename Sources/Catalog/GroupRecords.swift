// Owns what the group replicates about itself: members' descriptions, the freeze, the length of routing leases.
public import Topology

/// A member's description of itself. Who votes is up to the log's configuration, not to this.
public struct MemberDescription: Hashable, Sendable {
    public var id: NodeID
    /// Random, made with the data directory: a node that lost its disk is another member.
    public var incarnation: UInt64
    public var datacenter: DatacenterName
    /// The URL of its admin API for programs elsewhere; nil: not published.
    public var admin: String?
    /// The version it runs, for people.
    public var version: String
    /// The newest format of commands and snapshots that it reads.
    public var formatLevel: UInt16

    public init(
        id: NodeID, incarnation: UInt64, datacenter: DatacenterName, admin: String? = nil, version: String,
        formatLevel: UInt16 = CatalogFormat.level
    ) {
        self.id = id
        self.incarnation = incarnation
        self.datacenter = datacenter
        self.admin = admin
        self.version = version
        self.formatLevel = formatLevel
    }

    /// Why no member can have this description; nil: one can.
    var refusal: CatalogRefusal? {
        for (field, text) in [("id", id.text), ("datacenter", datacenter.text), ("version", version)]
        where text.utf8.count > Catalog.maximumNameLength {
            return .textTooLong(field: field, limit: Catalog.maximumNameLength)
        }
        if let admin, admin.utf8.count > Catalog.maximumReasonLength {
            return .textTooLong(field: "admin", limit: Catalog.maximumReasonLength)
        }
        return nil
    }
}

/// Whether automatic changes of primaries are forbidden, and who said so last.
public struct FreezeRecord: Hashable, Sendable {
    public internal(set) var isFrozen = false
    /// Who froze changes, or allowed them again; empty if nobody ever did.
    public internal(set) var author = ""
    public internal(set) var reason = ""
    /// When, by the proposer's wall clock.
    public internal(set) var since = UnixTime(milliseconds: 0)
    /// The index of the last change: its `ETag`. 0: there was none.
    public internal(set) var index: UInt64 = 0
}

/// The length of routing leases, and the one before. A new leader cannot know which of them its predecessor used for
/// grants, so the larger one counts.
public struct LeaseSettings: Hashable, Sendable {
    public internal(set) var lease: Duration
    /// The value before the last change.
    public internal(set) var previous: Duration
    /// When it was changed, by the proposer's wall clock; nil: never.
    public internal(set) var changedAt: UnixTime?
    /// Whether the group has agreed on the length of leases. Until then no leader grants any, so the first value has no
    /// predecessor that a new leader would have to wait for.
    public var isDecided: Bool { changedAt != nil }

    public init(lease: Duration = .seconds(6), previous: Duration? = nil) {
        self.lease = lease
        self.previous = previous ?? lease
    }

    /// The larger of the last two values.
    public var longest: Duration { max(lease, previous) }

    /// The lengths that a lease may have.
    static let range = Duration.milliseconds(100) ... .seconds(300)
}
