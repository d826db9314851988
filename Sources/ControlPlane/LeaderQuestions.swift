// Owns how questions get to the leader, on this node or another, and how the leader acts on them.
internal import Failover
internal import Logging
internal import Proactor
internal import Raft
internal import RaftRuntime
internal import Topology

/// Asks the leader, and answers as the leader. On the control thread.
final class LeaderQuestions: TimerHandler {
    /// The kind of the call that carries a question; see `GroupLedger` for the others.
    static let call: UInt32 = 32
    /// How long a read waits for this node's log.
    private static let timeout = Duration.seconds(5)
    /// How often to check whether this node has got as far as a read needs.
    private static let lookPeriod = Duration.milliseconds(2)
    /// The most reads that wait for this node's log.
    private static let mostReads = 1_024

    private let loop: EventLoop
    private let ledger: GroupLedger
    private let node: NodeID
    private let logger = Logger(label: "group")
    /// What the leader's planner says of a service; nil where it follows no primary.
    private let explain: (ServiceName) -> FailoverReport?
    private let removals: MemberRemovals
    private var reads: [(index: LogIndex, deadline: Tick, completion: (LeaderAnswer) -> Void)] = []
    private var timer: LoopTimer?

    init(
        _ loop: EventLoop, _ ledger: GroupLedger, node: NodeID, explain: @escaping (ServiceName) -> FailoverReport?
    ) {
        self.loop = loop
        self.ledger = ledger
        self.node = node
        self.explain = explain
        removals = MemberRemovals(loop) { [unowned ledger] in
            ledger.member?.driver.map(\.member).flatMap { $0.role == .leader ? $0 : nil }
        }
        ledger.asked = { [unowned self] in received($0) }
    }

    // MARK: Asking

    /// Calls `completion` once, on the control thread, with the leader's answer.
    ///
    /// - Parameter forwards: false: only this node may answer, as the leader.
    func ask(
        _ question: LeaderQuestion, forwards: Bool = true, _ completion: @escaping (LeaderAnswer) -> Void
    ) {
        guard let member = ledger.member else {
            return completion(.unavailable("the node is stopping", leader: nil))
        }
        let core = member.driver.member
        if core.role == .leader { return answer(question, member, completion) }
        guard let leader = core.leader else {
            return completion(.unavailable(member.formingState ?? "the group has no leader now", leader: nil))
        }
        guard forwards, let bytes = LeaderCoding.bytes(question) else {
            return completion(.unavailable("\(leader) leads the group", leader: leader.text))
        }
        let call = PeerCall(kind: Self.call, bytes: bytes)
        member.transport.call(leader, call, within: question.timeout) { outcome in
            switch outcome {
            case .reply(let bytes):
                completion(LeaderCoding.read(LeaderAnswer.self, bytes, limit: 1 << 20) ?? .unknown)
            case .refused(let reason), .notSent(let reason): completion(.unavailable(reason, leader: leader.text))
            case .unknown(let reason):
                // A question that changes nothing can safely be asked again.
                completion(question.changes ? .unknown : .unavailable(reason, leader: leader.text))
            }
        }
    }

    /// Completes when this node's state has everything that was acknowledged before this call.
    func read(_ completion: @escaping (LeaderAnswer) -> Void) {
        ask(.readIndex) { [weak self] answer in
            guard let self, case .readable(let index) = answer else { return completion(answer) }
            awaitIndex(LogIndex(index), completion)
        }
    }

    private func awaitIndex(_ index: LogIndex, _ completion: @escaping (LeaderAnswer) -> Void) {
        if commit >= index { return completion(.readable(index.number)) }
        guard reads.count < Self.mostReads else {
            return completion(.unavailable("too many reads wait for this node's log", leader: nil))
        }
        reads.append((index, loop.now + Self.timeout, completion))
        let timer = timer ?? loop.makeTimer(self)
        self.timer = timer
        timer.set(loop.now + Self.lookPeriod)
    }

    /// What is committed is also applied: both happen in one step of the core.
    private var commit: LogIndex { ledger.member?.driver.member.commit ?? .zero }

    func timerExpired(_ timer: LoopTimer) {
        let waiting = reads
        reads = []
        for read in waiting {
            if commit >= read.index {
                read.completion(.readable(read.index.number))
            } else if read.deadline <= loop.now {
                read.completion(.unavailable("this node's log is too far behind the leader's", leader: nil))
            } else {
                reads.append(read)
            }
        }
        if !reads.isEmpty { timer.set(loop.now + Self.lookPeriod) }
    }

