// Owns what must hold over a whole run, whatever happens in it (Raft §5.2-§5.4, figure 3).
import Raft
import Testing
import Topology

/// Sees every step of every node, and records an issue where two of them contradict each other.
struct History {
    private struct Written: Equatable {
        var entry: LogEntry
        var previous: Term?
    }

    private var leaders: [Term: NodeID] = [:]
    private var written: [LogPosition: Written] = [:]
    /// What was given to any state machine.
    private var applied: [LogIndex: AppliedCommand] = [:]
    /// The terms of entries that any node said were committed.
    private var committed: [LogIndex: Term] = [:]
    private(set) var greatestCommit = LogIndex.zero

    /// Election safety (§5.2) and leader completeness (§5.4.3).
    mutating func lead(_ report: RoleReport, _ node: TestNode) {
        let id = node.member.id
        guard report.role == .leader, let core = node.core else { return }
        if let other = leaders[report.term], other != id {
            Issue.record("\(id) and \(other) lead term \(report.term)")
        }
        leaders[report.term] = id
        // A founder that restarts may lead term 1 for a moment although others have moved on without it.
        for (index, term) in committed where index > core.snapshotPosition.index && term <= report.term {
            if core.term(at: index) != term { Issue.record("\(id) leads \(report.term) without \(term)/\(index)") }
        }
    }

    /// Log matching (§5.3): a position identifies one entry and its predecessor.
    mutating func wrote(_ batch: PersistBatch, _ node: TestNode) {
        var previous = batch.entries.first.flatMap { node.core?.term(at: $0.position.index.previous) }
        for entry in batch.entries {
            let one = Written(entry: entry, previous: previous)
            if let other = written[entry.position], other != one {
                Issue.record("two logs differ at \(entry.position)")
            }
            written[entry.position] = one
            previous = entry.position.term
        }
    }

    /// State machine safety (§5.4.3).
    mutating func apply(_ commands: [AppliedCommand], _ id: NodeID) {
        for command in commands {
            if let other = applied[command.index], other != command {
                Issue.record("\(id) applies another command at \(command.index)")
            }
            applied[command.index] = command
        }
    }

    mutating func check(_ node: TestNode) {
        guard let core = node.core, core.commit > .zero, let term = core.term(at: core.commit) else { return }
        if let other = committed[core.commit], other != term {
            Issue.record("\(core.commit) is committed in terms \(term) and \(other)")
        }
        committed[core.commit] = term
        greatestCommit = max(greatestCommit, core.commit)
    }
}
