// Owns why a request of ours got no answer, and whether it may have had an effect.
public import HTTPWire
public import Proactor

/// Why an exchange failed.
public enum HTTPFailure: Error, Hashable, Sendable {
    /// No socket could be had.
    case noSocket(SystemError)
    /// The connect failed.
    case connect(StreamFailure)
    /// The connect took longer than the exchange may.
    case connectTimedOut
    /// No whole answer came in time.
    case timedOut
    /// The connection broke before the answer was whole.
    case broken(StreamFailure)
    /// The peer closed before the answer was whole.
    case closedEarly
    /// The answer breaks HTTP/1.
    case malformed(WireError)
    /// The answer's body is larger than the caller takes.
    case bodyTooLarge
    /// The request cannot be written as HTTP: its method or target has characters that may not be there.
    case badRequest
    /// Too many exchanges run at once.
    case tooMany

    /// Whether the peer may have acted on the request: it, or a part of it, was sent.
    public var mayHaveBeenProcessed: Bool {
        switch self {
        case .noSocket, .connect, .connectTimedOut, .badRequest, .tooMany: false
        case .timedOut, .broken, .closedEarly, .malformed, .bodyTooLarge: true
        }
    }
}

extension HTTPFailure: CustomStringConvertible {
    public var description: String {
        switch self {
        case .noSocket(let error): "\(error)"
        case .connect(let failure): "connect: \(Self.words(failure))"
        case .connectTimedOut: "connect: no answer in time"
        case .timedOut: "no whole answer in time"
        case .broken(let failure): "the connection broke: \(Self.words(failure))"
        case .closedEarly: "closed without a whole answer"
        case .malformed(let error): "malformed answer: \(error.reason)"
        case .bodyTooLarge: "the answer's body is too large"
        case .badRequest: "the request's method or target is not valid"
        case .tooMany: "too many requests at once"
        }
    }

    private static func words(_ failure: StreamFailure) -> String {
        switch failure {
        case .refused: "refused"
        case .reset: "reset by the peer"
        case .unreachable: "unreachable"
        case .exhausted: "no descriptors, ports or memory left"
        case .notPermitted: "not permitted"
        case .truncated: "cut short"
        case .insecure: "TLS failed"
        case .other(let code): SystemError(code: code, action: "").reason
        }
    }
}
