// Owns how a follower takes what its leader sends (Raft §5.3).
internal import Topology

/// A leader's round of heartbeats.
struct HeartbeatRound: Hashable, Sendable {
    var term: Term
    var number: UInt64
}

extension RaftCore {
    /// Takes entries; the answer that they match waits for the disk, the one that they do not does not.
    mutating func takeAppend(_ append: Append, _ from: NodeID) {
        // A full disk takes no entries; the leader sends them again until there is room.
        if disk.isFull, !append.entries.isEmpty { return }
        var previous = append.previous
        var entries = append.entries[...]
        // What is committed here is committed there: only the rest is of interest (leader completeness, §5.4.3).
        while let first = entries.first, first.position.index <= commit {
            guard agrees(first.position) else { return rejectAppend(from, first.position) }
            previous = first.position
            entries.removeFirst()
        }
        if previous.index < commit, entries.isEmpty {
            guard agrees(previous) else { return rejectAppend(from, previous) }
            verified = max(verified, previous.index)
            return sendWhenDurable(.appendReply(.matches(through: previous.index)), to: from)
        }
        guard log.holds(previous) else {
            let limit = LogPosition(term: previous.term, index: min(previous.index, log.last.index))
            let hint = log.position(atMost: limit) ?? log.before
            return send(.appendReply(.conflict(previous: previous.index, hint: hint)), to: from)
        }
        adopt(Array(entries))
        let end = append.previous.index.advanced(by: append.entries.count)
        verified = max(verified, end)
        advanceCommit(to: min(append.commit, verified))
        sendWhenDurable(.appendReply(.matches(through: end)), to: from)
    }

    /// A position at or before the commit: compacted ones cannot be compared any more.
    private func agrees(_ position: LogPosition) -> Bool {
        position.index < log.before.index || log.holds(position)
    }

    /// Against what is chosen nobody may append: the sender is at fault, or this log; neither is cut.
    private mutating func rejectAppend(_ from: NodeID, _ position: LogPosition) {
        rejectedMessages += 1
        lastRejection = "\(from): \(position) is not what is committed there"
    }

    mutating func takeHeartbeat(_ heartbeat: Heartbeat, _ from: NodeID) {
        // A round is told again with each commit; one answer to it is enough, and a lost one is made good by the next round.
        let round = HeartbeatRound(term: term, number: heartbeat.round)
        if round != answeredRound {
            answeredRound = round
            send(.heartbeatReply(HeartbeatReply(round: heartbeat.round)), to: from)
        }
        // The log is the leader's only as far as this leader's appends have shown, or where it ends in the leader's term:
        // only the leader writes in it, so that all before is the leader's, too (log matching, §5.3).
        if log.last.term == term { verified = max(verified, log.last.index) }
        advanceCommit(to: min(heartbeat.commit, verified))
        guard heartbeat.commit > max(commit, verified) else { return }
        // The leader believes that this node holds more than it knows to be the leader's: a restart forgot it, or the disk
        // lost it.
        let limit = LogPosition(term: term, index: min(heartbeat.commit, log.last.index))
        let hint = log.position(atMost: limit) ?? log.before
        send(.appendReply(.conflict(previous: heartbeat.commit, hint: hint)), to: from)
    }
}
