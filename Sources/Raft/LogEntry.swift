// Owns what the log carries.

/// One entry of the log. Once a leader has written it, its term and content never change.
public struct LogEntry: Hashable, Sendable {
    public enum Payload: Hashable, Sendable {
        /// A new leader's first entry: what it commits commits everything before it (Raft §8).
        case noop
        case configuration(Configuration)
        case command(Command)
    }

    public var position: LogPosition
    public var payload: Payload

    public init(_ position: LogPosition, _ payload: Payload) {
        self.position = position
        self.payload = payload
    }

    /// What it counts towards the limits of batches, messages and the log, in bytes: the command's, and a constant for
    /// the rest.
    public var cost: Int {
        switch payload {
        case .noop: 32
        case .configuration(let configuration): 32 + 128 * configuration.members.count
        case .command(let command): 48 + command.bytes.count
        }
    }
}

/// A command for the state machine, with the name of its proposer, so that it is applied only once even if it is
/// proposed again after a lost answer (thesis §6.3).
public struct Command: Hashable, Sendable {
    /// The proposer: a random number that each proposing process draws once.
    public var session: UInt64
    /// Counts the commands of a session, from 1.
    public var sequence: UInt64
    /// Opaque here; only the state machine understands it; at most `RaftLimits.commandBytes`.
    public var bytes: [UInt8]

    public init(session: UInt64, sequence: UInt64, bytes: [UInt8]) {
        self.session = session
        self.sequence = sequence
        self.bytes = bytes
    }
}
