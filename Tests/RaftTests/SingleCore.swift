// Owns a single core that is given messages by hand, so that all of its effects can be compared.
import Raft
import Topology

/// A core whose writes finish on command, and the effects of its last event.
final class SingleCore {
    static let configuration = Configuration(cluster: 7, members: (0..<3).map { Cluster.member($0) })
    var core: RaftCore
    var now = Tick.zero
    private var writes: UInt64 = 0

    /// Node a of a, b and c, with commands of these terms after the configuration.
    init(
        terms: [Term] = [], policy: ElectionPolicy = .auto, configuration: Configuration = SingleCore.configuration,
        change: (inout RestoredState) -> Void = { _ in }
    ) {
        var state = Cluster.state(configuration, terms: terms)
        change(&state)
        core = RaftCore(
            id: Cluster.name(0), incarnation: 100, policy: policy, random: RandomBits(seed: 1), restored: state,
            now: now)
        _ = give(.tick)
    }

    func give(_ events: RaftEvent...) -> [RaftEffect] {
        var effects: [RaftEffect] = []
        core.step(events, now: now, into: &effects)
        for case .persist(let batch) in effects { writes = batch.token.number }
        return effects
    }

    func hear(_ body: RaftMessage.Body, term: UInt64, from place: Int = 1) -> [RaftEffect] {
        give(.received(RaftMessage(from: Cluster.name(place), to: Cluster.name(0), term: Term(term), body)))
    }

    /// Everything that was written is durable.
    func sync() { _ = give(.persisted(PersistToken(writes))) }

    func tickAtDeadline() -> [RaftEffect] {
        now = core.nextDeadline
        return give(.tick)
    }

    func message(_ body: RaftMessage.Body, term: UInt64, to place: Int = 1) -> RaftMessage {
        RaftMessage(from: Cluster.name(0), to: Cluster.name(place), term: Term(term), body)
    }
}

func position(_ term: UInt64, _ index: UInt64) -> LogPosition {
    LogPosition(term: Term(term), index: LogIndex(index))
}

func request(
    _ last: LogPosition, mode: VoteRequest.Mode = .raft, isTransfer: Bool = false
) -> VoteRequest {
    VoteRequest(last: last, commit: .zero, mode: mode, isTransfer: isTransfer)
}

extension [RaftEffect] {
    var messages: [RaftMessage] {
        compactMap { effect in
            guard case .send(let message, _) = effect else { return nil }
            return message
        }
    }

    var verdicts: [VoteReply.Verdict] {
        messages.compactMap { message in
            switch message.body {
            case .voteReply(let reply), .preVoteReply(let reply): reply.verdict
            default: nil
            }
        }
    }
}
