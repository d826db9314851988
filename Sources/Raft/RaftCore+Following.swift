// Owns how a follower takes what its leader sends (Raft §5.3).
internal import Topology

/// A leader's round of heartbeats.
struct HeartbeatRound: Hashable, Sendable {
    var term: Term
    var number: UInt64
}

extension RaftCore {
    /// Takes entries. The answer that they match waits for the disk; the answer that they conflict does not.
    mutating func takeAppend(_ append: Append, _ from: NodeID) {
        // A full disk takes no entries; the leader sends them again until there is room.
        if disk.isFull, !append.entries.isEmpty { return }
        var previous = append.previous
        var entries = append.entries[...]
        // What is committed here is in the leader's log too, so only the rest matters (leader completeness, §5.4.3).
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

    /// Whether the log agrees at a position that is not beyond the commit. Compacted positions can no longer be
    /// compared.
    private func agrees(_ position: LogPosition) -> Bool {
        position.index < log.before.index || log.holds(position)
    }

    /// Nobody may append entries that contradict what is chosen. Either the sender or this log is wrong; nothing is
    /// cut.
    private mutating func rejectAppend(_ from: NodeID, _ position: LogPosition) {
        rejectedMessages += 1
        lastRejection = "\(from): \(position) is not what is committed there"
    }

    mutating func takeHeartbeat(_ heartbeat: Heartbeat, _ from: NodeID) {
        // Each commit repeats the current round. One answer to it is enough, and the next round makes up for a lost
        // one.
        let round = HeartbeatRound(term: term, number: heartbeat.round)
        if round != answeredRound {
            answeredRound = round
            send(.heartbeatReply(HeartbeatReply(round: heartbeat.round)), to: from)
        }
        // The log is known to equal the leader's only as far as this leader's appends have shown, or entirely if it
        // ends in the leader's term: only the leader writes entries of that term, so everything before them is the
        // leader's too (log matching, §5.3).
        if log.last.term == term { verified = max(verified, log.last.index) }
        advanceCommit(to: min(heartbeat.commit, verified))
        guard heartbeat.commit > max(commit, verified) else { return }
        // The leader believes that this node holds more than it can confirm: a restart forgot that, or the disk lost
        // entries.
        let limit = LogPosition(term: term, index: min(heartbeat.commit, log.last.index))
        let hint = log.position(atMost: limit) ?? log.before
        send(.appendReply(.conflict(previous: heartbeat.commit, hint: hint)), to: from)
    }
}
