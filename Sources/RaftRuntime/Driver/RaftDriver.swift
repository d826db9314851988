// Owns carrying out what the consensus core wants: writes, messages, timers and answers, in their order.
internal import Logging
public import Proactor
public import Raft
public import Topology

/// Where the effects of a member go.
public struct RaftOutlets {
    /// Begins a write; `RaftDriver.persisted` says when it is durable. Writes become durable in their order.
    public var persist: (PersistBatch) -> Void
    /// Sends a message, or drops it: Raft repeats what matters.
    public var send: (RaftMessage) -> Void
    /// The core has processed events, and its effects have been carried out.
    public var stepped: () -> Void
    /// The core has found a broken invariant, or the disk has failed: the process must end. Says why.
    public var fail: (String) -> Void

    public init(
        persist: @escaping (PersistBatch) -> Void, send: @escaping (RaftMessage) -> Void,
        stepped: @escaping () -> Void = {}, fail: @escaping (String) -> Void
    ) {
        self.persist = persist
        self.send = send
        self.stepped = stepped
        self.fail = fail
    }
}

/// Runs one member of the group on a loop. Belongs to that loop and its thread.
///
/// Events of one turn are given to the core together, so that they share one write to the disk and one message a
/// follower. Only what must wait for the disk waits here, in order.
public final class RaftDriver: TimerHandler {
    private let loop: EventLoop
    private var core: RaftCore
    private let outlets: RaftOutlets
    /// Let go of by `stop()`.
    private var state: (any ReplicatedState)?
    private var timer: LoopTimer?

    private var events: [RaftEvent] = []
    private var isScheduled = false
    private var isStopped = false
    private var effects: [RaftEffect] = []

    /// Messages that wait for a write, in the order of the writes; `firstDelayed` is the next.
    private var delayed: [(token: PersistToken, message: RaftMessage)] = []
    private var durable = PersistToken(0)

    private var nextRequest: UInt64 = 1
    private var waiting: [RaftRequestID: (RaftOutcome) -> Void] = [:]

    /// Identifies this process in the table of sessions; random.
    private let session: UInt64
    private var sequence: UInt64 = 0

    /// Nothing happens before `begin()`.
    ///
    /// - Parameters:
    ///   - core: as its disk describes it; it has not run yet.
    ///   - session: random, so that no other process has it.
    public init(
        loop: EventLoop, core: RaftCore, session: UInt64, state: any ReplicatedState, outlets: RaftOutlets
    ) {
        self.loop = loop
        self.core = core
        self.session = session
        self.state = state
        self.outlets = outlets
        timer = loop.makeTimer(self)
    }

    /// Runs the core for the first time, at once: the state is given what the disk held.
    public func begin() {
        events.append(.tick)
        step()
    }

    /// The member's present state, for reading.
    public var member: RaftCore { core }

    /// The last index that is committed and durable here. Read after every step, so a copy of the member would cost too
    /// much.
    var durableCommit: LogIndex { core.durableCommit }

    // MARK: Asking

    /// Proposes a command; `completion` is called once with the outcome, on the loop. On `.applied` the state already
    /// has it.
    public func propose(_ bytes: [UInt8], _ completion: @escaping (RaftOutcome) -> Void) {
        guard !isStopped else { return completion(.unknown) }
        sequence += 1
        take(.propose(newRequest(completion), Command(session: session, sequence: sequence, bytes: bytes)))
    }

    /// Proves that this node still leads, at some time after this call: `.readable` comes once a quorum has confirmed
    /// it and the state has everything that was acknowledged before.
    public func read(_ completion: @escaping (RaftOutcome) -> Void) { take(.read(newRequest(completion))) }

    public func change(_ members: MembershipChange, _ completion: @escaping (RaftOutcome) -> Void) {
        take(.changeMembers(newRequest(completion), members))
    }

    public func transfer(to target: NodeID?, _ completion: @escaping (RaftOutcome) -> Void) {
        take(.transfer(newRequest(completion), to: target))
    }

    /// Makes this empty node the founder of a group.
    public func form(_ configuration: Configuration) { take(.form(configuration)) }

    private func newRequest(_ completion: @escaping (RaftOutcome) -> Void) -> RaftRequestID {
        let request = RaftRequestID(nextRequest)
        nextRequest += 1
        waiting[request] = completion
        return request
    }

    // MARK: Being told

    public func received(_ message: RaftMessage) { take(.received(message)) }

    /// Everything up to this write is durable.
    public func persisted(_ token: PersistToken) {
        guard !isStopped, token > durable else { return }
        durable = token
        releaseDelayed()
        take(.persisted(token))
    }

    public func diskFull(_ isFull: Bool) { take(.diskFull(isFull)) }

    public func timerExpired(_ timer: LoopTimer) { take(.tick) }

    /// Ends it: nothing more is sent, written or reported. Pending requests are answered with `unknown`.
    public func stop() {
        guard !isStopped else { return }
        isStopped = true
        timer?.invalidate()
        timer = nil
        let unanswered = waiting.sorted { $0.key < $1.key }
        waiting = [:]
        for (_, completion) in unanswered { completion(.unknown) }
        state = nil
        delayed = []
        events = []
    }

    // MARK: Stepping

    private func take(_ event: RaftEvent) {
        guard !isStopped else { return }
        events.append(event)
        guard !isScheduled else { return }
        isScheduled = true
        loop.atEndOfTurn { [weak self] in
            guard let self else { return }
            isScheduled = false
            step()
        }
    }

    private func step() {
        guard !isStopped else { return }
        let batch = events
        events = []
        // Not the turn's time: a turn may have been long, and a lease must not be counted from before it.
        core.step(batch, now: MonotonicClock.now, into: &effects)
        let wanted = effects
        effects = []
        for effect in wanted { carryOut(effect) }
        if let violation = core.violation {
            stop()
            outlets.fail(violation)
            return
        }
        timer?.set(core.nextDeadline)
        outlets.stepped()
    }

    private func carryOut(_ effect: RaftEffect) {
        guard let state else { return }
        switch effect {
        case .persist(let batch): outlets.persist(batch)
        case .send(let message, let token):
            if let token, token > durable {
                delayed.append((token, message))
            } else {
                outlets.send(message)
            }
        case .apply(let commands):
            state.apply(
                commands.map { entry in
                    // What was just committed is still in the log: it can only be compacted by a snapshot that the
                    // state takes later.
                    let position = LogPosition(term: core.term(at: entry.index) ?? .zero, index: entry.index)
                    return CommittedCommand(position: position, bytes: entry.command.bytes)
                })
        case .restore(let bytes, let index): state.restore(bytes, at: index)
        case .takeSnapshot(let index): take(.snapshotTaken(index, state.encoded()))
        case .answer(let request, let outcome): waiting.removeValue(forKey: request)?(outcome)
        case .changedRole(let report): state.roleChanged(report)
        case .changedConfiguration(let configuration): state.configurationChanged(configuration)
        }
    }

    /// Sends what waited for writes that are durable now. A message of a later write never overtakes one of an earlier.
    private func releaseDelayed() {
        guard let first = delayed.first, first.token <= durable else { return }
        let end = delayed.firstIndex { $0.token > durable } ?? delayed.count
        let ready = delayed[..<end].map(\.message)
        delayed.removeFirst(end)
        for message in ready { outlets.send(message) }
    }
}
