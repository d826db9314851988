// Owns the catalog of a node in a group: proposals go to the leader, and come back as entries of the log.
internal import Catalog
internal import Failover
internal import Proactor
internal import Raft
internal import RaftRuntime
internal import Switching
internal import Topology

/// The catalog behind the group's log. On the control thread.
///
/// A follower's proposal travels to the leader, which answers with the index at which it was applied. The outcome is
/// then taken from this node's own catalog once it has got that far, since every node computes the same.
final class GroupLedger: Ledger, ReplicatedState {
    /// The kind of the call that carries a command to the leader.
    private static let proposeCall: UInt32 = 16
    /// How long a node waits for the leader's answer, and then for its own log to reach the index.
    private static let timeout = Duration.seconds(5)
    /// At least this many outcomes are kept for those who asked on this node.
    private static let keptOutcomes = 4_096

    private(set) var catalog = Catalog()
    private(set) var historyIndex: UInt64
    var changed: () -> Void = {}
    var standingChanged: () -> Void = {}
    /// A peer has reported what it sees; returns the answer to it.
    var observed: (LeaseHolder, [UInt8]) -> [UInt8] = { _, _ in [] }
    /// A peer asks something else of the leader.
    var asked: (PeerRequest) -> Void = { $0.refuse("the node is starting") }
    private let loop: EventLoop
    let node: NodeID
    private let fail: @Sendable (String) -> Void
    private(set) var member: GroupMember?
    /// The length of leases in this node's settings.
    let wantedLease: Duration
    var leases = LeaseHandlers()
    /// How messages get to the leader.
    var route = LeaderRoute()
    private var shown: GroupStanding?

    /// The outcomes of the newest commands, by index; `outcomes.first` belongs to `firstKept`.
    private var outcomes: [(index: UInt64, outcome: CatalogOutcome)] = []
    /// Callers waiting until this node has applied an index.
    private var waiting: [(index: UInt64, deadline: Tick, completion: (ProposalOutcome) -> Void)] = []

    /// Starts the member.
    ///
    /// - Throws: when a thread cannot be had.
    init(_ loop: EventLoop, _ setup: GroupSetup) throws(SystemError) {
        self.loop = loop
        fail = setup.fail
        node = setup.options.node
        wantedLease = setup.options.timing.lease
        historyIndex =
            (setup.loaded.entries.last?.position ?? setup.loaded.snapshot?.identity.position)?.index.number ?? 0
        member = try GroupMember(
            loop: loop, options: setup.options, opened: (setup.store, setup.loaded), listening: setup.listening,
            state: self, logger: setup.logger,
            handlers: GroupMember.Handlers(
                receivedCall: { [unowned self] in receivedCall($0) },
                stepped: { [unowned self] in leases.stepped() }, fail: { [fail] in fail($0) }))
    }

    func stop() {
        member?.stop()
        member = nil
        let unanswered = waiting
        waiting = []
        for each in unanswered { each.completion(.unknown) }
    }

    // MARK: Proposing

    func propose(_ command: CatalogCommand, _ completion: @escaping (ProposalOutcome) -> Void) {
        guard let member else { return completion(.unavailable("the node is stopping", leader: nil)) }
        let bytes = command.encoded
        let core = member.driver.member
        if core.role == .leader {
            member.driver.propose(bytes) { [weak self] in self?.finish($0, completion) }
        } else if let leader = core.leader {
            forward(bytes, to: leader, member, completion)
        } else {
            let reason = member.formingState ?? "the group has no leader now"
            completion(.unavailable("\(reason); nothing was changed", leader: nil))
        }
    }

    private func finish(_ outcome: RaftOutcome, _ completion: @escaping (ProposalOutcome) -> Void) {
        switch outcome {
        case .applied(let index), .duplicate(of: let index): answer(index.number, completion)
        case .notLeader(let leader):
            completion(.unavailable("\(node) does not lead any more; nothing was changed", leader: leader))
        case .refused(let reason): completion(.unavailable("\(reason); nothing was changed", leader: nil))
        case .readable, .transferred, .sessionExpired, .unknown: completion(.unknown)
        }
    }

    /// Completes with the outcome of the command at an index, once this node has applied it.
    private func answer(_ index: UInt64, _ completion: @escaping (ProposalOutcome) -> Void) {
        if let found = outcomes.last(where: { $0.index == index }) {
            completion(.decided(found.outcome))
        } else if index <= catalog.appliedIndex || waiting.count >= Self.keptOutcomes {
            // Applied so long ago that its outcome is forgotten.
            completion(.unknown)
        } else {
            waiting.append((index, loop.now + Self.timeout, completion))
        }
    }

    private func forward(
        _ bytes: [UInt8], to leader: NodeID, _ member: GroupMember, _ completion: @escaping (ProposalOutcome) -> Void
    ) {
        let call = PeerCall(kind: Self.proposeCall, bytes: bytes)
        member.transport.call(leader, call, within: Self.timeout) { [weak self] outcome in
            switch outcome {
            case .reply(let bytes):
                guard let self, let index = Self.index(bytes) else { return completion(.unknown) }
                answer(index, completion)
            case .refused(let reason), .notSent(let reason):
                completion(.unavailable("\(reason); nothing was changed", leader: leader))
            case .unknown: completion(.unknown)
            }
        }
    }

    // MARK: Calls of peers

