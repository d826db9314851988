// Owns what a node needs to be a member of a group, opened and bound before any thread starts.
public import Logging
public import Proactor
public import RaftRuntime
internal import Topology

/// The disk, the socket and the settings of a member.
public struct GroupSetup: Sendable {
    public var options: GroupMember.Options
    public var store: any LogStore
    public var loaded: LoadedLog
    /// The bound `cluster.bind`.
    public var listening: ListeningSocket
    public var logger: Logger
    /// Ends the process with these words. Called on the control thread.
    public var fail: @Sendable (String) -> Void

    public init(
        options: GroupMember.Options, store: any LogStore, loaded: LoadedLog, listening: ListeningSocket,
        logger: Logger, fail: @escaping @Sendable (String) -> Void
    ) {
        self.options = options
        self.store = store
        self.loaded = loaded
        self.listening = listening
        self.logger = logger
        self.fail = fail
    }
}
