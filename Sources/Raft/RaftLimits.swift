// Owns the limits of everything that could grow.

/// Limits of a member's memory and messages. Members may differ in them.
public struct RaftLimits: Hashable, Sendable {
    /// The most bytes of a command; a larger one is refused.
    public var commandBytes = 1 << 20
    /// The most bytes of entries in one message, beyond its first entry.
    public var messageBytes = 256 << 10
    /// The most messages of entries to one follower that it has not answered.
    public var messagesInFlight = 32
    /// The most proposals that wait to be applied; one more is refused.
    public var waitingProposals = 4_096
    /// The most reads that wait for their round; one more is refused.
    public var waitingReads = 4_096
    /// The most bytes of entries that are not committed; a proposal beyond them is refused.
    public var uncommittedBytes = 64 << 20
    /// A snapshot is taken once the log behind the last one has this many bytes.
    public var logBytesBeforeSnapshot = 4 << 20
    /// Entries kept behind a snapshot for followers that are a little late.
    public var entriesKeptBehindSnapshot = 1_024
    /// The most bytes of a snapshot; a larger one is neither taken nor received.
    public var snapshotBytes = 256 << 20
    /// The bytes of a piece of a snapshot.
    public var chunkBytes = 128 << 10
    /// The most pieces of a snapshot to one follower that it has not answered.
    public var chunksInFlight = 4
    /// How far the member of top priority may lag and still take leadership by collecting.
    public var priorityLagBytes = 256 << 10

    public init() {}
}
