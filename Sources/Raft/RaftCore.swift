// Owns the state of one member of the group and the one way to change it: an event in, effects out.
public import Topology

/// The consensus core of one member: Raft (Ongaro and Ousterhout 2014; Ongaro's thesis) with pre-vote, and the collecting
/// election that the article Elections states as rules V1-V7 and C1-C7.
///
/// The shell gives it events with the time at which they happened, carries the effects out in their order, and calls it
/// again with `.tick` at `nextDeadline`; its first call is a `.tick` right after the start. It neither blocks nor reads a
/// clock. Roles change along: follower → preCandidate → candidate → (collecting →) leader, candidate by a transfer
/// without preCandidate, and each of them → follower. What a peer sends is checked before it is used; what does not
/// hold is dropped and counted.
public struct RaftCore: Sendable {
    public let id: NodeID
    /// Made with the data directory: with the id, the member that a configuration names.
    public let incarnation: UInt64
    let limits: RaftLimits
    let policy: ElectionPolicy
    var random: RandomBits

    /// Bugs on purpose, for the simulation's own tests.
    package var mutations: RaftMutations = []

    // What the disk holds, or will once the writes under way are done.
    var hardState: HardState
    var log: RaftLog
    var snapshot: Snapshot?
    var disk = DiskState()

    // The state machine's side.
    var sessions = SessionTable()
    /// Everything up to here is chosen, and was given to the state machine.
    public internal(set) var commit = LogIndex.zero
    var wantedSnapshot: WantedSnapshot?
    /// The log's `sum` at which the next snapshot is wanted.
    var nextSnapshotSum = 0
    var incomingSnapshot: IncomingSnapshot?

    // The role.
    public internal(set) var role = RoleReport.Role.follower
    /// The leader of the term, where it is known.
    public internal(set) var leader: NodeID?
    var heardLeader = Tick.zero
    /// The round of heartbeats that was answered last.
    var answeredRound: HeartbeatRound?
    /// Through here the log is known to be the leader's of this term.
    var verified = LogIndex.zero
    var electionDeadline = Tick.zero
    var campaign: Campaign?
    var collection: Collection?
    var leadership: Leadership?
    /// The term in which a collector last restarted the election timer.
    var collectorTerm = Term.zero
    /// So many campaigns do not collect, because collecting came to nothing.
    var campaignsWithoutCollecting = 0
    /// The last collection came to something, but not to its end.
    var collectsAgain = false
    /// Voters that would follow were there at the last pre-vote, but for their greater logs.
    var lackedOnlyLog = false
    /// A transfer that this node handed over as leader, to be answered when the next leader is known.
    var handedOver: HandedOver?

    // The configuration in force.
    public internal(set) var configuration: Configuration
    public internal(set) var quorum: Quorum
    var isVoter = false

    // The call under way.
    var now: Tick
    var pending: [RaftEffect] = []
    var hasStarted = false
    /// What an earlier process knew to be committed, until it was given to the state machine again.
    private let restoredCommit: LogIndex
    var reportedRole: RoleReport?
    var reportedConfiguration: Configuration?

    /// What was found to be impossible: a defect of this program or a memory error. The shell logs it and stops the
    /// process; until then the core does nothing any more.
    public internal(set) var violation: String?
    /// How many messages were dropped because they could not be true, and why the last one was.
    public internal(set) var rejectedMessages = 0
    public internal(set) var lastRejection: String?

    /// The member as its disk describes it; a follower at first.
    public init(
        id: NodeID, incarnation: UInt64, policy: ElectionPolicy = .auto, limits: RaftLimits = RaftLimits(),
        random: RandomBits, restored: RestoredState, now: Tick
    ) {
        self.id = id
        self.incarnation = incarnation
        self.policy = policy
        self.limits = limits
        self.random = random
        self.now = now
        let start = Restart(restored)
        hardState = start.hardState
        snapshot = start.snapshot
        log = start.log
        sessions = start.sessions
        commit = start.snapshot?.identity.position.index ?? .zero
        disk.durableIndex = log.last.index
        disk.writtenThrough = log.last.index
        disk.unhealedThrough = start.unhealedThrough
        restoredCommit = start.unhealedThrough == nil ? min(restored.committedThrough, log.last.index) : .zero
        nextSnapshotSum = log.sum(through: commit) + limits.logBytesBeforeSnapshot
        configuration = log.configuration
        quorum = Quorum(configuration)
        isVoter = isVoter(in: configuration)
        electionDeadline = now
    }

    /// Takes one event that happened at `now`, and adds what is to be done to `effects`.
    public mutating func step(_ event: RaftEvent, now: Tick, into effects: inout [RaftEffect]) {
        step(CollectionOfOne(event), now: now, into: &effects)
    }

    /// Takes events together: they share one write to the disk and one message a follower.
    ///
    /// Time limits are judged after all else that has happened by now: a process that was not run for a while must not
    /// miss a heartbeat that has come, or take a write for stalled that has ended.
    public mutating func step(_ events: some Sequence<RaftEvent>, now: Tick, into effects: inout [RaftEffect]) {
        guard violation == nil else { return }
        self.now = max(self.now, now)
        if !hasStarted { start() }
        var isTicking = false
        for event in events {
            if case .tick = event { isTicking = true } else { take(event) }
        }
        if isTicking { tick() }
        finishLeading()
        flush(into: &effects)
    }

