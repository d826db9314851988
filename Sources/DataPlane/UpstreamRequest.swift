// Owns the way of a request or a TCP session to an endpoint: gate, hold queue, queue, choice, connection.
internal import Balancing
internal import Catalog
internal import HTTPTransport
internal import HTTPWire
internal import Proactor
internal import Proxying
internal import Routing
internal import Switching
internal import Synchronization
internal import Topology

/// Carries out what `ExchangeCore` says that exchanges and TCP sessions have in common; they override the rest.
class UpstreamRequest: ClientStreamHandler, HoldQueueWaiter, RequestQueueWaiter, TimerHandler {
    let worker: Worker
    let loop: EventLoop
    final var core = ExchangeCore()
    final var service: ServiceRuntime? {
        get {
            switch home {
            case .some(let home): home.service
            case .none: nil
            }
        }
        set { if let newValue { home = Home(service: newValue) } else { home = nil } }
    }
    /// Used where it is held, by `switch`, so that a use counts no reference. Only for calls that do not come back here.
    struct Home: ~Copyable {
        let service: ServiceRuntime
    }
    final var home: Home?
    final var choice: ServiceRuntime.Choice?
    /// The connection that the attempt has.
    final var upstream: (any ClientStream)? {
        get {
            switch link {
            case .some(let link): link.stream
            case .none: nil
            }
        }
        set { if let newValue { link = Link(stream: newValue) } else { link = nil } }
    }
    /// Used as a `Home` is.
    struct Link: ~Copyable {
        let stream: any ClientStream
    }
    final var link: Link?
    /// Where the last attempt went that was let go of, for the log.
    final var lastEndpoint: EndpointRuntime?
    final var hash: UInt64 = 0
    final var tried = Tried()
    /// Its right to write to the primary's backends; nil: it has none yet, or the service follows no primary.
    final var permit: AdmissionPermit?
    final var queueTicket: UInt64 = 0
    final var holdTicket: UInt64 = 0
    private final var lastTicket: UInt64 = 0
    /// Whether it was asked to try from its place in the queue, and has found no room again.
    private final var keepsPlace = false
    private final var isTakingTurn = false
    final private(set) var timer: LoopTimer?

    init(_ worker: Worker) {
        self.worker = worker
        loop = worker.loop
        timer = loop.makeTimer(self)
    }

    /// For the end of its worker, or of a session: nothing comes after it.
    final func invalidateTimer() {
        timer?.invalidate()
        timer = nil
    }

    final func takeTicket() -> UInt64 {
        lastTicket += 1
        return lastTicket
    }

    // MARK: Carrying out

    /// Does what the core says, until an event has to be waited for.
    final func perform(_ first: ExchangeStep) {
        var step = first
        while true {
            if !step.verdict.isEmpty { count(step.verdict) }
            switch step.action {
            case .wait: return
            case .admit: step = core.admitted(askGate())
            case .choose(let fresh):
                step = core.chosen(choose(fresh: fresh), now: loop.now)
                if core.phase == .connecting { armTimer() }
            case .hold, .retryLater:
                if step.action == .retryLater { countRetry() }
                letGo()
                if joinHoldQueue() { return }
                step = core.holdRefused()
            case .queue:
                if joinQueue() { return }
                step = core.queueRefused()
            case .retry(let isCounted):
                if isCounted { countRetry() }
                letGo()
                step = core.readmit(now: loop.now)
            default: return carryOut(step.action)
            }
        }
    }

    /// Does what is the protocol's own.
    func carryOut(_ action: ExchangeAction) {}

    private final func countRetry() { service?.counters.retries.add(1, ordering: .relaxed) }

    /// Counts what the attempt says of its endpoint, and avoids one that failed.
    @inline(__always)
    final func count(_ verdict: EndpointVerdict) {
        guard verdict == .success else { return countOther(verdict) }
        switch choice {
        case .some(let choice): choice.endpoint.countSuccess()
        case .none: break
        }
    }

    private final func countOther(_ verdict: EndpointVerdict) {
        if verdict.contains(.localShortage) { worker.noteLocalShortage() }
        guard let endpoint = choice?.endpoint, let datacenter = choice?.datacenter, let index = choice?.index else {
            return
        }
        if verdict.contains(.success) { endpoint.countSuccess() }
        guard verdict.contains(.error) else { return }
        endpoint.countError()
        if verdict.contains(.connectFailure) { endpoint.countConnectFailure() }
        tried.note(datacenter: datacenter, endpoint: index)
    }

    /// Sets the timer to when the core wants to look again.
    final func armTimer() { armTimer(unsent) }