    private func receivedCall(_ request: PeerRequest) {
        switch request.call.kind {
        case Self.proposeCall: receivedProposal(request)
        case Self.leaderCalls: receivedLeaderCall(request)
        case LeaderQuestions.call: asked(request)
        default: request.refuse("this node knows no such call")
        }
    }

    private func receivedProposal(_ request: PeerRequest) {
        guard let member, member.driver.member.role == .leader else {
            return request.refuse("\(node) does not lead the group")
        }
        // No node could apply what does not decode, so it must not reach the log.
        guard let command = try? CatalogCommand(decoding: request.call.bytes) else {
            return request.refuse("not a command that this node can read")
        }
        // Only the leader, which receives the acknowledgements, knows whether a switch is complete.
        if case .completeSwitch = command.change { return request.refuse("only the leader completes a switch") }
        member.driver.propose(request.call.bytes) { outcome in
            switch outcome {
            case .applied(let index), .duplicate(of: let index): request.answer(Self.reply(index.number))
            case .notLeader(let leader): request.refuse("\(leader.map { "\($0) leads" } ?? "nobody leads") the group")
            case .refused(let reason): request.refuse(reason)
            case .readable, .transferred, .sessionExpired, .unknown: request.answer(Self.reply(0))
            }
        }
    }

    /// The index at which a command was applied, in eight bytes; 0: it is unknown whether it was.
    private static func reply(_ index: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: index >> ($0 * 8)) }
    }

    private static func index(_ reply: [UInt8]) -> UInt64? {
        guard reply.count == 8 else { return nil }
        let index = reply.reversed().reduce(0) { $0 << 8 | UInt64($1) }
        return index == 0 ? nil : index
    }

    // MARK: The log

    func apply(_ commands: [CommittedCommand]) {
        for entry in commands {
            // The leader lets nothing else into the log, and every node of this version skips the same entries.
            guard let command = try? CatalogCommand(decoding: entry.bytes) else { continue }
            let index = entry.position.index.number
            outcomes.append((index, catalog.apply(command, at: index, term: entry.position.term.number)))
        }
        // The array is compacted once in this many entries, not with each.
        if outcomes.count > 2 * Self.keptOutcomes { outcomes.removeFirst(outcomes.count - Self.keptOutcomes) }
        changed()
        answerThoseWhoWait()
    }

    private func answerThoseWhoWait() {
        guard !waiting.isEmpty else { return }
        let now = loop.now
        let asked = waiting
        waiting = []
        for each in asked {
            if let found = outcomes.last(where: { $0.index == each.index }) {
                each.completion(.decided(found.outcome))
            } else if each.index <= catalog.appliedIndex || each.deadline <= now {
                each.completion(.unknown)
            } else {
                waiting.append(each)
            }
        }
    }

    let isAlone = false

    /// Ends waits whose time is over, and shows which members have come or gone.
    func look() {
        answerThoseWhoWait()
        let standing = standing
        if standing != shown {
            shown = standing
            standingChanged()
        }
    }

    func restore(_ bytes: [UInt8], at index: LogIndex) {
        do {
            catalog = try Catalog(snapshot: bytes)
            historyIndex = max(historyIndex, catalog.appliedIndex)
            changed()
        } catch {
            // Continuing with a state that differs from the others' would be worse than ending.
            fail("the group's snapshot cannot be read by this version: \(error)")
        }
    }

    func encoded() -> [UInt8] { catalog.snapshot }

    func roleChanged(_ report: RoleReport) { standingChanged() }

    func configurationChanged(_ configuration: Configuration) {
        // Comes before the first command, so that every member derives the same high bits of all epochs.
        let formation = GroupMember.formation(of: configuration.cluster)
        if catalog.appliedIndex == 0, catalog.formation != formation { catalog = Catalog(formation: formation) }
        leases.membersChanged()
        standingChanged()
    }

    // MARK: Failover

    /// Whether this node leads and knows everything that was decided before.
    var leads: Bool { member?.driver?.member.leadsFully ?? false }
    var term: UInt64 { member?.driver?.member.term.number ?? 0 }

    /// The members as far as votes are concerned.
    var nodes: [VotingNode] {
        (member?.driver?.member.configuration.members ?? []).map {
            VotingNode(id: $0.id, datacenter: $0.datacenter, isVoter: $0.role == .voter)
        }
    }

    // MARK: How the group is

    var standing: GroupStanding {
        guard let member, let driver = member.driver else {
            return GroupStanding(hasQuorum: false, leader: nil, term: 0, members: [], forming: "starting")
        }
        let core = driver.member
        let progress = core.progress
        let members = core.configuration.members.map { each in
            GroupStanding.Member(
                id: each.id, datacenter: each.datacenter, isVoter: each.role == .voter,
                isReachable: each.id == node || member.transport.isConnected(each.id),
                applied: each.id == node ? core.last.index.number : progress.first { $0.id == each.id }?.match.number,
                address: each.address, rank: each.rank, incarnation: each.incarnation,
                failure: each.id == node ? nil : member.transport.failure(of: each.id))
        }
        return GroupStanding(
            hasQuorum: core.leader != nil, leader: core.leader, term: core.term.number, members: members,
            forming: member.formingState, isChanging: core.configuration.isJoint,
            timing: GroupStanding.Timing(core.configuration.timing), diskFull: member.diskFull)
    }
}

extension GroupStanding.Timing {
    fileprivate init(_ timing: GroupTiming) {
        self.init(heartbeat: timing.heartbeat, electionTimeout: timing.electionTimeout, lease: timing.lease)
    }
}
