// Owns which endpoint answers which request.
internal import HTTPTransport

/// Finds the endpoint of a request.
struct AdminRouter: Sendable {
    /// Everything, for operators.
    static let whole = AdminRouter(
        open.endpoints + [
            StatusEndpoint(), ServiceEndpoint(), EventsEndpoint(), SetDatacenterWeightEndpoint(),
            ResetDatacenterWeightEndpoint(), SetEndpointWeightEndpoint(), ResetEndpointWeightEndpoint(),
            SetDatacenterStateEndpoint(), SetEndpointStateEndpoint(), SetPrimaryEndpoint(), ExplainEndpoint(),
            ServeWithoutLeaseEndpoint(), ServeWithLeaseEndpoint(), FreezeEndpoint(), SetFreezeEndpoint(),
            ClusterEndpoint(), AddMemberEndpoint(), RemoveMemberEndpoint(),
            TransferEndpoint(), DifferenceEndpoint(), ConfigEndpoint(), ReloadEndpoint(), OpenAPIEndpoint(),
        ])
    /// What anyone may see.
    static let open = AdminRouter([LivezEndpoint(), ReadyzEndpoint(), MetricsEndpoint()])

    let endpoints: [any Endpoint]
    private let patterns: [[Substring]]

    private init(_ endpoints: [any Endpoint]) {
        self.endpoints = endpoints
        patterns = endpoints.map { $0.pattern.split(separator: "/") }
    }

    func answer(_ request: HTTPRequest, _ context: AdminContext, _ responder: HTTPResponder) {
        guard let segments = request.pathSegments else {
            responder.respond(.problem(400, "the path is not percent-encoded UTF-8"))
            return
        }
        var allowed: [String] = []
        for (endpoint, pattern) in zip(endpoints, patterns) {
            guard let parameters = Self.match(pattern, segments) else { continue }
            guard endpoint.method == request.method || (request.method == "HEAD" && endpoint.method == "GET") else {
                allowed.append(endpoint.method)
                continue
            }
            let call = AdminCall(request: request, context: context, parameters: parameters, responder: responder)
            if endpoint.operation.kind == .read, request.queryItem("consistent") == "true" {
                call.whenCurrent { endpoint.answer(call) }
            } else {
                endpoint.answer(call)
            }
            return
        }
        if allowed.isEmpty {
            responder.respond(.problem(404, "there is nothing at \(request.path)"))
        } else {
            var response = HTTPResponse.problem(405, "\(request.path) takes \(allowed.joined(separator: ", "))")
            response.fields.append(("Allow", allowed.joined(separator: ", ")))
            responder.respond(response)
        }
    }

    private static func match(_ pattern: [Substring], _ segments: [String]) -> [String: String]? {
        guard pattern.count == segments.count else { return nil }
        var parameters: [String: String] = [:]
        for (want, have) in zip(pattern, segments) {
            if want.hasPrefix("{") {
                parameters[String(want.dropFirst().dropLast())] = have
            } else if want != have {
                return nil
            }
        }
        return parameters
    }
}