    /// The same when it is known, or need not be, what waits: something that is said to wait and does not makes the timer
    /// look earlier than it has to, and no more than that.
    @inline(__always)
    final func armTimer(_ unsent: ExchangeCore.Unsent) {
        let due = core.deadline(now: loop.now, unsent: unsent)
        if due < .distantFuture { timer?.set(max(due, loop.now.adding(nanoseconds: 10_000_000))) }
    }

    /// What waits for the kernel on both sides.
    var unsent: ExchangeCore.Unsent { ExchangeCore.Unsent(toClient: 0, toBackend: upstream?.unsent ?? 0) }

    func timerExpired(_ timer: LoopTimer) {
        guard let service else { return }
        let step = core.tick(now: loop.now, unsent: unsent, budget: &service.retryBudget)
        if step.action == .wait { armTimer() } else { perform(step) }
    }

    // MARK: The gate

    private final func askGate() -> AdmissionVerdict {
        guard let gate = service?.gate else { return .passed(holdBudget: 0) }
        switch gate.decision(now: loop.now) {
        case .serve:
            takePermit(gate)
            return .passed(holdBudget: gate.order.holdBudget.wholeNanoseconds)
        case .hold: return .hold
        case .refuse(let reason, _): return .refused(OwnAnswer(503, reason.logWord, detail: reason.detail))
        }
    }

    private final func takePermit(_ gate: WorkerGate) {
        if let permit {
            if permit.isCurrent { return }
            permit.giveBack()
        }
        permit = AdmissionPermit(gate)
    }

    @inline(__always)
    final func givePermitBack() {
        guard let permit = permit.take(), !ShellMutation.seeds(.leaksPermit) else { return }
        permit.giveBack()
    }

    // MARK: Waiting

    /// Bytes that it keeps while it is held.
    var heldBytes: Int { 0 }

    private final func joinHoldQueue() -> Bool {
        givePermitBack()
        queueTicket = 0
        guard let service, let gate = service.gate, gate.held.join(self) else { return false }
        if !core.request.wasHeld { service.counters.held.add(1, ordering: .relaxed) }
        service.counters.holding.add(1, ordering: .relaxed)
        armTimer()
        return true
    }

    final func tryAgain() {
        service?.counters.holding.subtract(1, ordering: .relaxed)
        tried = Tried()
        perform(core.released(now: loop.now))
    }

    private final func joinQueue() -> Bool {
        guard let service else { return false }
        if isTakingTurn {
            keepsPlace = true
            return true
        }
        // Those who were held are many, bounded already, and wait for room together.
        let wasHeld = core.request.wasHeld
        let limit = wasHeld ? Int.max : service.routing.definition.circuit.queue
        let time = max(core.policy.connect, wasHeld ? core.request.holdBudget : 0)
        guard service.queue.join(self, limit: limit, time: time) else { return false }
        armTimer()
        return true
    }

    final func tryAgainFromQueue() -> Bool {
        isTakingTurn = true
        keepsPlace = false
        let ticket = queueTicket
        // Whatever comes of it may join the queue again, or be another request already.
        queueTicket = 0
        perform(core.turnCame(now: loop.now))
        isTakingTurn = false
        guard keepsPlace else { return true }
        queueTicket = ticket
        return false
    }

    final func waitedTooLong() {
        queueTicket = 0
        perform(core.queueTimedOut())
    }

    /// It waits nowhere any more.
    @inline(__always)
    final func leaveQueues() {
        queueTicket = 0
        guard holdTicket != 0 else { return }
        holdTicket = 0
        if !ShellMutation.seeds(.leaksHolding) { service?.counters.holding.subtract(1, ordering: .relaxed) }
    }

    // MARK: The attempt

    /// Looks for an endpoint with room, and takes a connection to it or begins to make one.
    private final func choose(fresh: Bool) -> ChoiceOutcome {
        // Endpoints at their limit are passed over, and are as good as others at the next attempt; a few tries see enough
        // of them.
        var considered = tried
        var isFull = false
        for _ in 0..<8 {
            guard let choice = pick(&considered) else { break }
            guard choice.endpoint.hasAddress else { continue }
            guard choice.endpoint.beginRequest() else {
                isFull = true
                continue
            }
            if !fresh, takesPooled,
                let idle = choice.endpoint.takeIdle(isRepeatable: core.request.isIdempotent, now: loop.now)
            {
                self.choice = consume choice
                upstream = idle.client
                idle.lease(self, permit: permit)
                return .pooled
            }
            if let outcome = connect(choice) { return outcome }
            isFull = true
        }
        return isFull ? .full : .noEndpoint
    }

