// Owns the state of one member of the group and the only way to change it: an event in, effects out.
public import Topology

/// The consensus core of one member: Raft (Ongaro and Ousterhout 2014; Ongaro's thesis) with pre-vote, and the
/// collecting election. The article Elections states the rules that comments here name: V1-V7 of voters, C1-C7 of
/// candidates.
///
/// The shell gives it events with the time at which they happened, carries the effects out in their order, and calls it
/// again with `.tick` at `nextDeadline`; its first call is a `.tick` right after the start. It neither blocks nor reads
/// a clock. Roles change along: follower → preCandidate → candidate → (collecting →) leader; a transfer skips
/// preCandidate; every role may fall back to follower. Messages from peers are checked before they are used; those that
/// cannot be right are dropped and counted.
public struct RaftCore: Sendable {
    public let id: NodeID
    /// Made with the data directory. A configuration names a member by id and incarnation.
    public let incarnation: UInt64
    let limits: RaftLimits
    let policy: ElectionPolicy
    var random: RandomBits

    /// Seeded bugs, for the simulation's own tests.
    package var mutations: RaftMutations = []

    // What the disk holds, or will hold once the writes in progress are done.
    var hardState: HardState
    var log: RaftLog
    var snapshot: Snapshot?
    var disk = DiskState()

    // The state machine's side.
    var sessions = SessionTable()
    /// Everything up to here is chosen and has been given to the state machine.
    public internal(set) var commit = LogIndex.zero
    var wantedSnapshot: WantedSnapshot?
    /// The log's `sum` at which the next snapshot is wanted.
    var nextSnapshotSum = 0
    var incomingSnapshot: IncomingSnapshot?

    // The role.
    public internal(set) var role = RoleReport.Role.follower
    /// The leader of the term, if it is known.
    public internal(set) var leader: NodeID?
    var heardLeader = Tick.zero
    /// The last round of heartbeats that was answered.
    var answeredRound: HeartbeatRound?
    /// Up to here the log is known to equal the log of this term's leader.
    var verified = LogIndex.zero
    var electionDeadline = Tick.zero
    var campaign: Campaign?
    var collection: Collection?
    var leadership: Leadership?
    /// The term in which a collector last restarted the election timer.
    var collectorTerm = Term.zero
    /// How many more campaigns use raft mode, because the last collection made no progress.
    var campaignsWithoutCollecting = 0
    /// The last collection made progress but did not finish.
    var collectsAgain = false
    /// At the last pre-vote a quorum would have followed, if its logs had not been ahead.
    var lackedOnlyLog = false
    /// A transfer that this node began as leader, to be answered when the next leader is known.
    var handedOver: HandedOver?

    // The configuration in force.
    public internal(set) var configuration: Configuration
    public internal(set) var quorum: Quorum
    var isVoter = false

    // The call under way.
    var now: Tick
    var pending: [RaftEffect] = []
    var hasStarted = false
    /// What an earlier process knew to be committed; the state machine is given it again at the start.
    private let restoredCommit: LogIndex
    var reportedRole: RoleReport?
    var reportedConfiguration: Configuration?

    /// An invariant that was found broken, by a bug or a memory error. The shell logs it and ends the process; the core
    /// does nothing more.
    public internal(set) var violation: String?
    /// How many messages were dropped because no correct member would send them, and why the last one was.
    public internal(set) var rejectedMessages = 0
    public internal(set) var lastRejection: String?

    /// Makes the member that its disk describes, as a follower.
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
    /// Time limits come after all other events: a process that was not scheduled for a while must not overlook a
    /// heartbeat that has arrived, or take a finished write for a stalled one.
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
        // No other node could lead, so there is no reason to wait.
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
    /// The end of the log in memory; the disk may be behind.
    public var last: LogPosition { log.last }
    /// The last index that is both committed and durable here. A shell that notes it passes it back as
    /// `RestoredState.committedThrough`. The disk cannot hold a different entry there any more.
    public var durableCommit: LogIndex { min(commit, disk.durableIndex) }
    /// The end of the snapshot, where there is one.
    public var snapshotPosition: LogPosition { snapshot?.identity.position ?? .zero }
    /// Whether the log is damaged and a leader has yet to repair it.
    public var isCorrupt: Bool { disk.unhealedThrough != nil }
    /// Bytes of the log since the last snapshot, in memory.
    public var logBytes: Int { log.bytes(after: snapshotPosition.index) }
    /// What a leader knows of the other members, in the order of the configuration; empty on other nodes.
    public var progress: [MemberProgress] { leadership?.progress.map(MemberProgress.init) ?? [] }
    /// When this leader last heard an answer from a member; nil on other nodes and for strangers.
    public func heard(from member: NodeID) -> Tick? { leadership?.progress.first { $0.id == member }?.lastHeard }
    /// Whether a leader has committed an entry of its own term: it knows what is chosen, and may serve reads (§8).
    public var leadsFully: Bool { leadership.map { !$0.isFounding && commit >= $0.firstIndex } ?? false }

    /// The term of the entry at the index, as far as the log in memory reaches.
    public func term(at index: LogIndex) -> Term? { log.position(at: index)?.term }

    /// The entry at the index, as far as the log in memory reaches.
    public func entry(at index: LogIndex) -> LogEntry? { log.entry(at: index) }

    /// Records a broken invariant. Tests stop at it; a release ends cleanly by way of `violation`.
    mutating func assertInvariant(_ condition: Bool, _ text: (RaftCore) -> String) {
        if condition { return }
        let found = text(self)
        violation = violation ?? found
        // The simulation has to find seeded bugs, not crash on them.
        guard mutations.isEmpty else { return }
        assertionFailure("\(id): \(found)")
    }

    /// Counts a message that no correct member would send.
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

/// What `RaftCore.init` makes of the disk's content. Parts that do not fit together count as corrupt.
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
