// Owns the interface to the state that the group agrees on.
public import Raft

/// A committed command and its place in the log.
public struct CommittedCommand: Hashable, Sendable {
    /// Index, and the term of the leader that proposed it.
    public var position: LogPosition
    public var bytes: [UInt8]
    public init(position: LogPosition, bytes: [UInt8]) {
        self.position = position
        self.bytes = bytes
    }
}

/// The state machine behind the log, which is also told about the group. All calls come on the driver's loop, in the
/// order of the log.
public protocol ReplicatedState: AnyObject {
    /// Takes committed commands, without duplicates.
    func apply(_ commands: [CommittedCommand])
    /// Takes over what `encoded()` returned on some member when everything up to `index` had been applied.
    func restore(_ bytes: [UInt8], at index: LogIndex)
    /// The whole state as bytes; the same bytes on every member at the same index.
    func encoded() -> [UInt8]
    func roleChanged(_ report: RoleReport)
    func configurationChanged(_ configuration: Configuration)
}
