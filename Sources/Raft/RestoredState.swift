// Owns what a member is given when it starts: what its disk held, and how it may elect.

/// What the disk gave at the start of a process.
public struct RestoredState: Hashable, Sendable {
    public var hardState: HardState
    public var snapshot: Snapshot?
    /// What follows the snapshot (or the beginning), without a gap, as far as it could be read.
    public var entries: [LogEntry]
    /// The log has a record that does not check and is no torn end: the node neither campaigns nor votes until its log
    /// reaches `acknowledgedThrough` again, by a leader's appends.
    public var isCorrupt: Bool
    /// The greatest index that this node may ever have acknowledged (the store's durable mark). Matters only when
    /// `isCorrupt`. The store says so again at the next start if the log did not reach it by then.
    public var acknowledgedThrough: LogIndex
    /// Everything up to here was committed, as a `RaftCore.durableCommit` of an earlier process said. It counts for
    /// nothing when `isCorrupt`, and no further than the log reaches.
    public var committedThrough: LogIndex

    /// The state of a node that has never run.
    public static let empty = RestoredState()

    public init(
        hardState: HardState = HardState(), snapshot: Snapshot? = nil, entries: [LogEntry] = [],
        isCorrupt: Bool = false, acknowledgedThrough: LogIndex = .zero, committedThrough: LogIndex = .zero
    ) {
        self.hardState = hardState
        self.snapshot = snapshot
        self.entries = entries
        self.isCorrupt = isCorrupt
        self.acknowledgedThrough = acknowledgedThrough
        self.committedThrough = committedThrough
    }
}

/// How a member may be elected (see the article Elections, Policy). Members may differ in it, since both ways obey the
/// same rules of voters.
public enum ElectionPolicy: String, Hashable, Sendable, CaseIterable {
    /// Only the most up-to-date log of a quorum is elected (Raft §5.4.1).
    case raft
    /// Every campaign collects: it takes over the best log of its quorum before it leads.
    case paxos
    /// Raft, and collects where Raft finds no leader or the member of top priority lags a little.
    case auto
}
