// Owns linearizable reads: the current commit index, once a round of heartbeats has proved that this node still leads
// (thesis §6.4).
internal import Topology

/// A read that waits for a round of heartbeats that begins after it was asked for.
struct WaitingRead: Sendable {
    var request: RaftRequestID
    var round: UInt64
}

extension RaftCore {
    mutating func read(_ request: RaftRequestID) {
        guard role == .leader, let leadership else { return refuseAsFollower(request) }
        guard leadership.reads.count < limits.waitingReads else { return refuse(request, "too many reads wait") }
        self.leadership?.reads.append(WaitingRead(request: request, round: leadership.round + 1))
    }

    /// Begins the round that reads wait for. There is one round at a time; reads that arrive meanwhile share the next.
    mutating func beginRoundForReads() {
        guard let leadership, leadership.reads.contains(where: { $0.round > leadership.round }) else { return }
        let isRoundUnderWay = leadership.reads.contains { $0.round <= leadership.round }
        if !isRoundUnderWay { beginRound() }
    }

    /// Answers the reads whose round a quorum has answered. The index is the commit index of now, which is no less than
    /// it was at the request. A leader that has committed no entry of its term yet does not know what is chosen (§8,
    /// C6).
    mutating func confirmReads() {
        guard leadsFully, let leadership, !leadership.reads.isEmpty else { return }
        let confirmed = quorum.reached { voter in
            voter == id ? leadership.round : leadership.progress.first { $0.id == voter }?.round ?? 0
        }
        let ready = leadership.reads.prefix { $0.round <= confirmed }
        guard !ready.isEmpty else { return }
        for read in ready { pending.append(.answer(read.request, .readable(commit))) }
        self.leadership?.reads.removeFirst(ready.count)
    }
}
