// Owns one request to an endpoint: its content, its author, and how the change that it asks for is proposed and
// answered.
internal import Catalog
internal import ControlPlane
internal import HTTPTransport
internal import Proactor
internal import Topology

/// One path of the API. A new endpoint is a new file in `Endpoints/`, and a line in `AdminRouter`.
protocol AdminHandler: Sendable {
    /// Such as `PUT`.
    var method: String { get }
    /// Segments; `{name}` stands for any one.
    var pattern: String { get }
    /// What it takes and answers, for `/openapi.json`.
    var operation: APIOperation { get }
    /// Answers, now or later, on the admin thread.
    func answer(_ call: AdminCall)
}

/// One request to an endpoint.
struct AdminCall {
    let request: HTTPRequest
    let context: AdminContext
    /// The values of the pattern's names, percent-decoded.
    let parameters: PathParameters
    let responder: HTTPResponder

    func respond(_ response: HTTPResponse) { responder.respond(response) }

    /// The state; answers 503 and returns nil while there is none.
    var snapshot: ControlSnapshot? {
        if let snapshot = context.control.snapshot { return snapshot }
        respond(.problem(503, "the node has no state yet"))
        return nil
    }

    /// The service that the path names.
    var service: ServiceName { ServiceName(parameters["service"] ?? "") }

    /// Whether a change may be passed on to the leader: not with `?forward=false`.
    var mayForward: Bool { request.queryFlag("forward") ?? true }

    /// The index in `If-Match`; nil if there is none. Answers 412 and returns nothing for a value that can never match
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

    /// The author, for the record: whoever may use the API is `admin`, and may add a name with `Meridian-Author`.
    /// Answers 400 and returns nil for an invalid name.
    var author: String? {
        guard let name = request[field: "meridian-author"] else { return "admin" }
        guard (1...64).contains(name.utf8.count), name.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            respond(.problem(400, "Meridian-Author is 1-64 printable characters without blanks"))
            return nil
        }
        // Never the name alone, so that nobody can pose as "failover" or another part of Meridian.
        return "admin:\(name)"
    }

    /// The command to propose; answers and returns nil if a header field is wrong.
    ///
    /// Without an `Idempotency-Key` the request gets one here, at the first node, and the answer names it. So a client
    /// that gets 504 can ask again without acting twice.
    func command(_ change: CatalogChange, reason: String?, force: Bool) -> CatalogCommand? {
        guard let expected = expectedIndex, let author else { return nil }
        return CatalogCommand(
            change, author: author, reason: reason ?? "", proposedAt: ControlPlane.wallClock(),
            idempotencyKey: request[field: "idempotency-key"] ?? context.keys.next(), expectedIndex: expected,
            force: force)
    }

    /// Proposes a command and answers with its outcome.
    ///
    /// - Parameter answer: the answer when it was applied, from a state that has it.
    func propose(
        _ change: CatalogChange, reason: String?, force: Bool = false,
        answer: @escaping (ControlSnapshot) -> HTTPResponse
    ) {
        guard let command = command(change, reason: reason, force: force) else { return }
        propose(command, answer: answer)
    }

    /// Proposes a command and answers with its outcome.
    func propose(_ command: CatalogCommand, answer: @escaping (ControlSnapshot) -> HTTPResponse) {
        let control = context.control
        let reply = LoopBound(
            Reply(responder: responder, key: command.idempotencyKey, answer: answer), of: context.loop)
        let completion: @Sendable (ProposalOutcome) -> Void = { outcome in
            let snapshot = control.snapshot
            reply.post { $0.deliver(outcome, snapshot) }
        }
        let isAccepted =
            mayForward
            ? control.propose(command, completion: completion)
            : control.proposeAsLeader(command, completion: completion)
        if !isAccepted { respond(.problem(503, "the control plane is overloaded; nothing was changed")) }
    }
}

/// Handles an outcome, back on the admin thread.
private struct Reply {
    let responder: HTTPResponder
    let key: String?
    let answer: (ControlSnapshot) -> HTTPResponse

    func deliver(_ outcome: ProposalOutcome, _ snapshot: ControlSnapshot?) {
        var response = response(outcome, snapshot)
        if let key { response.fields.append(("Idempotency-Key", key)) }
        responder.respond(response)
    }

    private func response(_ outcome: ProposalOutcome, _ snapshot: ControlSnapshot?) -> HTTPResponse {
        switch outcome {
        case .unavailable(let reason, let leader): return .unavailable(reason, leader: leader, snapshot)
        case .notLeader(let leader): return .misdirected(leader: leader, snapshot)
        case .unknown: return .unknownOutcome("look at the state, or ask again with the same Idempotency-Key")
        case .decided(.refused(let refusal)): return .problem(refusal.status, refusal.description)
        case .decided(.applied(let index, _)):
            guard let snapshot else { return .problem(503, "the node has no state yet") }
            var response = answer(snapshot)
            response.fields.append(("Meridian-Index", "\(index)"))
            return response
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
