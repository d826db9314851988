// Owns what a member of the group needs of the state that the group agrees on.
public import Raft

/// A command that is committed, at its place in the log.
public struct CommittedCommand: Hashable, Sendable {
    /// Index, and the term of the leader that proposed it.
    public var position: LogPosition
    public var bytes: [UInt8]
    public init(position: LogPosition, bytes: [UInt8]) {
        self.position = position
        self.bytes = bytes
    }
}

/// The state machine behind the log, and who wants to know how the group is. All calls come on the driver's loop, in the
/// log's order.
public protocol ReplicatedState: AnyObject {
    /// Takes committed commands. Duplicates were left out.
    func apply(_ commands: [CommittedCommand])
    /// Becomes what `encoded()` gave on some member when everything up to `index` was applied.
    func restore(_ bytes: [UInt8], at index: LogIndex)
    /// The whole state as bytes; the same bytes on every member at the same index.
    func encoded() -> [UInt8]
    func roleChanged(_ report: RoleReport)
    func configurationChanged(_ configuration: Configuration)
}
