// Owns what the tests of the exchange share: events as values, steps, and scenarios that say what they saw go wrong.
import Balancing
import Catalog
@testable import HTTPWire
import Switching
import Testing
import Topology

@testable import Proxying

/// A moment of the virtual clock: milliseconds after a request's head was complete, or a nanosecond before that.
struct Moment: ExpressibleByIntegerLiteral, Sendable {
    /// Not zero, which means "never" in places.
    static let origin: Int64 = 1_000_000_000_000
    var tick: Tick

    init(integerLiteral milliseconds: Int64) { self.init(milliseconds) }
    init(_ milliseconds: Int64) { tick = Tick(nanoseconds: Self.origin + milliseconds * 1_000_000) }

    /// A nanosecond before.
    static func before(_ milliseconds: Int64) -> Moment {
        var moment = Moment(milliseconds)
        moment.tick.nanoseconds -= 1
        return moment
    }
}

/// One call of the core.
enum Event: Sendable {
    case begin(RequestState)
    case routed(ExchangePolicy)
    case refused(OwnAnswer)
    case admitted(AdmissionVerdict)
    case holdRefused, released, readmit
    case queueRefused, queueTimedOut, turnCame
    case chosen(ChoiceOutcome)
    case connected
    case failed(AttemptFailure)
    case cut(GateOrder)
    case body(Int, end: Bool = false, room: Bool = true)
    case malformed
    case receivesRequest(Bool), receivesResponse(Bool)
    case backendTook, clientTook
    /// Bytes of an answer, and with `head` a whole one.
    case began
    case head(Int, webSocket: Bool = false, events: Bool = false)
    case handedOver(Int, waiting: Bool = false)
    case responseEnded
    case clientEnded
    case clientLost
    case interrupted
    case tick(toClient: Int = 0, toBackend: Int = 0)
}

/// What a call came to.
enum Outcome: Equatable, Sendable {
    case step(ExchangeStep)
    case body(BodyDisposition)
    case nothing
}

extension ExchangeCore {
    mutating func apply(_ event: Event, _ now: Tick, _ budget: inout RetryBudget) -> Outcome {
        switch event {
        case .refused(let answer): .step(refused(answer))
        case .routed(let policy): .step(routed(policy))
        case .admitted(let verdict): .step(admitted(verdict))
        case .holdRefused: .step(holdRefused())
        case .released: .step(released(now: now))
        case .readmit: .step(readmit(now: now))
        case .queueRefused: .step(queueRefused())
        case .queueTimedOut: .step(queueTimedOut())
        case .turnCame: .step(turnCame(now: now))
        case .chosen(let outcome): .step(chosen(outcome, now: now))
        case .connected: .step(connected(now: now))
        case .failed(let failure): .step(failed(failure, now: now, budget: &budget))
        case .cut(let order): .step(cut(by: order, now: now))
        case .malformed: .step(requestMalformed(WireError(400, "chunked_coding")))
        case .head(let status, let webSocket, let events):
            .step(
                responseHead(
                    ResponseFacts(status: status, acceptsWebSocket: webSocket, isEventStream: events), now: now,
                    budget: &budget))
        case .responseEnded: .step(responseEnded())
        case .clientEnded: .step(clientEnded())
        case .clientLost: .step(clientLost("client_reset"))
        case .interrupted: .step(interrupted("shutdown"))
        case .tick(let toClient, let toBackend):
            .step(tick(now: now, unsent: Unsent(toClient: toClient, toBackend: toBackend), budget: &budget))
        case .body(let count, let end, let room):
            .body(requestBody(count, isEnd: end, mayKeep: room, now: now))
        default: note(event, now)
        }
    }

    private mutating func note(_ event: Event, _ now: Tick) -> Outcome {
        switch event {
        case .begin(let request): begin(request)
        case .receivesRequest(let isReceiving): receivesRequest(isReceiving, now: now)
        case .receivesResponse(let isReceiving): receivesResponse(isReceiving, now: now)
        case .backendTook: backendTook(now: now)
        case .clientTook: clientTook(now: now)
        case .began: responseBegan(now: now)
        case .handedOver(let count, let waiting): handedOver(count, wereWaiting: waiting, now: now)
        default: break
        }
        return .nothing
    }
}

/// One event, when it happens, and all that comes of it.
struct Step: Sendable {
    var at: Moment
    var event: Event
    var outcome: Outcome
    /// The phase afterwards; nil: the one before.
    var phase: ExchangeCore.Phase?

    init(
        _ at: Moment, _ event: Event, _ action: ExchangeAction = .wait, _ verdict: EndpointVerdict = [],
        _ phase: ExchangeCore.Phase? = nil
    ) {
        self.at = at
        self.event = event
        self.phase = phase
        outcome = .step(ExchangeStep(action, verdict))
    }

    static func note(_ at: Moment, _ event: Event) -> Step {
        var step = Step(at, event)
        step.outcome = .nothing
        return step
    }

    static func body(
        _ at: Moment, _ event: Event, forwards: Bool = false, keeps: Bool = false, drops: Bool = false
    ) -> Step {
        var step = Step(at, event)
        step.outcome = .body(BodyDisposition(forwards: forwards, keeps: keeps, dropsKept: drops))
        return step
    }
}

/// A request and what happens to it, from its head on.
struct Scenario: Sendable, CustomTestStringConvertible {
    let title: String
    var request = RequestState.get
    var policy = ExchangePolicy()
    /// Retries that the budget allows.
    var allowed = 3
    let steps: [Step]
    /// What the answer, the request and the attempt say in the end.
    var status: Int?
    var retries: Int?
    var attempts: Int?

