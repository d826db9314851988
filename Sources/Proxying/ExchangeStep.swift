// Owns what the core of an exchange tells its shell: what to do next, and what an attempt says of its endpoint.
public import HTTPWire

/// What the shell does now. The event that an action leads to is named with it; the others wait for the next event.
public enum ExchangeAction: Hashable, Sendable {
    /// Nothing; an event will come.
    case wait
    /// Asks the gate → `admitted`.
    case admit
    /// Lets go of the attempt and waits for the primary → `released`, or `holdRefused` when too many do.
    case hold
    /// Chooses an endpoint and leases a connection to it → `chosen`.
    case choose(fresh: Bool)
    /// Waits for room at an endpoint → `queueRefused`, `queueTimedOut` or `turnCame`.
    case queue
    /// Sends the head and what is kept of the body on the attempt's connection. It is kept on only while `mayReplay`.
    case sendRequest(omitsExpect: Bool)
    /// Lets go of the attempt and begins another → `readmit`.
    ///
    /// `isCounted`: it was granted by policy and budget; else it met a dead pooled connection, which is nobody's retry.
    case retry(isCounted: Bool)
    /// A granted retry that is made a moment later: lets go of the attempt and waits with those that wait for the primary
    /// → `released` or `holdRefused`.
    case retryLater
    /// Passes an interim answer on.
    case forwardInterim
    /// Drops an interim answer.
    case swallow
    /// Passes the head of the final answer on. What is kept of the request's body is of no more use.
    case forwardHead
    /// Passes 101 on, and makes a tunnel of the two connections.
    case upgrade
    /// Makes a tunnel of the two connections of a TCP session.
    case tunnel
    /// Lets go of the attempt, answers by itself, ends.
    case answer(OwnAnswer)
    /// Everything of the answer is handed over: lets go of the attempt, and ends once the client's kernel has it.
    case finish
    /// Lets go of the attempt and resets the client's connection: it must not take what it has for a whole answer.
    case abortClient(StaticText)
    /// The client is gone: lets go of the attempt and ends.
    case cancel(StaticText)
}

/// An answer of Meridian's own.
public struct OwnAnswer: Hashable, Sendable {
    public let status: Int
    /// A stable word for the log.
    public let reason: StaticText
    /// What the client is told beside the status; empty: no more than that.
    public let detail: StaticText

    public init(_ status: Int, _ reason: StaticString, detail: StaticString = "") {
        self.status = status
        self.reason = StaticText(reason)
        self.detail = StaticText(detail)
    }

    public init(_ status: Int, _ reason: StaticText) {
        self.status = status
        self.reason = reason
        detail = StaticText("")
    }
}

/// What an attempt says of its endpoint, to be counted.
public struct EndpointVerdict: OptionSet, Hashable, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    /// It answered with less than 500.
    public static let success = EndpointVerdict(rawValue: 1)
    /// It answered with 500-599, wrongly, too late or not at all.
    public static let error = EndpointVerdict(rawValue: 2)
    /// It could not be reached.
    public static let connectFailure = EndpointVerdict(rawValue: 4)
    /// Nothing: this machine has no port, descriptor or memory.
    public static let localShortage = EndpointVerdict(rawValue: 8)
}

/// What follows from an event.
public struct ExchangeStep: Hashable, Sendable {
    public var action: ExchangeAction
    public var verdict: EndpointVerdict

    @inlinable
    public init(_ action: ExchangeAction, _ verdict: EndpointVerdict = []) {
        self.action = action
        self.verdict = verdict
    }
}

/// What the gate said.
public enum AdmissionVerdict: Hashable, Sendable {
    /// It may be sent. `holdBudget`: how long the service lets it wait for an endpoint that answers, in nanoseconds.
    case passed(holdBudget: Int64)
    case hold
    case refused(OwnAnswer)
}

/// What choosing an endpoint came to.
public enum ChoiceOutcome: Hashable, Sendable {
    /// A pooled connection was leased.
    case pooled
    /// A connection is being made.
    case connecting
    /// All endpoints are at their limit.
    case full
    /// No endpoint takes requests.
    case noEndpoint
    /// This machine has no port, descriptor or memory for a connection.
    case localShortage
}

/// How an attempt failed.
public enum AttemptFailure: Hashable, Sendable {
    /// Nobody listens, or the connection was refused on the way.
    case refused
    case connectTimeout
    /// This machine has no port, descriptor or memory.
    case localShortage
    /// The connection was reset.
    case reset
    /// The backend ended the connection.
    case closed
    /// The answer is no HTTP, or may not pass.
    case malformed(WireError)
}

/// What the head of an answer says that matters here.
public struct ResponseFacts: Hashable, Sendable {
    public var status: Int
    /// A 101 that agrees to WebSocket (RFC 6455 section 4.2.2).
    public var acceptsWebSocket: Bool
    public var isEventStream: Bool

    public init(status: Int, acceptsWebSocket: Bool = false, isEventStream: Bool = false) {
        self.status = status
        self.acceptsWebSocket = acceptsWebSocket
        self.isEventStream = isEventStream
    }
}

/// What becomes of a piece of a request's body.
public struct BodyDisposition: Hashable, Sendable {
    /// It is sent on now; else it waits for a connection, or nobody wants it.
    public var forwards = false
    /// It is kept: for a retry, or until there is a connection.
    public var keeps = false
    /// What was kept before is of no more use.
    public var dropsKept = false

    public init(forwards: Bool = false, keeps: Bool = false, dropsKept: Bool = false) {
        self.forwards = forwards
        self.keeps = keeps
        self.dropsKept = dropsKept
    }
}
