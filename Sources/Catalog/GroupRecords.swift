// Owns what the group replicates about itself: what members say of themselves, the freeze, the routing leases' length.
public import Topology

/// What a member of the group says of itself; who votes is the log's configuration, not this.
public struct MemberDescription: Hashable, Sendable {
    public var id: NodeID
    /// Random, made with the data directory: a node that lost its disk is another member.
    public var incarnation: UInt64
    public var datacenter: DatacenterName
    /// The URL of its admin API for other people's programs; nil: not published.
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

    /// Why no member can be like this; nil: it can.
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
    /// Who froze, or allowed changes again; empty while nobody ever did.
    public internal(set) var author = ""
    public internal(set) var reason = ""
    /// When, by the proposer's wall clock.
    public internal(set) var since = UnixTime(milliseconds: 0)
    /// The index of the last change: its `ETag`. 0: there was none.
    public internal(set) var index: UInt64 = 0
}

/// How long routing leases live, and how long they did before: a new leader cannot know by which value its
/// predecessor granted, so the larger one counts.
public struct LeaseSettings: Hashable, Sendable {
    public internal(set) var lease: Duration
    /// The value before the last change.
    public internal(set) var previous: Duration
    /// When it was changed, by the proposer's wall clock; nil: never.
    public internal(set) var changedAt: UnixTime?
    /// Whether the group has said how long its leases live. Until then no leader grants one, so the first value counts
    /// alone: with no lease by another one about, there is nothing that a new leader would have to wait for.
    public var isDecided: Bool { changedAt != nil }

    public init(lease: Duration = .seconds(6), previous: Duration? = nil) {
        self.lease = lease
        self.previous = previous ?? lease
    }

    /// The larger of the last two values.
    public var longest: Duration { max(lease, previous) }

    /// What a lease may be.
    static let range = Duration.milliseconds(100) ... .seconds(300)
}
