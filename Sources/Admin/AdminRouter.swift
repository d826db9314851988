// Owns which endpoint answers which request.
internal import Catalog
internal import ControlPlane
internal import HTTPTransport
internal import Proactor
internal import Synchronization

/// One path of the API. A new endpoint is a new file in `Endpoints/`, and a line in `AdminRouter.endpoints`.
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
    let loop: EventLoop
    let respond: (HTTPResponse) -> Void

    /// Proposes a command and answers with its outcome.
    func propose(
        _ change: CatalogChange, reason: String, force: Bool = false,
        answer: @escaping (ControlSnapshot) -> HTTPResponse
    ) {
        let tag = request[field: "if-match"]
        let expected = tag.flatMap { UInt64($0.trimming("\"")) }
        if tag != nil, tag != "*", expected == nil {
            respond(.problem(412, "If-Match is no tag of this API"))
            return
        }
        let command = CatalogCommand(
            change, author: "admin", reason: reason, proposedAt: ControlPlane.wallClock(),
            idempotencyKey: request[field: "idempotency-key"], expectedIndex: expected, force: force)
        let control = context.control
        let reply = LoopBound(Reply(respond: respond, answer: answer), of: loop)
        let accepted = control.propose(command) { outcome in
            let snapshot = control.snapshot
            reply.post { $0.deliver(outcome, snapshot) }
        }
        if !accepted { respond(.problem(503, "the control plane is overloaded; nothing was changed")) }
    }
}

/// What is done with an outcome, back on the admin thread.
private struct Reply {
    let respond: (HTTPResponse) -> Void
    let answer: (ControlSnapshot) -> HTTPResponse

    func deliver(_ outcome: CatalogOutcome, _ snapshot: ControlSnapshot?) {
        switch outcome {
        case .applied(let index, _):
            guard let snapshot else { return respond(.problem(503, "no state yet")) }
            var response = answer(snapshot)
            response.fields.append(("Meridian-Index", "\(index)"))
            respond(response)
        case .refused(let refusal):
            if case .indexMismatch = refusal {
                respond(.problem(412, refusal.description))
            } else {
                respond(.problem(refusal.isUnknownName ? 404 : 409, refusal.description))
            }
        }
    }
}

/// Finds the endpoint of a request.
struct AdminRouter {
    private static let endpoints: [any Endpoint] = [
        LivezEndpoint(), ReadyzEndpoint(), MetricsEndpoint(), StatusEndpoint(), ServiceEndpoint(), EventsEndpoint(),
        SetDatacenterWeightEndpoint(), ResetDatacenterWeightEndpoint(), SetEndpointWeightEndpoint(),
        ResetEndpointWeightEndpoint(), SetDatacenterStateEndpoint(), SetEndpointStateEndpoint(), SetPrimaryEndpoint(),
    ]
    private let context: AdminContext
    private let loop: EventLoop

    init(_ context: AdminContext, loop: EventLoop) {
        self.context = context
        self.loop = loop
    }

    func answer(_ request: HTTPRequest, _ respond: @escaping (HTTPResponse) -> Void) {
        let segments = request.path.split(separator: "/", omittingEmptySubsequences: true)
        var allowed: [String] = []
        for endpoint in Self.endpoints {
            guard let parameters = Self.match(endpoint.pattern, segments) else { continue }
            let matches = endpoint.method == request.method || (request.method == "HEAD" && endpoint.method == "GET")
            guard matches else {
                allowed.append(endpoint.method)
                continue
            }
            endpoint.answer(
                AdminCall(
                    request: request, context: context, parameters: parameters, loop: loop, respond: respond))
            return
        }
        if allowed.isEmpty {
            respond(.problem(404, "there is nothing at \(request.path)"))
        } else {
            var response = HTTPResponse.problem(405, "\(request.path) takes \(allowed.joined(separator: ", "))")
            response.fields.append(("Allow", allowed.joined(separator: ", ")))
            respond(response)
        }
    }

    private static func match(_ pattern: String, _ segments: [Substring]) -> [String: String]? {
        let expected = pattern.split(separator: "/", omittingEmptySubsequences: true)
        guard expected.count == segments.count else { return nil }
        var parameters: [String: String] = [:]
        for (want, have) in zip(expected, segments) {
            if want.hasPrefix("{") {
                guard let decoded = PercentCoding.decode(have) else { return nil }
                parameters[String(want.dropFirst().dropLast())] = decoded
            } else if want != have {
                return nil
            }
        }
        return parameters
    }
}

/// Percent-encoding of path segments.
enum PercentCoding {
    /// nil when an escape is broken or the bytes are no UTF-8.
    static func decode(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == 0x25 else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else {
                return nil
            }
            rest.removeFirst(2)
            bytes.append(value)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}

extension String {
    func trimming(_ character: Character) -> String {
        var text = self[...]
        while text.first == character { text.removeFirst() }
        while text.last == character { text.removeLast() }
        return String(text)
    }
}
