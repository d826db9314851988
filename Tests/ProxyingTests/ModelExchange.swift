// Owns what must hold for every request, told from what a shell sees: events in, actions out, bytes on their way.
import Balancing
import Proxying
import Topology

/// Watches one exchange. It knows no more of the core than what it was told to do.
final class ModelExchange {
    let request: RequestState
    let policy: ExchangePolicy
    /// Retries that the budget has room for.
    let allowed: Int

    private(set) var isOver = false
    private(set) var isAnswered = false
    private(set) var sends = 0
    private(set) var retries = 0
    private(set) var deadConnections = 0
    private(set) var cuts = 0
    private(set) var holds = 0
    private var interims = 0
    private var wasToldToContinue = false
    private var isAdmitted = false
    /// Whether the request was sent on a connection that is still its own, and whether a byte came back on it.
    private var isLinked = false
    private var sawByte = false
    private var isPooled = false
    /// Bytes of the body that came, that the present connection was given, and that are kept from the first one on.
    private var received = 0
    private var given = 0
    private var kept: Int? = 0
    private(set) var isComplete: Bool
    /// What the core did wrong.
    private(set) var violations: [String] = []

    init(_ request: RequestState, _ policy: ExchangePolicy, allowed: Int) {
        self.request = request
        self.policy = policy
        self.allowed = allowed
        isComplete = request.isComplete
    }

    /// Whether the next connection has to be a new one.
    var needsFresh: Bool { request.isSession || deadConnections > 0 }

    private func require(_ condition: Bool, _ message: @autoclosure () -> String) {
        if !condition { violations.append(message()) }
    }

    /// - Parameter mayReplay: what the core says afterwards: else nothing that was sent is kept any more.
    func observe(_ event: Event, _ outcome: Outcome, mayReplay: Bool) {
        if case .began = event { sawByte = true }
        switch outcome {
        case .nothing: break
        case .body(let disposition): observe(event, disposition)
        case .step(let step):
            if isOver {
                require(step == ExchangeStep(.wait), "\(step) after the end")
            } else {
                observeVerdict(event, step)
                observe(event, step.action, mayReplay)
            }
        }
    }

    // MARK: The body

    private func observe(_ event: Event, _ disposition: BodyDisposition) {
        guard case .body(let count, let isEnd, let hasRoom) = event else { return }
        if isOver { return require(disposition == BodyDisposition(), "a body after the end") }
        require(disposition.forwards == isLinked, "sent on without a connection, or not with one")
        require(disposition.forwards || disposition.keeps, "a piece is lost")
        if disposition.dropsKept { kept = nil }
        if disposition.keeps {
            require(kept == received, "keeps what does not follow what is kept")
            require(!isLinked || hasRoom, "keeps without room")
            kept = received + count
        } else {
            require(kept == nil || isAnswered, "what is of no more use is not dropped")
            kept = nil
        }
        if disposition.forwards {
            require(given == received, "sends on what does not follow what was sent")
            given += count
        }
        require(!isLinked || kept ?? 0 <= policy.replayLimit, "keeps \(kept ?? 0) bytes")
        received += count
        if isEnd { isComplete = true }
    }

    // MARK: Steps

    private func observe(_ event: Event, _ action: ExchangeAction, _ mayReplay: Bool) {
        switch action {
        case .wait, .admit: break
        case .queue: isAdmitted = false
        case .choose(let fresh):
            isAdmitted = event.isPassed
            require(isAdmitted, "chooses without the gate")
            require(fresh == needsFresh, "chooses \(fresh ? "" : "not ")afresh")
        case .sendRequest(let omitsExpect):
            if case .chosen = event { isPooled = true } else { isPooled = false }
            send(omitsExpect, mayReplay)
        case .hold: leave(event, isHold: true)
        case .retry, .retryLater:
            let isCounted = action != .retry(isCounted: false)
            leave(event, isHold: action == .retryLater)
            if isCounted { retries += 1 } else { deadConnections += 1 }
            // The budget is of requests; a session that was not connected has cost nobody anything.
            let limit = request.isSession ? policy.retry.attempts : min(policy.retry.attempts, allowed)
            require(retries <= limit, "\(retries) retries")
            require(isCounted || isPooled, "a new connection taken for a dead one")
            require(deadConnections <= 1, "\(deadConnections) dead connections")
        case .forwardInterim, .swallow: observeInterim(event, isForwarded: action == .forwardInterim)
        case .forwardHead, .upgrade: answer(event, isUpgrade: action == .upgrade)
        case .answer: require(!isAnswered, "an answer of its own behind another")
        case .abortClient: require(isAnswered || event.isTick, "cuts off who was not answered")
        case .finish: require(isAnswered, "finishes what has not begun")
        case .cancel: require(event.isClients, "takes the client for gone")
        case .tunnel: require(request.isSession && isAdmitted, "a tunnel out of a request")
        }
        switch action {
        case .answer, .abortClient, .finish, .cancel, .upgrade, .tunnel: isOver = true
        default: break
        }
    }

