// Owns what a member knows right after a restart: what was committed, as far as its disk knows (thesis §3.8).
import Raft
import Testing
import Topology

struct RestartTests {
    /// What a core that starts with the configuration and three commands of term 1 applies at once.
    private func start(_ change: (inout RestoredState) -> Void) -> (core: RaftCore, applied: [UInt64]) {
        var state = Cluster.state(SingleCore.configuration, terms: [Term(1), Term(1), Term(1)])
        change(&state)
        var core = RaftCore(
            id: Cluster.name(0), incarnation: 100, random: RandomBits(seed: 1), restored: state, now: .zero)
        var effects: [RaftEffect] = []
        core.step(.tick, now: .zero, into: &effects)
        let applied = effects.flatMap { effect -> [UInt64] in
            guard case .apply(let commands) = effect else { return [] }
            return commands.map(\.index.number)
        }
        return (core, applied)
    }

    @Test("What was committed is applied before anybody is heard")
    func committed() {
        let (core, applied) = start { $0.committedThrough = LogIndex(3) }
        #expect(applied == [2, 3] && core.commit == LogIndex(3) && core.role == .follower && core.leader == nil)
    }

    @Test("Without a note nothing is taken for committed")
    func unknown() { #expect(start { _ in }.applied == []) }

    @Test("The log may be shorter than what was committed")
    func short() {
        let (core, applied) = start { $0.committedThrough = LogIndex(9) }
        #expect(applied == [2, 3, 4] && core.commit == LogIndex(4))
    }

    @Test("A corrupt log tells nothing of what was committed")
    func corrupt() {
        let (core, applied) = start { state in
            state.committedThrough = LogIndex(3)
            state.isCorrupt = true
        }
        #expect(applied == [] && core.commit == .zero)
    }

    @Test("A commit is noted no further than the disk holds its entries")
    func durable() {
        let node = SingleCore(terms: [Term(1)])
        let entries = [LogEntry(position(2, 3), .noop), LogEntry(position(2, 4), .noop)]
        _ = node.hear(.append(Append(previous: position(1, 2), entries: entries, commit: LogIndex(4))), term: 2)
        #expect(node.core.commit == LogIndex(4) && node.core.durableCommit == LogIndex(2))
        node.sync()
        #expect(node.core.durableCommit == LogIndex(4))
    }

    @Test("Entries that take the place of others count once the others are gone from the disk")
    func replaced() {
        let node = SingleCore(terms: [Term(1), Term(1), Term(1)])
        let entry = LogEntry(position(2, 3), .noop)
        _ = node.hear(.append(Append(previous: position(1, 2), entries: [entry], commit: LogIndex(3))), term: 2)
        #expect(node.core.commit == LogIndex(3) && node.core.durableCommit == LogIndex(2))
        node.sync()
        #expect(node.core.durableCommit == LogIndex(3))
    }
}
