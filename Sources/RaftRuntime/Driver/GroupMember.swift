// Owns a node's part in its group: disk, consensus core, connections, and how it came to the group.
public import Logging
public import Proactor
public import Raft
public import Topology

/// Everything that makes a node a member, on one loop. Belongs to that loop and its thread.
public final class GroupMember: TimerHandler {
    /// What the settings say of the group.
    public struct Options: Sendable {
        public var node: NodeID
        /// The members as listed; this node is among them, or it wants to join them.
        public var contacts: [MemberContact]
        public var own: MemberContact
        public var timing: GroupTiming
        public var policy: ElectionPolicy
        public var tls: PeerTLS?
        /// UTC seconds now: the high bits of the group's identity if this node founds it, greater than any before.
        public var formation: UInt32

        public init(
            own: MemberContact, contacts: [MemberContact], timing: GroupTiming, policy: ElectionPolicy,
            tls: PeerTLS?, formation: UInt32
        ) {
            self.formation = formation
            node = own.id
            self.own = own
            self.contacts = contacts
            self.timing = timing
            self.policy = policy
            self.tls = tls
        }
    }

    /// What the owner is told, on the loop.
    public struct Handlers {
        /// A request of a peer that is not the member's own affair.
        public var receivedCall: (PeerRequest) -> Void
        /// The core has taken events, and what it wanted is on its way: who leads may have changed.
        public var stepped: () -> Void
        /// The process must end; the words say why.
        public var fail: (String) -> Void

        public init(
            receivedCall: @escaping (PeerRequest) -> Void, stepped: @escaping () -> Void = {},
            fail: @escaping (String) -> Void
        ) {
            self.receivedCall = receivedCall
            self.stepped = stepped
            self.fail = fail
        }
    }

    /// The kind of the call that asks to be admitted; the owner's kinds begin at 16.
    static let joinCall: UInt32 = 1
    private static let formingPeriod = Duration.milliseconds(200)

    private let loop: EventLoop
    private let options: Options
    let logger: Logger
    private let handlers: Handlers
    /// Random, made with the data directory: a node that lost its disk is another member.
    public let incarnation: UInt64
    /// Random; the group's identity if this node founds it.
    private let cluster: UInt64
    public private(set) var driver: RaftDriver!
    public private(set) var transport: PeerTransport!
    private var storage: LogStorage?
    private var formingTimer: LoopTimer?
    private var isJoining = false
    private var joinPace = JoinPace()
    private var said = SaidLines()
    private var notedLeader: NodeID?
    /// Why the node is in no group yet, or any more; nil while it is in one.
    public internal(set) var formingState: String?
    /// What the disk has no room for; nil while it has.
    public private(set) var diskFull: String?
    private var removalTimer: LoopTimer?
    var removal = RemovalWatch()
    /// Counts the questions whether it is a member: each goes to another peer.
    var questions = 0

    /// Starts the storage thread, the core and the connections. The state has what the group is known to have agreed, as
    /// far as the disk tells, when this returns.
    ///
    /// - Parameters:
    ///   - opened: what `FileLogStore.open` gave.
    ///   - listening: the bound `cluster.bind`.
    ///   - state: empty.
    /// - Throws: when a thread cannot be had.
    public init(
        loop: EventLoop, options: Options, opened: (store: any LogStore, loaded: LoadedLog),
        listening: ListeningSocket, state: any ReplicatedState, logger: Logger, handlers: Handlers
    ) throws(SystemError) {
        self.loop = loop
        self.options = options
        self.logger = logger
        self.handlers = handlers
        var system = SystemRandomNumberGenerator()
        cluster = UInt64(options.formation) << 32 | UInt64(system.next() as UInt32)
        let loaded = opened.loaded
        incarnation = loaded.incarnation
        let core = RaftCore(
            id: options.node, incarnation: loaded.incarnation, policy: options.policy,
            random: RandomBits(seed: system.next()), restored: loaded.restored, now: MonotonicClock.now)
        let relay = StateRelay(self, state)
        let outlets = RaftOutlets(
            persist: { [unowned self] in persist($0) }, send: { [unowned self] in transport.send($0) },
            stepped: { [unowned self] in
                storage?.note(commit: driver.durableCommit)
                self.handlers.stepped()
            },
            fail: { [unowned self] in self.handlers.fail($0) })
        transport = makeTransport(core.configuration, listening, RandomBits(seed: system.next()))
        let bound = LoopBound(WeakMember(self), of: loop)
        let logger = logger
        storage = try LogStorage.start(
            opened.store,
            onEvent: { event in bound.post { $0.member?.take(event) } },
            onFailure: { failure in
                logger.critical("\(failure); this process ends, so that nothing is acknowledged that is not durable")
                bound.post { $0.member?.handlers.fail("\(failure)") }
            })
        driver = RaftDriver(loop: loop, core: core, session: system.next(), state: relay, outlets: outlets)
        if let corruption = loaded.corruption { logger.error("\(corruption)") }
        warnOfStrangers(core.configuration)
        configurationChanged(core.configuration)
        driver.begin()
        removalTimer = loop.makeTimer(self)
        removalTimer?.set(loop.now + RemovalWatch.period)
    }

