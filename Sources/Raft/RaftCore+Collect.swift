// Owns the collecting candidate: it takes over the best log of its quorum before it leads (Elections C3-C7).
internal import Topology

/// A candidate whose quorum granted without comparing logs, and which is now fetching the best of those logs.
///
/// The votes themselves, with the logs that the voters reported, are in `RaftCore.campaign`.
struct Collection: Sendable {
    /// The most time that a collection may take, however well it goes.
    static let longest = Duration.seconds(30)

    /// The greatest log of all who granted, and of this node when it campaigned.
    var best: LogPosition
    var holder: NodeID?
    /// Holders that no longer had it.
    var failed: [NodeID] = []
    /// Where the logs are compared next: the last position that they may have in common.
    var previous: LogPosition?
    /// What was fetched is on its way to the disk.
    var write: PersistToken?
    /// Voters that were asked for their vote, the first ones included.
    var asked: [NodeID]
    var fetchDeadline: Tick
    var deadline: Tick
    var end: Tick
    var hasProgress = false
}

extension RaftCore {
    mutating func startCollecting() {
        role = .collecting
        collection = Collection(
            best: log.last, asked: quorum.voters, fetchDeadline: now + resendInterval, deadline: now + electionTimeout,
            end: now + Collection.longest)
        continueCollecting()
        if role == .collecting { announceCollecting() }
    }

    private mutating func announceCollecting() {
        for voter in quorum.voters where voter != id { send(.collecting, to: voter) }
    }

    /// Does whatever comes next: turn to a better log, fetch, wait for the disk, ask more voters, or lead.
    mutating func continueCollecting() {
        guard role == .collecting, let campaign, var collection else { return }
        let granted = campaign.replies.filter { $0.verdict == .granted }.map(\.last)
        let greatest = granted.max(by: isWorse) ?? .zero
        if isWorse(collection.best, greatest) {
            collection.best = greatest
            collection.holder = nil
            collection.previous = nil
        }
        self.collection = collection
        guard collection.best.index >= commit else { return abandonCollecting() }
        if collection.write != nil { return }
        if log.last != collection.best, !mutations.contains(.collectsWithoutAdopting) { return fetch() }
        // A leader's log has to be durable (C6).
        if let barrier = disk.barrier {
            self.collection?.write = barrier
            return
        }
        judgeCollection()
    }

    /// The better log has the greater last term and, for equal terms, the greater last index (C3; Raft §5.4.1).
    private func isWorse(_ left: LogPosition, _ right: LogPosition) -> Bool {
        guard mutations.contains(.collectsLongestLog) else { return left < right }
        return (left.index, left.term) < (right.index, right.term)
    }

    /// C5 and C6: the votes must be a quorum of the configuration in the adopted log.
    private mutating func judgeCollection() {
        guard let campaign else { return }
        guard isVoter else { return abandonCollecting() }
        if quorum.canElect({ $0 == id || campaign.isGranted(by: $0) }) { return lead(isFounding: false) }
        let asked = collection?.asked ?? []
        for voter in quorum.voters where voter != id && !asked.contains(voter) {
            collection?.asked.append(voter)
            askForVote(voter)
        }
    }

    // MARK: Fetching

    /// Whether it is waiting for an answer from the holder.
    var isFetching: Bool {
        collection.map { $0.holder != nil && $0.write == nil && log.last != $0.best } ?? false
    }

    private mutating func fetch() {
        guard let campaign, let collection else { return }
        if collection.holder == nil {
            let holders = campaign.replies.filter { $0.verdict == .granted && $0.last == collection.best }.map(\.from)
            guard let holder = holders.first(where: { !collection.failed.contains($0) }) else {
                return abandonCollecting()
            }
            self.collection?.holder = holder
        }
        if collection.previous == nil {
            self.collection?.previous = log.position(at: min(log.last.index, collection.best.index))
        }
        guard let holder = self.collection?.holder, let previous = self.collection?.previous else {
            return abandonCollecting()
        }
        let fetchDeadline = now + resendInterval
        self.collection?.fetchDeadline = fetchDeadline
        let offset = incomingSnapshot?.offset ?? 0
        send(.fetch(Fetch(previous: previous, target: collection.best, snapshotOffset: offset)), to: holder)
    }

