// Owns the interface to whatever turns commands into the catalog: this node alone, or the group.
public import Catalog
public import Topology

/// How a proposal ended.
public enum ProposalOutcome: Hashable, Sendable {
    /// It was committed, and this is what applying it gave.
    case decided(CatalogOutcome)
    /// Certainly not applied: no leader can be reached, or it has no quorum, or too much waits. The words are for
    /// people; the leader's name where it is known.
    case unavailable(String, leader: NodeID?)
    /// Certainly not applied: another node leads, and this one was told not to pass it on.
    case notLeader(NodeID?)
    /// It may still be applied.
    case unknown
}

/// How the group looks from this node.
public struct GroupStanding: Hashable, Sendable {
    public struct Member: Hashable, Sendable {
        public var id: NodeID
        public var datacenter: DatacenterName
        public var isVoter: Bool
        public var isReachable: Bool
        /// The end of its log, as far as this node knows; the leader knows it of all members.
        public var applied: UInt64?
        /// The address at which others reach it; nil in a group of one.
        public var address: Address?
        /// The rank of its election timeout; 0 is the top priority.
        public var rank: Int
        /// Random, made with its data directory; 0 in a group of one.
        public var incarnation: UInt64
        /// Why this node has no connection to it; nil while it has one.
        public var failure: String?

        public init(
            id: NodeID, datacenter: DatacenterName, isVoter: Bool, isReachable: Bool, applied: UInt64? = nil,
            address: Address? = nil, rank: Int = 0, incarnation: UInt64 = 0, failure: String? = nil
        ) {
            self.failure = failure
            self.address = address
            self.rank = rank
            self.incarnation = incarnation
            self.id = id
            self.datacenter = datacenter
            self.isVoter = isVoter
            self.isReachable = isReachable
            self.applied = applied
        }
    }

    /// Whether a leader is known that has a quorum, as far as this node can tell.
    public var hasQuorum: Bool
    public var leader: NodeID?
    public var term: UInt64
    public var members: [Member]
    /// Why the node belongs to no group, not yet or no longer; nil when it does.
    public var forming: String?
    /// Says that this node's disk is full, so that it accepts nothing; nil while it has room.
    public var diskFull: String?
    /// Whether a change of members is under way.
    public var isChanging: Bool
    /// The times that all members use; nil in a group of one.
    public var timing: Timing?

    /// What the group replicates of its timing.
    public struct Timing: Hashable, Sendable {
        public var heartbeat: Duration
        public var electionTimeout: Duration
        public var lease: Duration

        public init(heartbeat: Duration, electionTimeout: Duration, lease: Duration) {
            self.heartbeat = heartbeat
            self.electionTimeout = electionTimeout
            self.lease = lease
        }
    }

    public init(
        hasQuorum: Bool, leader: NodeID?, term: UInt64, members: [Member], forming: String? = nil,
        isChanging: Bool = false, timing: Timing? = nil, diskFull: String? = nil
    ) {
        self.diskFull = diskFull
        self.isChanging = isChanging
        self.timing = timing
        self.hasQuorum = hasQuorum
        self.leader = leader
        self.term = term
        self.members = members
        self.forming = forming
    }
}

/// Turns commands into the catalog. On the control thread.
protocol Ledger: AnyObject {
    var catalog: Catalog { get }
    var standing: GroupStanding { get }
    /// Whether this node alone decides.
    var isAlone: Bool { get }
    /// Up to this index the catalog came from this node's disk or from a snapshot: changes in it are not news.
    var historyIndex: UInt64 { get }
    /// Called whenever the catalog has changed.
    var changed: () -> Void { get set }
    /// Called whenever the standing has changed.
    var standingChanged: () -> Void { get set }
    /// `completion` runs once, on the control thread. If something was decided, the catalog already has it.
    func propose(_ command: CatalogCommand, _ completion: @escaping (ProposalOutcome) -> Void)
    /// Called ten times a second: gives up what has waited too long.
    func look()
    func stop()
}

/// A group of one, in memory: every proposal is committed at once.
final class MemoryLedger: Ledger {
    private(set) var catalog = Catalog()
    let standing: GroupStanding
    var changed: () -> Void = {}
    var standingChanged: () -> Void = {}
    private var index: UInt64 = 0

    init(node: NodeID, datacenter: DatacenterName) {
        let own = GroupStanding.Member(id: node, datacenter: datacenter, isVoter: true, isReachable: true)
        standing = GroupStanding(hasQuorum: true, leader: node, term: 1, members: [own])
    }

    func propose(_ command: CatalogCommand, _ completion: @escaping (ProposalOutcome) -> Void) {
        index += 1
        let outcome = catalog.apply(command, at: index)
        if case .applied(_, changed: true) = outcome { changed() }
        completion(.decided(outcome))
    }

    let isAlone = true
    let historyIndex: UInt64 = 0
    func look() {}
    func stop() {}
}
