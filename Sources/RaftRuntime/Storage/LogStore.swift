// Owns the interface to the consensus group's disk; tests and the simulator have other disks.
public import Raft

/// What a data directory held when it was opened.
public struct LoadedLog: Hashable, Sendable {
    /// Identifies this data directory among all that ever existed.
    public var incarnation: UInt64
    /// The newest in any intact frame or the durable mark, even after damage: a vote is not forgotten because an entry
    /// rotted.
    public var hardState: HardState
    public var snapshot: Snapshot?
    /// What follows the snapshot, with consecutive indexes.
    public var entries: [LogEntry]
    /// Up to here the log was known to be committed when that was last recorded; zero if unknown.
    public var committedThrough: LogIndex
    /// Damage that is not repaired yet. While it is there the node neither campaigns nor votes (Elections V7).
    public var corruption: Corruption?
    /// How many bytes of a torn write were cut off. They had not been acknowledged.
    public var tornBytes: Int

    public var isCorrupt: Bool { corruption != nil }

    /// What `RaftCore` is started with.
    public var restored: RestoredState {
        RestoredState(
            hardState: hardState, snapshot: snapshot, entries: entries, isCorrupt: isCorrupt,
            acknowledgedThrough: corruption?.acknowledgedThrough ?? .zero, committedThrough: committedThrough)
    }

    /// Where the disk does not hold what was written, for a reason other than a torn write.
    public struct Corruption: Hashable, Sendable, CustomStringConvertible {
        public var file: String
        public var offset: Int
        public var reason: String
        /// The greatest index that this node may ever have acknowledged. The log is sound again once a leader's entries
        /// or snapshot reach it; until then every opening reports this.
        public var acknowledgedThrough: LogIndex

        public init(file: String, offset: Int, reason: String, acknowledgedThrough: LogIndex) {
            self.file = file
            self.offset = offset
            self.reason = reason
            self.acknowledgedThrough = acknowledgedThrough
        }

        public var description: String {
            "\(file) is damaged at byte \(offset): \(reason); a leader has to replace the log up to \(acknowledgedThrough)"
        }
    }

    public init(
        incarnation: UInt64, hardState: HardState = HardState(), snapshot: Snapshot? = nil, entries: [LogEntry] = [],
        committedThrough: LogIndex = .zero, corruption: Corruption? = nil, tornBytes: Int = 0
    ) {
        self.incarnation = incarnation
        self.hardState = hardState
        self.snapshot = snapshot
        self.entries = entries
        self.committedThrough = committedThrough
        self.corruption = corruption
        self.tornBytes = tornBytes
    }
}

/// Makes batches durable. Used by one thread at a time.
public protocol LogStore: Sendable {
    /// Makes all the batches durable, in order and as a whole: after a crash either all of them are there or none.
    ///
    /// - Throws: `full` when there is no room: the store is as before, and the same or other batches may be tried
    ///   later. After anything else the store must not be used again.
    mutating func persist(_ batches: [PersistBatch]) throws(StorageFailure)
    /// Deletes what the latest snapshots made superfluous. Called after their batches were acknowledged; what cannot be
    /// deleted is left for the next time.
    mutating func removeSuperfluous()
    /// Notes that everything up to here is committed, and durable in this log: a later opening gives it back. It need
    /// not be durable itself before the next `settle`.
    mutating func note(commit: LogIndex) throws(StorageFailure)
    /// Makes durable what no acknowledgement waits for but helps a later opening. Called when there is nothing else to
    /// do.
    mutating func settle() throws(StorageFailure)
    /// Releases the data directory.
    mutating func close()
}