    var testDescription: String { title }

    /// What went otherwise than it says; empty when all is well.
    func violations() -> [String] {
        var policy = policy
        policy.retry.minimumBudget = allowed
        var core = ExchangeCore()
        var budget = RetryBudget()
        var found: [String] = []
        let opening: [Step] = [.note(0, .begin(request)), Step(0, .routed(policy), .admit)]
        for (number, step) in (opening + steps).enumerated() {
            let before = core.phase
            let outcome = core.apply(step.event, step.at.tick, &budget)
            let place = "step \(number - 2), \(step.event)"
            if outcome != step.outcome { found.append("\(place): \(outcome)") }
            let phase = step.phase ?? (number == 0 ? .admitting : before)
            if core.phase != phase { found.append("\(place): \(core.phase)") }
            found += core.unsoundDeadlines(step.at.tick).map { "\(place): \($0)" }
        }
        if let status, core.response.status != status { found.append("status \(core.response.status)") }
        if let retries, core.request.retries != retries { found.append("\(core.request.retries) retries") }
        if let attempts, core.request.attempts != attempts { found.append("\(core.request.attempts) attempts") }
        return found
    }
}

extension ExchangeCore {
    /// What `tick` and `deadline` do not agree on: nothing is due a nanosecond before, and something is at the moment.
    func unsoundDeadlines(_ now: Tick) -> [String] {
        var found: [String] = []
        for unsent in [(0, 0), (1, 0), (0, 1), (1, 1)].map({ Unsent(toClient: $0.0, toBackend: $0.1) }) {
            let deadline = deadline(now: now, unsent: unsent)
            var budget = RetryBudget()
            var early = self
            let eve = deadline == .distantFuture ? deadline : Tick(nanoseconds: deadline.nanoseconds - 1)
            if early.tick(now: eve, unsent: unsent, budget: &budget) != ExchangeStep(.wait) || early.phase != phase {
                found.append("acts before \(deadline) with \(unsent)")
            }
            guard deadline != .distantFuture else { continue }
            var late = self
            if late.tick(now: deadline, unsent: unsent, budget: &budget).action == .wait {
                found.append("does nothing at \(deadline) with \(unsent)")
            }
        }
        return found
    }
}

// MARK: Short ways to say things

extension RequestState {
    static let get = make(.get)
    static let post = make(.post)
    static let put = make(.put, hasBody: true)
    static let upload = make(.post, hasBody: true)
    static let webSocket = make(.get, wantsUpgrade: true)
    static let expecting = make(.put, hasBody: true, expects: true)
    static let session = RequestState(sessionBegan: Moment(0).tick)

    static func make(
        _ method: RequestMethod, hasBody: Bool = false, expects: Bool = false, wantsUpgrade: Bool = false,
        takesInterim: Bool = true
    ) -> RequestState {
        RequestState(
            method: method, hasBody: hasBody, expectsContinue: expects, wantsUpgrade: wantsUpgrade,
            takesInterim: takesInterim, began: Moment(0).tick)
    }
}

extension ExchangeAction {
    static func answers(_ status: Int, _ reason: StaticString) -> ExchangeAction { .answer(OwnAnswer(status, reason)) }
    static func aborts(_ reason: StaticString) -> ExchangeAction { .abortClient(StaticText(reason)) }
    static func cancels(_ reason: StaticString) -> ExchangeAction { .cancel(StaticText(reason)) }
    static let sends = ExchangeAction.sendRequest(omitsExpect: false)
    static let retries = ExchangeAction.retry(isCounted: true)
}

extension EndpointVerdict {
    static let unreachable: EndpointVerdict = [.error, .connectFailure]
}

/// The way to a backend: `hold` is how long the service lets a request wait for an endpoint, in milliseconds.
func chosen(_ at: Moment, hold: Int64 = 0, fresh: Bool = false) -> [Step] {
    [Step(at, .admitted(.passed(holdBudget: hold * 1_000_000)), .choose(fresh: fresh), [], .choosing)]
}

func connecting(_ at: Moment, hold: Int64 = 0, fresh: Bool = false) -> [Step] {
    chosen(at, hold: hold, fresh: fresh) + [Step(at, .chosen(.connecting), .wait, [], .connecting)]
}

/// Sent on a new connection, or a pooled one.
func sent(_ at: Moment, hold: Int64 = 0, pooled: Bool = false, omitsExpect: Bool = false) -> [Step] {
    let sends = ExchangeAction.sendRequest(omitsExpect: omitsExpect)
    return pooled
        ? chosen(at, hold: hold) + [Step(at, .chosen(.pooled), sends, [], .sending)]
        : connecting(at, hold: hold) + [Step(at, .connected, sends, [], .sending)]
}

/// The head of an answer, at once after the request.
func answered(_ at: Moment, _ status: Int = 200, events: Bool = false) -> [Step] {
    let verdict: EndpointVerdict = status < 500 ? .success : .error
    return [.note(at, .began), Step(at, .head(status, events: events), .forwardHead, verdict, .answering)]
}

/// What a gate says at its moments; held requests are refused from `until` on.
func order(_ mode: GateOrder.Mode, until: Moment = 15_000) -> GateOrder {
    GateOrder(
        generation: 2, mode: mode, admitUntil: .distantFuture, writeUntil: .distantFuture, holdUntil: until.tick,
        retryAfter: .seconds(1))
}

extension WireError {
    static let chunkedCoding = WireError(502, "chunked_coding")
}
