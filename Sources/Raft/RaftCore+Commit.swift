// Owns how chosen commands reach the state machine, each of them once (thesis §6.3).
internal import Topology

extension RaftCore {
    /// Everything up to the index is chosen: gives it to the state machine and answers those who wait for it.
    mutating func advanceCommit(to index: LogIndex) {
        guard index > commit else { return }
        assertInvariant(index <= log.last.index) { "\(index) is committed, but the log ends at \($0.log.last)" }
        guard violation == nil else { return }
        var commands: [AppliedCommand] = []
        var answers: [RaftEffect] = []
        var waiting = (leadership?.proposals ?? [])[...]
        while commit < index {
            commit = commit.next
            guard let entry = log.entry(at: commit) else { break }
            guard case .command(let command) = entry.payload else { continue }
            let outcome = apply(command, &commands)
            guard let proposal = waiting.first, proposal.index == commit else { continue }
            waiting.removeFirst()
            answers.append(.answer(proposal.request, outcome))
        }
        leadership?.proposals = Array(waiting)
        if !commands.isEmpty { pending.append(.apply(commands)) }
        pending += answers
        wantSnapshot()
    }

    private mutating func apply(_ command: Command, _ commands: inout [AppliedCommand]) -> RaftOutcome {
        switch sessions.apply(command, at: commit) {
        case .new:
            commands.append(AppliedCommand(index: commit, command: command))
            return .applied(commit)
        case .duplicate(let first): return .duplicate(of: first)
        case .expired: return .sessionExpired
        }
    }
}
