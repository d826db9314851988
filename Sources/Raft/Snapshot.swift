// Owns the state of the group at one index, which replaces the log up to it.

/// Identifies a snapshot.
public struct SnapshotIdentity: Hashable, Sendable {
    /// The last entry that it covers.
    public var position: LogPosition
    /// The configuration in force at that entry.
    public var configuration: Configuration
    public var byteCount: Int
    /// CRC32C of its bytes, checked over all pieces together before it takes effect.
    public var checksum: UInt32
    public init(position: LogPosition, configuration: Configuration, byteCount: Int, checksum: UInt32) {
        self.position = position
        self.configuration = configuration
        self.byteCount = byteCount
        self.checksum = checksum
    }
}

/// A snapshot with its content: the state machine's bytes, and the sessions that make proposals exactly-once.
public struct Snapshot: Hashable, Sendable {
    public var identity: SnapshotIdentity
    /// The encoded `SessionTable`, then the state machine's own bytes; only the core looks into the first.
    public var bytes: [UInt8]
    public init(identity: SnapshotIdentity, bytes: [UInt8]) {
        self.identity = identity
        self.bytes = bytes
    }
}
