// Owns what a member starts with: what its disk held, and how it may elect.

/// What the disk gave at the start of a process.
public struct RestoredState: Hashable, Sendable {
    public var hardState: HardState
    public var snapshot: Snapshot?
    /// What follows the snapshot (or the beginning), without a gap, as far as it could be read.
    public var entries: [LogEntry]
    /// The log has a damaged record that is not just a torn end: the node neither campaigns nor votes until a leader's
    /// appends have brought its log to `acknowledgedThrough` again.
    public var isCorrupt: Bool
    /// The greatest index that this node may ever have acknowledged (the store's durable mark). Matters only when
    /// `isCorrupt`. The store reports it again at the next start if the log has not reached it by then.
    public var acknowledgedThrough: LogIndex
    /// Everything up to here was committed, according to the `RaftCore.durableCommit` of an earlier process. Ignored
    /// when `isCorrupt`, and beyond the end of the log.
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
    /// Raft mode; collects if that finds no leader, or if the member of top priority lags only a little.
    case auto
}
