// Owns how one member's disk becomes a group of its own, when the others are gone for good.
public import Raft
public import Topology

/// What becomes, on an operator's word, of a group that has lost its majority.
///
/// No vote can help: what the survivor holds is taken as agreed, including its uncommitted end, and what only the lost
/// members held is lost. The group gets a new identity, so that a lost member that comes back is turned away instead of
/// leading beside it. The high half, the time of foundation, stays, because the epochs of services contain it.
public struct Rebuilding: Sendable {
    /// Why nothing can be rebuilt, for the operator.
    public struct Refusal: Error, Hashable, Sendable, CustomStringConvertible {
        public let description: String
    }

    /// The members that are left behind.
    public let gone: [NodeID]
    /// The end of the survivor's log.
    public let last: LogIndex
    /// To be made durable by the member's own store, while nobody else uses it.
    public let batch: PersistBatch

    /// - Parameters:
    ///   - loaded: what the survivor's directory held.
    ///   - random: the low half of the new identity.
    /// - Throws: when the directory is not that of a voter of a group, or its log is damaged.
    public init(_ loaded: LoadedLog, node: NodeID, random: UInt32) throws(Refusal) {
        guard let configuration = loaded.configuration, configuration.cluster != 0 else {
            throw Refusal(description: "it has never been in a group")
        }
        if let corruption = loaded.corruption { throw Refusal(description: "\(corruption)") }
        let members = configuration.members + (configuration.outgoing ?? [])
        guard var own = members.first(where: { $0.id == node && $0.incarnation == loaded.incarnation }) else {
            throw Refusal(description: "its node was removed from the group")
        }
        own.role = .voter
        let end = loaded.entries.last?.position ?? loaded.snapshot?.identity.position ?? .zero
        let term = Term(max(loaded.hardState.term.number, end.term.number) + 1)
        var cluster = configuration.cluster & ~0xFFFF_FFFF | UInt64(random)
        if cluster == configuration.cluster { cluster ^= 1 }
        let alone = Configuration(cluster: cluster, members: [own], timing: configuration.timing)
        var gone: [NodeID] = []
        for member in members where member.id != node && !gone.contains(member.id) { gone.append(member.id) }
        self.gone = gone
        last = end.index
        batch = PersistBatch(
            token: PersistToken(1),
            entries: [LogEntry(LogPosition(term: term, index: end.index.next), .configuration(alone))],
            hardState: HardState(term: term))
    }
}
