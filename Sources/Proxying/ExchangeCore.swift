// Owns one request as a state machine: events come in, what to do comes out.
internal import Balancing
internal import HTTPWire
internal import Topology

/// Decides everything about one request: where it may go, when it is sent again, what the client is told, when time is
/// up. The same for every version of HTTP; a TCP session is the part of it up to the connection.
///
/// Legal transitions:
///
///     idle → admitting → held → admitting
///            admitting → choosing → queued → admitting
///                        choosing → connecting → sending → answering → over
///                        choosing → sending (a pooled connection)
///     connecting, sending → admitting (a retry)
///     any before an answer → held (cut, or no endpoint answers)
///     any → over
///
/// What comes in a phase that does not expect it is late, and changes nothing: the shell may deliver it all the same.
public struct ExchangeCore: Sendable {
    public enum Phase: UInt8, Sendable {
        case idle, admitting, held, choosing, queued, connecting, sending, answering, over
    }

    public internal(set) var phase = Phase.idle
    public internal(set) var policy = ExchangePolicy()
    public internal(set) var request = RequestState(
        method: .get, hasBody: false, expectsContinue: false, wantsUpgrade: false, began: .zero)
    public internal(set) var attempt = AttemptState(began: .zero, isReused: false)
    public internal(set) var response = ResponseState()
    var progress = Progress(now: .zero)

    public init() {}

    /// A request begins, of which only the head is read. → `routed` or `refused`.
    public mutating func begin(_ request: RequestState) {
        phase = .admitting
        if !Mutation.seeds(.keepsTheLastPolicy) { policy = ExchangePolicy() }
        self.request = request
        attempt = AttemptState(began: request.began, isReused: false)
        if !Mutation.seeds(.keepsTheLastResponse) { response = ResponseState() }
        progress = Progress(now: request.began)
    }

    /// Its service is known.
    public mutating func routed(_ policy: ExchangePolicy) -> ExchangeStep {
        guard phase == .admitting else { return ExchangeStep(.wait) }
        self.policy = policy
        return ExchangeStep(.admit)
    }

    /// It goes nowhere: no route matches, or its head may not be passed on.
    public mutating func refused(_ answer: OwnAnswer) -> ExchangeStep {
        phase == .admitting ? end(answer) : ExchangeStep(.wait)
    }

    /// Whether another attempt could send the same request: the client has not been answered, and all that came of the
    /// request is still here. What no backend got is always here.
    public var mayReplay: Bool {
        let isWhole = !isWithBackend && !Mutation.seeds(.givesUpUnsentBodies) || request.isReplayable
        return (isWhole || Mutation.seeds(.replaysPartOfABody)) && !response.hasAnswered
    }

    /// Whether bytes of the request may be with a backend now.
    public var isWithBackend: Bool { phase == .sending || phase == .answering }

    // MARK: Endings

    /// Answers by itself, or cuts the client off when an answer has begun: it must see that something is missing.
    mutating func end(_ answer: OwnAnswer, _ verdict: EndpointVerdict = []) -> ExchangeStep {
        guard isActive || Mutation.seeds(.endsTwice) else { return ExchangeStep(.wait) }
        phase = .over
        if response.hasAnswered, !Mutation.seeds(.answersTwice) {
            return ExchangeStep(.abortClient(answer.reason), verdict)
        }
        response.status = answer.status
        return ExchangeStep(.answer(answer), verdict)
    }

    private var isActive: Bool { phase != .over && phase != .idle }

    /// The client said FIN. One that has sent its whole request may still read the answer, but one that has seen
    /// nothing of it has most likely gone away.
    public mutating func clientEnded() -> ExchangeStep {
        let isCutShort = !request.isComplete && !Mutation.seeds(.passesHalfRequestsOn)
        return isCutShort || cancelsOnClose ? clientLost("client_closed") : ExchangeStep(.wait)
    }

    private var cancelsOnClose: Bool {
        (policy.abortsOnClose || Mutation.seeds(.cancelsThoughItIsOff))
            && (request.isIdempotent || Mutation.seeds(.cancelsUnsafeOnClose))
            && (!response.hasAnswered || Mutation.seeds(.cancelsAnswersOnClose))
    }

    /// The client's connection is of no more use.
    public mutating func clientLost(_ reason: StaticString) -> ExchangeStep {
        guard isActive else { return ExchangeStep(.wait) }
        phase = .over
        if response.status == 0, !Mutation.seeds(.forgetsWhoLeft) { response.status = 499 }
        return ExchangeStep(.cancel(StaticText(reason)))
    }

    /// The process ends, or something outside of the exchange ended it.
    public mutating func interrupted(_ reason: StaticString) -> ExchangeStep { clientLost(reason) }
}