    private func makeTransport(
        _ configuration: Configuration, _ listening: ListeningSocket, _ random: RandomBits
    ) -> PeerTransport {
        let members = options.contacts.map { (id: $0.id, address: $0.address, datacenter: $0.datacenter) }
        let identity = PeerIdentity(
            node: options.node, incarnation: incarnation, cluster: configuration.cluster,
            membersDigest: PeerIdentity.digest(of: members))
        return PeerTransport(
            loop: loop, identity: identity, listening: listening, tls: options.tls, random: random, logger: logger,
            handlers: PeerHandlers(
                received: { [unowned self] in driver.received($0) },
                receivedCall: { [unowned self] in receivedCall($0) }))
    }

    /// When a group was founded, in UTC seconds; 0 for none.
    public static func formation(of cluster: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: cluster >> 32) }

    /// Ends everything; what waits for the disk is written first.
    public func stop() {
        formingTimer?.invalidate()
        formingTimer = nil
        removalTimer?.invalidate()
        removalTimer = nil
        driver.stop()
        transport.stop()
        storage?.close()
        storage = nil
    }

    // MARK: The disk

    private func persist(_ batch: PersistBatch) {
        if storage?.submit(batch) == false {
            handlers.fail("the disk does not keep up: too much waits to be written")
        }
    }

    private func take(_ event: StorageEvent) {
        switch event {
        case .persisted(let token): driver.persisted(token)
        case .full(let failure):
            logger.error("\(failure); this node accepts nothing until there is room")
            diskFull = "\(failure)"
            driver.diskFull(true)
        case .hasRoom:
            logger.notice("the disk has room again")
            diskFull = nil
            driver.diskFull(false)
        }
    }

    // MARK: The group

    /// Follows the configuration in force: whom to talk to, and which group this node says it belongs to.
    fileprivate func configurationChanged(_ configuration: Configuration) {
        var contacts: [PeerContact] = []
        for member in configuration.members + (configuration.outgoing ?? []) {
            guard !contacts.contains(where: { $0.id == member.id }) else { continue }
            contacts.append(PeerContact(id: member.id, address: member.address, incarnation: member.incarnation))
        }
        if configuration.cluster == 0 {
            contacts = options.contacts.map { PeerContact(id: $0.id, address: $0.address) }
            beginForming()
        } else if transport.identity.cluster != configuration.cluster {
            transport.identity.cluster = configuration.cluster
            formingState = nil
            logger.notice("member of a group", metadata: ["members": "\(configuration.members.count)"])
        }
        transport.update(members: contacts)
    }

    /// Tells people who leads, whenever that changes.
    fileprivate func noteLeader(_ report: RoleReport) {
        guard report.leader != notedLeader else { return }
        notedLeader = report.leader
        let term: Logger.Metadata = ["term": "\(report.term.number)"]
        if report.leader == options.node {
            logger.notice("leads the group", metadata: term)
        } else if let leader = report.leader {
            logger.notice("follows \(leader)", metadata: term)
        } else {
            logger.notice("knows no leader", metadata: term)
        }
    }

    /// Tells of members in the file that are none of the group: where each of them has a data directory of a group of its
    /// own, the same services are steered from several sides.
    private func warnOfStrangers(_ configuration: Configuration) {
        guard configuration.members.map(\.id) == [options.node] else { return }
        let strangers = options.contacts.map(\.id.text).filter { $0 != options.node.text }
        guard !strangers.isEmpty else { return }
        logger.warning(
            "the group on this node's disk is this node alone: the others of the file are no members until they have started with an empty data_dir",
            metadata: ["others": "\(strangers.joined(separator: ", "))"])
    }

    private func beginForming() {
        guard formingTimer == nil else { return }
        formingTimer = loop.makeTimer(self)
        formingTimer?.set(loop.now + Self.formingPeriod)
    }

    public func timerExpired(_ timer: LoopTimer) {
        if timer === removalTimer {
            timer.set(loop.now + RemovalWatch.period)
            return lookForLeader()
        }
        guard driver.member.configuration.cluster == 0 else {
            timer.invalidate()
            formingTimer = nil
            return
        }
        timer.set(loop.now + Self.formingPeriod)
        if let diskFull { return note(diskFull) }
        let formation = Formation(own: transport.identity, contacts: options.contacts, timing: options.timing)
        switch formation.step(peers: transport.peers, cluster: cluster, failure: transport.failure(of:)) {
        case .wait(let reason): note(reason)
        case .found(let configuration):
            note("founding the group")
            driver.form(configuration)
        case .join(let cluster): join(cluster)
        }
    }

    /// What is shown is the newest reason; the log has each at most every half minute, however they take turns.
    private func note(_ reason: String) {
        guard reason != formingState else { return }
        formingState = reason
        guard said.take(reason, limit: 32, now: loop.now) else { return }
        logger.notice("no group yet", metadata: ["reason": "\(reason)"])
    }

    private func join(_ cluster: UInt64) {
        let members = transport.peers.filter { $0.cluster == cluster }.map(\.node)
        guard !isJoining, let turn = joinPace.next(of: members.count, now: loop.now) else { return }
        isJoining = true
        let member = members[turn]
        if !joinPace.isRepeated { note("asking \(member) to be admitted to its group") }
        let request = JoinRequest(options.own)
        let call = PeerCall(kind: Self.joinCall, bytes: request.encoded)
        transport.call(member, call, within: .seconds(5)) { [weak self] outcome in
            guard let self else { return }
            isJoining = false
            joinPace.concluded(Self.answer(outcome, members), members: members.count, now: loop.now)
            // The leader's log may have come before its reply.
            guard driver.member.configuration.cluster == 0 else { return }
            switch outcome {
            case .reply: note("admitted; waiting for the leader's log")
            case .refused(let reason) where members.contains { reason == Self.leads($0) }: break
            case .refused(let reason), .notSent(let reason), .unknown(let reason): note("\(member): \(reason)")
            }
        }
    }

    private static func answer(_ outcome: PeerCallOutcome, _ members: [NodeID]) -> JoinPace.Answer {
        switch outcome {
        case .reply: .admitted
        case .refused(let reason): members.firstIndex { reason == leads($0) }.map { .elsewhere($0) } ?? .failed
        case .notSent, .unknown: .failed
        }
    }

    /// How a member that does not lead refuses a wish to join; the asker knows by it whom to ask.
    private static func leads(_ leader: NodeID) -> String { "\(leader) leads the group" }

    // MARK: Calls of peers

    private func receivedCall(_ request: PeerRequest) {
        if request.call.kind == MembershipQuestion.call { return answerMembership(request) }
        guard request.call.kind == Self.joinCall else { return handlers.receivedCall(request) }
        guard let wish = JoinRequest(request.call.bytes) else { return request.refuse("not a request to join") }
        let member = driver.member
        guard member.role == .leader else {
            return request.refuse(member.leader.map(Self.leads) ?? "the group has no leader now")
        }
        switch Admission(wish, by: request.peer, member.configuration) {
        case .known: request.answer([])
        case .refused(let reason): request.refuse(reason)
        case .change(let change):
            driver.change(change) { outcome in
                if case .applied = outcome { request.answer([]) } else { request.refuse("\(outcome)") }
            }
        }
    }
}

/// Lets the storage thread's closures name a member without keeping it.
private final class WeakMember {
    weak var member: GroupMember?
    init(_ member: GroupMember) { self.member = member }
}

/// Tells the member of configurations before the state is told.
private final class StateRelay: ReplicatedState {
    private weak var member: GroupMember?
    private let state: any ReplicatedState

    init(_ member: GroupMember, _ state: any ReplicatedState) {
        self.member = member
        self.state = state
    }

    func apply(_ commands: [CommittedCommand]) { state.apply(commands) }
    func restore(_ bytes: [UInt8], at index: LogIndex) { state.restore(bytes, at: index) }
    func encoded() -> [UInt8] { state.encoded() }
    func roleChanged(_ report: RoleReport) {
        member?.noteLeader(report)
        state.roleChanged(report)
    }

    func configurationChanged(_ configuration: Configuration) {
        member?.configurationChanged(configuration)
        state.configurationChanged(configuration)
    }
}
