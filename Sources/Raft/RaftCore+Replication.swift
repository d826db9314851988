// Owns replication: proposals, pipelines to followers, and the commit (Raft §5.3, §5.4.2).
internal import Topology

extension RaftCore {
    mutating func propose(_ command: Command, _ request: RaftRequestID) {
        guard role == .leader, let leadership else { return refuseAsFollower(request) }
        if let reason = refusal(of: command, leadership) { return refuse(request, reason) }
        let position = LogPosition(term: term, index: log.last.index.next)
        append(LogEntry(position, .command(command)))
        self.leadership?.proposals.append(WaitingProposal(request: request, index: position.index))
    }

    private func refusal(of command: Command, _ leadership: Leadership) -> String? {
        if leadership.isFounding { return "the group is being formed" }
        if leadership.transfer != nil { return "leadership is being handed over" }
        if command.bytes.count > limits.commandBytes {
            return "the command is greater than \(limits.commandBytes) bytes"
        }
        if leadership.proposals.count >= limits.waitingProposals { return "too many proposals wait" }
        if log.bytes(after: commit) >= limits.uncommittedBytes { return "too many bytes wait to be committed" }
        return nil
    }

    mutating func refuseAsFollower(_ request: RaftRequestID) {
        pending.append(.answer(request, .notLeader(leader == id ? nil : leader)))
    }

    mutating func refuse(_ request: RaftRequestID, _ reason: String) {
        pending.append(.answer(request, .refused(reason)))
    }

    // MARK: To followers

    mutating func replicateToAll() {
        guard let count = leadership?.progress.count else { return }
        for place in 0..<count { replicate(to: place) }
    }

    /// Sends what a follower lacks, within the limits of its pipeline.
    private mutating func replicate(to place: Int) {
        guard var progress = leadership?.progress[place] else { return }
        defer { leadership?.progress[place] = progress }
        while true {
            switch progress.mode {
            case .snapshot(var transfer):
                sendChunks(&transfer, to: progress.id)
                progress.mode = .snapshot(transfer)
                return
            case .probe(let resumeAt):
                if let resumeAt, resumeAt > now { return }
                guard let previous = log.position(at: progress.next.previous) else {
                    guard let snapshot, progress.next.previous < log.before.index else { return }
                    progress.mode = .snapshot(SnapshotTransfer(snapshot: snapshot, resendAt: now))
                    continue
                }
                // A follower that does not answer is only asked where it stands; entries might be sent in vain.
                let isHeard = progress.lastHeard + electionTimeout > now
                let entries = isHeard ? log.entries(after: previous.index, cost: limits.messageBytes) : []
                sendAppend(previous, entries, to: progress.id)
                progress.mode = .probe(resumeAt: now + resendInterval)
                return
            case .replicate(var inFlight):
                guard progress.next <= log.last.index, inFlight.count < limits.messagesInFlight else { return }
                guard let previous = log.position(at: progress.next.previous) else {
                    progress.probe(from: progress.next)
                    continue
                }
                let entries = log.entries(after: previous.index, cost: limits.messageBytes)
                guard let end = entries.last?.position.index else { return }
                if inFlight.isEmpty { progress.lastMoved = now }
                sendAppend(previous, entries, to: progress.id)
                progress.toldCommit = max(progress.toldCommit, min(commit, end))
                inFlight.append(end)
                progress.next = end.next
                progress.mode = .replicate(inFlight: inFlight)
            }
        }
    }

    /// The leader writes its own log in parallel (thesis §10.2.1), except that a group's first entry is durable before
    /// anyone sees it: its founder may lead term 1 again after a crash.
    private mutating func sendAppend(_ previous: LogPosition, _ entries: [LogEntry], to follower: NodeID) {
        let append = RaftMessage.Body.append(Append(previous: previous, entries: entries, commit: commit))
        if leadership?.isFounding ?? false {
            sendWhenDurable(append, to: follower)
        } else {
            send(append, to: follower)
        }
    }

    /// How long to wait for an answer before entries are sent again.
    var resendInterval: Duration { electionTimeout / 2 }

    /// Goes back to probing followers that have not answered: a message may have been lost.
    mutating func resend() {
        guard let count = leadership?.progress.count else { return }
        for place in 0..<count {
            guard var progress = leadership?.progress[place] else { continue }
            switch progress.mode {
            case .probe: break
            case .replicate(let inFlight):
                if !inFlight.isEmpty, progress.lastMoved + resendInterval <= now {
                    progress.probe(from: progress.match.next)
                }
            case .snapshot(var transfer):
                if transfer.resendAt <= now { transfer.resend() }
                progress.mode = .snapshot(transfer)
            }
            leadership?.progress[place] = progress
        }
    }

    mutating func takeAppendReply(_ reply: AppendReply, _ message: RaftMessage) {
        guard let place = leadership?.place(of: message.from), var progress = leadership?.progress[place] else {
            return
        }
        progress.lastHeard = now
        switch reply {
        case .matches(let index):
            if index > log.last.index { return reject(message, "matches beyond the log") }
            progress.matched(through: index, now: now)
        case .conflict(let previous, let hint):
            takeConflict(at: previous, hint: hint, &progress)
        }
        leadership?.progress[place] = progress
        advanceCommit()
        checkTransfer()
        advanceChange()
    }

    /// The logs differ at `previous`. The hint and this log together bound the last position at which they may agree
    /// (thesis §3.5).
    private func takeConflict(at previous: LogIndex, hint: LogPosition, _ progress: inout Progress) {
        switch progress.mode {
        case .snapshot: return
        case .probe where progress.next.previous != previous || previous == .zero: return
        // A later message has overtaken the one this answers. But if nothing is in flight, the follower is saying of
        // its own accord that it cannot confirm what it was believed to hold.
        case .replicate(let inFlight) where previous <= progress.match && !inFlight.isEmpty: return
        case .probe, .replicate: break
        }
        let common = min(log.position(atMost: hint)?.index ?? log.before.index.previous, previous.previous)
        // A follower whose disk lost what it had acknowledged can tell the leader only here.
        progress.match = min(progress.match, common)
        progress.probe(from: common.next)
    }

    // MARK: Commit

    /// Commits what is durable at a quorum, counting only entries of this leader's term (§5.4.2).
    mutating func advanceCommit() {
        guard role == .leader, let progress = leadership?.progress else { return }
        let own = disk.durableIndex.number
        let reached = quorum.reached { voter in
            voter == id ? own : progress.first { $0.id == voter }?.match.number ?? 0
        }
        let index = LogIndex(reached)
        guard index > commit else { return }
        guard log.position(at: index)?.term == term || mutations.contains(.commitsOldTerms) else { return }
        advanceCommit(to: index)
        guard let leadership else { return }
        if leadership.isFounding { return founded() }
        confirmReads()
        advanceChange()
    }
}