    private mutating func start() {
        hasStarted = true
        restartElectionTimer()
        if let snapshot, let (_, length) = SessionTable.decode(snapshot.bytes) {
            pending.append(.restore(Array(snapshot.bytes[length...]), at: commit))
        }
        advanceCommit(to: restoredCommit)
        // Nobody else could lead, and nobody has to be waited for.
        if isVoter, quorum.voters == [id] { electionDeadline = now }
        if isFounderAgain { lead(isFounding: true) }
    }

    private mutating func take(_ event: RaftEvent) {
        switch event {
        case .tick: break
        case .received(let message): receive(message)
        case .persisted(let token): persisted(token)
        case .propose(let request, let command): propose(command, request)
        case .form(let configuration): form(configuration)
        case .changeMembers(let request, let change): changeMembers(change, request)
        case .transfer(let request, let target): transfer(to: target, request)
        case .read(let request): read(request)
        case .snapshotTaken(let index, let bytes): snapshotTaken(at: index, bytes)
        case .diskFull(let isFull): diskFull(isFull)
        }
    }

    private mutating func tick() {
        if let handedOver, handedOver.deadline <= now { answerHandOver(ledBy: nil) }
        switch role {
        case .leader:
            if let deadline = leadership?.heartbeatDeadline, deadline <= now { beat() }
        case .collecting:
            collectingTick()
        case .follower, .preCandidate, .candidate:
            if electionDeadline <= now { electionTimedOut() }
        }
    }

    /// The latest moment of the next `.tick`.
    public var nextDeadline: Tick {
        guard hasStarted else { return now }
        let own =
            switch role {
            case .leader: leadership?.heartbeatDeadline ?? electionDeadline
            case .collecting: collection.map { min($0.deadline, $0.fetchDeadline) } ?? electionDeadline
            case .follower, .preCandidate, .candidate: electionDeadline
            }
        return min(own, handedOver?.deadline ?? .distantFuture)
    }
}

extension RaftCore {
    public var term: Term { hardState.term }
    /// The end of the log, as far as it was taken in; the disk may be behind.
    public var last: LogPosition { log.last }
    /// The end of what is committed and durable here: a shell that notes it gives it back as
    /// `RestoredState.committedThrough`. Never an entry that this disk may still hold in another form.
    public var durableCommit: LogIndex { min(commit, disk.durableIndex) }
    /// The end of the snapshot, where there is one.
    public var snapshotPosition: LogPosition { snapshot?.identity.position ?? .zero }
    /// Whether the node waits for a leader to repair its log.
    public var isCorrupt: Bool { disk.unhealedThrough != nil }
    /// What a leader knows of the other members, by the order of the configuration; empty on all others.
    public var progress: [MemberProgress] { leadership?.progress.map(MemberProgress.init) ?? [] }
    /// When an answer of a member last came to this leader; nil on all others, and for strangers.
    public func heard(from member: NodeID) -> Tick? { leadership?.progress.first { $0.id == member }?.lastHeard }
    /// Whether a leader has committed an entry of its own term: it knows what is chosen, and may serve reads (§8).
    public var leadsFully: Bool { leadership.map { !$0.isFounding && commit >= $0.firstIndex } ?? false }

    /// The term of the entry at the index, as far as the log in memory reaches.
    public func term(at index: LogIndex) -> Term? { log.position(at: index)?.term }

    /// The entry at the index, as far as the log in memory reaches.
    public func entry(at index: LogIndex) -> LogEntry? { log.entry(at: index) }

    /// Records what can never be: tests stop at it, a release stops itself cleanly through `violation`.
    mutating func assertInvariant(_ condition: Bool, _ text: (RaftCore) -> String) {
        if condition { return }
        let found = text(self)
        violation = violation ?? found
        // The simulation is to find its own bugs, not to die of them.
        guard mutations.isEmpty else { return }
        assertionFailure("\(id): \(found)")
    }

    /// Counts a message that could not be true.
    mutating func reject(_ message: RaftMessage, _ reason: String) {
        rejectedMessages += 1
        lastRejection = "\(message.from): \(reason)"
    }

    func isVoter(in configuration: Configuration) -> Bool {
        (configuration.members + (configuration.outgoing ?? []))
            .contains { $0.id == id && $0.incarnation == incarnation && $0.role == .voter }
    }

    func nanoseconds(_ duration: Duration) -> Int64 { duration.wholeNanoseconds }

    /// The shortest election timeout.
    var electionTimeout: Duration { configuration.timing.electionTimeout }
}

/// What `RaftCore.init` makes of the disk's content: what does not fit together counts as corrupt.
private struct Restart {
    var hardState: HardState
    var snapshot: Snapshot?
    var log = RaftLog(startingAfter: .zero, configuration: .empty)
    var sessions = SessionTable()
    var unhealedThrough: LogIndex?

    init(_ restored: RestoredState) {
        hardState = restored.hardState
        var isCorrupt = restored.isCorrupt
        var reach = max(restored.acknowledgedThrough, restored.entries.last?.position.index ?? .zero)
        if let snapshot = restored.snapshot {
            let identity = snapshot.identity
            if let (table, _) = SessionTable.decode(snapshot.bytes), CRC32C.of(snapshot.bytes) == identity.checksum {
                self.snapshot = snapshot
                sessions = table
                log = RaftLog(startingAfter: identity.position, configuration: identity.configuration)
            } else {
                isCorrupt = true
                reach = max(reach, identity.position.index)
            }
        }
        for entry in restored.entries where entry.position.index > log.last.index {
            guard entry.position.index == log.last.index.next, entry.position.term >= log.last.term else {
                isCorrupt = true
                break
            }
            log.append(entry)
        }
        if hardState.term < log.last.term { hardState = HardState(term: log.last.term) }
        if isCorrupt { unhealedThrough = reach }
    }
}