    @inline(__always)
    private final func pick(_ considered: inout Tried) -> ServiceRuntime.Choice? {
        switch home {
        case .some(let home):
            return home.service.choose(&considered, hash: hash, now: loop.now, random: &worker.random)
        case .none: return nil
        }
    }

    /// Whether a connection that others have used will do.
    var takesPooled: Bool { true }

    /// - Returns: nil when the endpoint takes no more connections.
    private final func connect(_ chosen: consuming ServiceRuntime.Choice) -> ChoiceOutcome? {
        let endpoint = chosen.endpoint
        lastEndpoint = endpoint
        guard let address = endpoint.address, let connection = endpoint.makeConnection(worker.clientContext) else {
            endpoint.takeBackRequest()
            return nil
        }
        choice = consume chosen
        do throws(SystemError) {
            try connection.connect(to: address, self, permit: permit)
            upstream = connection.client
            return .connecting
        } catch {
            endpoint.finishRequest()
            choice = nil
            return .localShortage
        }
    }

    /// Ends the attempt. What the kernel still has of a request would reach the primary when another has taken over, so
    /// the connection of a strict service is reset.
    final func letGo() {
        if let upstream = takeUpstream() {
            if permit != nil { upstream.reset() } else { upstream.cancel() }
        }
        releaseChoice()
        willTryAgain()
    }

    @inline(__always)
    final func releaseChoice() {
        guard let endpoint = takeChoice() else { return }
        if !ShellMutation.seeds(.leaksInFlight) { endpoint.finishRequest() }
        lastEndpoint = endpoint
    }

    @inline(__always)
    final func takeUpstream() -> (any ClientStream)? {
        guard let link = link.take() else { return nil }
        return link.stream
    }

    /// The endpoint of the attempt, which is not its own any more.
    @inline(__always)
    final func takeChoice() -> EndpointRuntime? {
        guard let choice = choice.take() else { return nil }
        return choice.endpoint
    }

    /// An attempt was let go of; another may follow.
    func willTryAgain() {}

    // MARK: Being cut

    /// What it was admitted under has ended: it is reset, and held again where that is safe.
    final func cut(_ gate: WorkerGate, olderThan generation: UInt64) {
        guard let permit, permit.gate === gate, permit.generation < generation, !ShellMutation.seeds(.cutsNothing)
        else { return }
        cut(by: gate)
    }

    /// Its service follows a primary from now on, and it may be on its way elsewhere.
    final func cutUngated(_ service: ServiceRuntime) {
        guard self.service === service, permit == nil, upstream != nil, let gate = service.gate else { return }
        cut(by: gate)
    }

    final func cut(by gate: WorkerGate) {
        service?.counters.cut.add(1, ordering: .relaxed)
        // Also a connection without a permit is reset: it may lead to another datacenter than the primary.
        upstream?.reset()
        upstream = nil
        perform(core.cut(by: gate.order, now: loop.now))
    }

    // MARK: The connection's events

    func clientStreamConnected(_ stream: any ClientStream) { perform(core.connected(now: loop.now)) }

    func clientStreamBegan(_ stream: any ClientStream) {}
    func clientStream(
        _ stream: any ClientStream, interim head: ResponseHead, _ bytes: Span<UInt8>, headLength: Int
    ) {}
    func clientStream(
        _ stream: any ClientStream, responded head: ResponseHead, _ bytes: Span<UInt8>, headLength: Int,
        bodyCount: Int, isEnd: Bool
    ) {}
    func clientStream(_ stream: any ClientStream, received piece: consuming LoopBuffer, isEnd: Bool) {}
    func clientStreamEnded(_ stream: any ClientStream) {}
    func clientStreamSent(_ stream: any ClientStream) {}

    final func clientStream(_ stream: any ClientStream, failed failure: ClientStreamFailure) {
        guard let service else { return }
        // The lease may be over while the word of it is on its way.
        if failure == .broken(.notPermitted), let gate = permit?.gate { return cut(by: gate) }
        perform(core.failed(AttemptFailure(failure), now: loop.now, budget: &service.retryBudget))
    }
}

extension AttemptFailure {
    init(_ failure: ClientStreamFailure) {
        switch failure {
        case .connect(.exhausted), .broken(.exhausted): self = .localShortage
        case .connect(.unreachable): self = .connectTimeout
        case .connect: self = .refused
        case .broken: self = .reset
        case .closed: self = .closed
        case .malformed(let error): self = .malformed(error)
        }
    }
}
