// Owns what all checks have in common: they run once and have an outcome.
internal import HTTPTransport
internal import Health
internal import Proactor
internal import Topology

/// The outcome of one check.
enum ProbeOutcome: Hashable {
    case verdict(CheckResult)
    /// This machine had no descriptor, port or memory for it, which says nothing about the endpoint.
    case shortage(String)

    static func failure(_ reason: CheckFailure) -> ProbeOutcome { .verdict(.failure(reason)) }

    /// What a failure of a request means for the endpoint.
    init(_ failure: HTTPFailure) {
        switch failure {
        case .noSocket(let error): self = .shortage("\(error)")
        case .connect(.exhausted), .broken(.exhausted), .tooMany: self = .shortage("\(failure)")
        case .connect(.refused): self = .failure(.connectRefused)
        case .connect(.reset), .broken(.reset): self = .failure(.connectionReset)
        case .connect: self = .failure(.unreachable)
        case .connectTimedOut, .timedOut, .broken(.unreachable): self = .failure(.timedOut)
        case .broken, .closedEarly: self = .failure(.closed)
        case .malformed, .badRequest, .bodyTooLarge: self = .failure(.malformed)
        }
    }
}

/// One run of a check.
protocol Probe: AnyObject {
    /// Begins; `done` is called exactly once, later, unless the probe is cancelled.
    func start(_ address: SocketAddress, done: @escaping (ProbeOutcome, _ connectTime: Duration?) -> Void)
    /// Ends without a report.
    func cancel()
}