    // MARK: Answering

    private func received(_ request: PeerRequest) {
        let limit = LeaderQuestion.mostBytes
        guard let question = LeaderCoding.read(LeaderQuestion.self, request.call.bytes, limit: limit) else {
            return request.refuse("not a question that this node understands")
        }
        guard let member = ledger.member, member.driver.member.role == .leader else {
            return request.refuse("\(node) does not lead the group")
        }
        answer(question, member) { answer in
            if let bytes = LeaderCoding.bytes(answer) { request.answer(bytes) } else { request.refuse("no answer") }
        }
    }

    /// Answers as the leader.
    private func answer(
        _ question: LeaderQuestion, _ member: GroupMember, _ completion: @escaping (LeaderAnswer) -> Void
    ) {
        let core = member.driver.member
        switch question {
        case .explain(let service):
            guard core.leadsFully else {
                return completion(.unavailable("\(node) has only begun to lead", leader: node.text))
            }
            if let report = explain(ServiceName(service)) { return completion(.explained(report)) }
            completion(.refused(.init(kind: .notFound, reason: "the leader knows no service '\(service)'")))
        case .readIndex:
            member.driver.read { outcome in completion(LeaderAnswer(outcome)) }
        case .addVoter(let id, _):
            let hasLostDisk = member.transport.hasLostDisk(NodeID(id))
            carryOut(
                .addVoter(NodeID(id), in: core.configuration, hasLostDisk: hasLostDisk), question, member, completion)
        case .removeMember(let id, let by):
            removals.judge(NodeID(id), force: by.force) { [weak self] verdict in
                guard let self, let verdict, let member = ledger.member else {
                    return completion(.unavailable("the leader has changed, or is asked too much", leader: nil))
                }
                carryOut(verdict, question, member, completion)
            }
        case .transfer(let id, _):
            member.driver.transfer(to: id.map { NodeID($0) }) { [self] in conclude(question, $0, completion) }
        }
    }

    private func carryOut(
        _ verdict: MembershipVerdict, _ question: LeaderQuestion, _ member: GroupMember,
        _ completion: @escaping (LeaderAnswer) -> Void
    ) {
        switch verdict {
        case .nothing: completion(.done(changed: false))
        case .refused(let refusal): completion(.refused(refusal))
        case .change(let change):
            member.driver.change(change) { [self] in conclude(question, $0, completion) }
        }
    }

    /// Answers, and logs who changed the group, because the configurations in the log carry no author.
    private func conclude(
        _ question: LeaderQuestion, _ outcome: RaftOutcome, _ completion: (LeaderAnswer) -> Void
    ) {
        if let line = question.logLine(outcome) { logger.log(line) }
        completion(LeaderAnswer(outcome))
    }
}

extension LeaderQuestion {
    /// What the leader logs once the outcome is known; nil if nothing was changed.
    func logLine(_ outcome: RaftOutcome) -> LogLine? {
        switch outcome {
        case .applied, .duplicate, .transferred: break
        case .readable, .notLeader, .refused, .unknown, .sessionExpired: return nil
        }
        func line(_ what: String, _ id: String?, _ by: Request) -> LogLine {
            let reason = by.reason.isEmpty ? nil : by.reason
            return LogLine(.notice, what, ["member": id, "author": by.author, "reason": reason])
        }
        switch self {
        case .explain, .readIndex: return nil
        case .addVoter(let id, let by): return line("a member was given a vote", id, by)
        case .removeMember(let id, let by): return line("a member was removed", id, by)
        case .transfer(let id, let by):
            var leader = id
            if case .transferred(let to) = outcome { leader = to.text }
            return line("leadership was handed on", leader, by)
        }
    }

    /// Whether it changes anything.
    fileprivate var changes: Bool {
        switch self {
        case .explain, .readIndex: false
        case .addVoter, .removeMember, .transfer: true
        }
    }

    /// How long the answer may take: a change of members waits until new voters have caught up.
    fileprivate var timeout: Duration { changes ? .seconds(25) : .seconds(5) }
}

extension LeaderAnswer {
    fileprivate init(_ outcome: RaftOutcome) {
        switch outcome {
        case .readable(let index): self = .readable(index.number)
        case .applied, .duplicate, .transferred: self = .done(changed: true)
        case .notLeader(let leader): self = .unavailable("the group has another leader by now", leader: leader?.text)
        case .refused(let reason): self = .refused(LeaderRefusal(kind: .conflict, reason: reason))
        case .unknown, .sessionExpired: self = .unknown
        }
    }
}
