// Owns what a member of the group wants done.
public import Topology

/// Must be durable before anything that depends on it leaves the node.
public struct HardState: Hashable, Sendable {
    public var term: Term
    public var votedFor: NodeID?
    public init(term: Term = .zero, votedFor: NodeID? = nil) {
        self.term = term
        self.votedFor = votedFor
    }
}

/// One write to the disk, done as a whole and in this order: the snapshot, the cut, the entries, the hard state.
public struct PersistBatch: Hashable, Sendable {
    public var token: PersistToken
    /// Replaces the log up to its position. The rest of the log stays if it continues the snapshot, and is dropped if
    /// not.
    public var snapshot: Snapshot?
    /// Entries from here on are dropped before `entries` are written.
    public var cutFrom: LogIndex?
    public var entries: [LogEntry]
    public var hardState: HardState?
    public init(
        token: PersistToken, snapshot: Snapshot? = nil, cutFrom: LogIndex? = nil, entries: [LogEntry] = [],
        hardState: HardState? = nil
    ) {
        self.token = token
        self.snapshot = snapshot
        self.cutFrom = cutFrom
        self.entries = entries
        self.hardState = hardState
    }
}

/// How a request ended.
public enum RaftOutcome: Hashable, Sendable {
    /// A proposal was applied at this index. The shell adds the state machine's answer.
    case applied(LogIndex)
    /// The same command had been applied before, at this index.
    case duplicate(of: LogIndex)
    /// The session is older than the table remembers: nobody knows whether it was applied.
    case sessionExpired
    /// A read may be answered: this index has been applied.
    case readable(LogIndex)
    case transferred(to: NodeID)
    /// Certainly not applied: this node does not lead. Names the leader if it is known.
    case notLeader(NodeID?)
    /// Certainly not applied: a limit, a change under way, a full disk, an impossible configuration.
    case refused(String)
    /// May yet be applied: leadership was lost meanwhile.
    case unknown
}

/// A node's role in the group, reported when it changes.
public struct RoleReport: Hashable, Sendable {
    public enum Role: String, Hashable, Sendable { case follower, preCandidate, candidate, collecting, leader }
    public var role: Role
    public var term: Term
    public var leader: NodeID?
    public init(role: Role, term: Term, leader: NodeID?) {
        self.role = role
        self.term = term
        self.leader = leader
    }
}

/// An entry that the state machine has to see.
public struct AppliedCommand: Hashable, Sendable {
    public var index: LogIndex
    public var command: Command
    public init(index: LogIndex, command: Command) {
        self.index = index
        self.command = command
    }
}

/// What the shell has to do, in order and in one place.
public enum RaftEffect: Hashable, Sendable {
    case persist(PersistBatch)
    /// Sends the message once this write and all earlier ones are durable; at once if nil.
    case send(RaftMessage, after: PersistToken?)
    /// Gives these committed commands to the state machine. Duplicates are left out.
    case apply([AppliedCommand])
    /// Replaces the state machine's state with these bytes.
    case restore([UInt8], at: LogIndex)
    /// Asks for the state machine's bytes as of now, after everything up to this index was given to it.
    case takeSnapshot(at: LogIndex)
    case answer(RaftRequestID, RaftOutcome)
    case changedRole(RoleReport)
    /// The configuration in force changed, committed or not.
    case changedConfiguration(Configuration)
}