    mutating func takeFetchReply(_ reply: FetchReply, _ from: NodeID) {
        guard role == .collecting, var collection, collection.holder == from, reply.previous == collection.previous,
            collection.write == nil, reply.target == collection.best || mutations.contains(.fetchesAcrossTerms)
        else { return }
        switch reply.content {
        case .entries(let entries):
            adopt(entries)
            collection.previous = entries.last?.position
            if mutations.contains(.fetchesAcrossTerms) { collection.best = reply.target }
            self.collection = collection
            waitForDisk()
        case .conflict(let hint): probeBack(to: hint, from: reply.previous)
        case .snapshot(let chunk): takeFetched(chunk)
        case .miss:
            self.collection?.failed.append(from)
            self.collection?.holder = nil
            continueCollecting()
        }
    }

    /// Each batch is durable before the next is fetched: a crash in between leaves a valid log (C4).
    private mutating func waitForDisk() {
        collection?.write = disk.barrier
        if disk.barrier == nil { continueCollecting() }
    }

    /// Steps back to where both logs may agree, but never below the commit index: every best log holds what is
    /// committed.
    private mutating func probeBack(to hint: LogPosition, from previous: LogPosition) {
        guard previous.index > commit else { return abandonCollecting() }
        let common = log.position(atMost: hint) ?? log.before
        let index = max(min(common.index, previous.index.previous), commit)
        collection?.previous = log.position(at: index)
        fetch()
    }

    private mutating func takeFetched(_ chunk: SnapshotChunk) {
        guard chunk.identity.position.index > commit else { return abandonCollecting() }
        let before = incomingSnapshot?.offset ?? 0
        switch collect(chunk) {
        case .next(let offset):
            // A repeated piece needs no action: the next one has been asked for, and is asked for again at the
            // deadline.
            guard offset != before else { return }
            progressed()
            fetch()
        case .complete(let snapshot, let table, let stateMachine):
            install(snapshot, table, stateMachine)
            collection?.previous = snapshot.identity.position
            waitForDisk()
        }
    }

    // MARK: Time

    mutating func collectingPersisted() {
        guard let write = collection?.write, write <= disk.durableToken else { return }
        collection?.write = nil
        progressed()
        announceCollecting()
        continueCollecting()
    }

    private mutating func progressed() {
        guard let collection else { return }
        self.collection?.hasProgress = true
        let deadline = min(now + electionTimeout, collection.end)
        self.collection?.deadline = deadline
    }

    mutating func collectingTick() {
        guard let collection else { return }
        if collection.deadline <= now || !canCampaign { return abandonCollecting() }
        guard collection.fetchDeadline <= now else { return }
        let fetchDeadline = now + resendInterval
        self.collection?.fetchDeadline = fetchDeadline
        guard collection.write == nil, log.last != collection.best else { return }
        // The holder is silent: ask another one with an equal log, or the same one again.
        let holders =
            campaign?.replies.filter { $0.verdict == .granted && $0.last == collection.best }.map(\.from) ?? []
        self.collection?.holder = holders.first { $0 != collection.holder && !collection.failed.contains($0) }
        if self.collection?.holder == nil { self.collection?.holder = collection.holder }
        fetch()
    }

    /// C7: becomes a follower. If it made progress it collects again; if not, raft mode gets a few campaigns.
    private mutating func abandonCollecting() {
        if collection?.hasProgress ?? false {
            collectsAgain = true
        } else {
            campaignsWithoutCollecting = 3
        }
        becomeFollower()
    }
}