    private func send(_ omitsExpect: Bool, _ mayReplay: Bool) {
        require(isAdmitted, "sends without the gate")
        require(!isAnswered && !isLinked && !request.isSession, "sends what is under way")
        require(kept == received, "sends \(kept ?? 0) of \(received) bytes")
        require(omitsExpect == wasToldToContinue, "asks to continue again, or not at all")
        require(!(isPooled && needsFresh), "a pooled connection after a dead one")
        sends += 1
        if !request.isIdempotent { require(sends == 1, "sends an unsafe request \(sends) times") }
        let most = 1 + policy.retry.attempts + deadConnections + cuts
        require(sends <= most, "sends it \(sends) times, with \(most) allowed")
        isLinked = true
        sawByte = false
        given = received
        if !mayReplay { kept = nil }
    }

    /// The attempt is given up, and another may follow.
    private func leave(_ event: Event, isHold: Bool) {
        if isHold { holds += 1 }
        require(!isAnswered, "tries again what was answered")
        if isLinked {
            require(request.isIdempotent, "an unsafe request may be sent again")
            require(kept == received, "tries again with \(kept ?? 0) of \(received) bytes")
            if case .head(let status, _, _) = event {
                require(!isHold && 502...504 ~= status, "tries again after \(status)")
            } else {
                require(!sawByte, "tries again after a byte of an answer")
            }
            if event.isCut { cuts += 1 }
        }
        isLinked = false
        isAdmitted = false
    }

    private func observeInterim(_ event: Event, isForwarded: Bool) {
        interims += 1
        require(isLinked && !isAnswered, "an interim answer out of its time")
        require(interims <= policy.maximumInterim, "\(interims) interim answers")
        guard isForwarded, case .head(let status, _, _) = event else { return }
        require(request.takesInterim, "an interim answer to HTTP/1.0")
        guard status == 100 else { return }
        require(request.expectsContinue && !wasToldToContinue, "100 for who does not wait for it")
        wasToldToContinue = true
    }

    private func answer(_ event: Event, isUpgrade: Bool) {
        require(!isAnswered, "a second answer")
        require(isLinked, "an answer from nowhere")
        if case .head(let status, let acceptsWebSocket, _) = event {
            require((status == 101) == isUpgrade && (status >= 200 || isUpgrade), "passes \(status) on")
            if isUpgrade {
                require(request.wantsUpgrade && acceptsWebSocket && isComplete, "believes any 101")
            }
        }
        isAnswered = true
        kept = nil
    }

    private func observeVerdict(_ event: Event, _ step: ExchangeStep) {
        let verdict = step.verdict
        require(!verdict.contains(.success) || verdict == .success, "success and failure at once")
        switch event {
        case .head(let status, _, _) where step.action == .forwardHead || step.action == .upgrade:
            require(verdict == (status < 500 ? .success : .error), "\(verdict) of \(status)")
        case .failed(.localShortage), .chosen(.localShortage):
            require(verdict.subtracting(.localShortage) == [], "blames an endpoint for a want of ports")
        case .failed, .head, .tick: require(!verdict.contains(.success), "a success out of nothing")
        default: require(verdict == [], "blames an endpoint for \(event)")
        }
    }
}

extension Event {
    fileprivate var isPassed: Bool { if case .admitted(.passed) = self { true } else { false } }
    fileprivate var isTick: Bool { if case .tick = self { true } else { false } }
    fileprivate var isCut: Bool { if case .cut = self { true } else { false } }
    fileprivate var isClients: Bool {
        switch self {
        case .clientEnded, .clientLost, .interrupted: true
        default: false
        }
    }
}
