// Owns one request as a state machine: events come in, what to do comes out.
internal import Balancing
internal import HTTPWire
internal import Topology

/// Decides everything about one request: where it may go, when it is sent again, what the client is told, when time is up.
/// The same for every version of HTTP; a TCP session is the part of it up to the connection.
///
/// Legal transitions:
///
///     idle → admitting → held → admitting
///            admitting → choosing → queued → admitting
///                        choosing → connecting → sending → answering → over
///                        choosing → sending (a pooled connection)
///     connecting, sending → admitting (a retry), held (cut, or no endpoint answers)
///     any → over
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
        self.request = request
        attempt = AttemptState(began: request.began, isReused: false)
        response = ResponseState()
        progress = Progress(now: request.began)
    }

    /// Its service is known.
    public mutating func routed(_ policy: ExchangePolicy) -> ExchangeStep {
        self.policy = policy
        return ExchangeStep(.admit)
    }

    /// It goes nowhere: no route matches, or its head may not be passed on.
    public mutating func refused(_ answer: OwnAnswer) -> ExchangeStep { end(answer) }

    /// Whether the client has not been answered and nothing prevents another attempt from sending the same request.
    public var mayReplay: Bool {
        (request.isReplayable || Mutation.seeds(.replaysPartOfABody)) && !response.hasAnswered
    }

    /// Whether bytes of the request may be with a backend now.
    public var isWithBackend: Bool { phase == .sending || phase == .answering }

    // MARK: Endings

    /// Answers by itself, or cuts the client off when an answer has begun: it must see that something is missing.
    mutating func end(_ answer: OwnAnswer, _ verdict: EndpointVerdict = []) -> ExchangeStep {
        guard phase != .over else { return ExchangeStep(.wait) }
        phase = .over
        if response.hasAnswered, !Mutation.seeds(.answersTwice) {
            return ExchangeStep(.abortClient(answer.reason), verdict)
        }
        response.status = answer.status
        return ExchangeStep(.answer(answer), verdict)
    }

    /// The client said FIN. One that has sent its whole request may still read the answer, but one that has seen nothing
    /// of it has most likely gone away.
    public mutating func clientEnded() -> ExchangeStep {
        guard phase != .over else { return ExchangeStep(.wait) }
        if !request.isComplete { return clientLost("client_closed") }
        if !response.hasAnswered, policy.abortsOnClose, request.isIdempotent { return clientLost("client_closed") }
        return ExchangeStep(.wait)
    }

    /// The client's connection is of no more use.
    public mutating func clientLost(_ reason: StaticString) -> ExchangeStep {
        guard phase != .over else { return ExchangeStep(.wait) }
        phase = .over
        if response.status == 0 { response.status = 499 }
        return ExchangeStep(.cancel(StaticText(reason)))
    }

    /// The process ends, or something outside of the exchange ended it.
    public mutating func interrupted(_ reason: StaticString) -> ExchangeStep { clientLost(reason) }
}
