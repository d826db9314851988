// Owns one request to an endpoint: what it says, and how a change that it asks for is proposed and answered.
internal import Catalog
internal import ControlPlane
internal import HTTPTransport
internal import Proactor
internal import Topology

/// One path of the API. A new endpoint is a new file in `Endpoints/`, and a line in `AdminRouter`.
protocol Endpoint: Sendable {
    /// Such as `PUT`.
    var method: String { get }
    /// Segments; `{name}` stands for any one.
    var pattern: String { get }
    /// Answers, now or later, on the admin thread.
    func answer(_ call: AdminCall)
}

/// One request to an endpoint.
struct AdminCall {
    let request: HTTPRequest
    let context: AdminContext
    /// What stood for the pattern's names, percent-decoded.
    let parameters: [String: String]
    let responder: HTTPResponder

    func respond(_ response: HTTPResponse) { responder.respond(response) }

    /// The state; answers 503 and returns nil while there is none.
    var snapshot: ControlSnapshot? {
        if let snapshot = context.control.snapshot { return snapshot }
        respond(.problem(503, "the node has no state yet"))
        return nil
    }

    /// The index that `If-Match` names: nil when it names none. Answers 412 and returns nothing for what can never match
    /// (RFC 9110 section 13.1.1: weak tags do not).
    private var expectedIndex: UInt64?? {
        guard let tag = request[field: "if-match"], tag != "*" else { return .some(nil) }
        guard tag.utf8.count > 2, tag.hasPrefix("\""), tag.hasSuffix("\""),
            let index = UInt64(tag.dropFirst().dropLast())
        else {
            respond(.problem(412, "If-Match is no tag of this API"))
            return nil
        }
        return .some(index)
    }

    /// Proposes a command and answers with its outcome.
    ///
    /// - Parameter answer: the answer when it was applied, from a state that has it.
    func propose(
        _ change: CatalogChange, reason: String?, force: Bool = false,
        answer: @escaping (ControlSnapshot) -> HTTPResponse
    ) {
        guard let expected = expectedIndex else { return }
        let command = CatalogCommand(
            change, author: "admin", reason: reason ?? "", proposedAt: ControlPlane.wallClock(),
            idempotencyKey: request[field: "idempotency-key"], expectedIndex: expected, force: force)
        let control = context.control
        let reply = LoopBound(Reply(responder: responder, answer: answer), of: context.loop)
        let isAccepted = control.propose(command) { outcome in
            let snapshot = control.snapshot
            reply.post { $0.deliver(outcome, snapshot) }
        }
        if !isAccepted { respond(.problem(503, "the control plane is overloaded; nothing was changed")) }
    }
}

/// What is done with an outcome, back on the admin thread.
private struct Reply {
    let responder: HTTPResponder
    let answer: (ControlSnapshot) -> HTTPResponse

    func deliver(_ outcome: ProposalOutcome, _ snapshot: ControlSnapshot?) {
        switch outcome {
        case .unavailable(let reason, let leader):
            var response = HTTPResponse.problem(503, reason)
            if let leader { response.fields.append(("Meridian-Leader", leader.text)) }
            responder.respond(response)
        case .unknown:
            responder.respond(
                .problem(504, "outcome unknown: the change may yet be applied; look at the state before asking again"))
        case .decided(.refused(let refusal)): responder.respond(.problem(refusal.status, refusal.description))
        case .decided(.applied(let index, _)):
            guard let snapshot else { return responder.respond(.problem(503, "the node has no state yet")) }
            var response = answer(snapshot)
            response.fields.append(("Meridian-Index", "\(index)"))
            responder.respond(response)
        }
    }
}

extension CatalogRefusal {
    /// The status that tells a program what kind of refusal this is.
    var status: Int {
        switch self {
        case .unknownService, .unknownDatacenter, .unknownEndpoint: 404
        case .indexMismatch: 412
        case .weightOutOfRange, .expiryInThePast, .textTooLong: 400
        case .idempotencyKeyReused: 422
        default: 409
        }
    }
}
