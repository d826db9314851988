// Owns which endpoint answers which request.
internal import HTTPTransport

/// Finds the endpoint of a request.
struct AdminRouter: Sendable {
    /// Everything, for operators.
    static let whole = AdminRouter(
        open.endpoints + [
            StatusHandler(), ServiceHandler(), EventsHandler(), SetDatacenterWeightHandler(),
            ResetDatacenterWeightHandler(), SetEndpointWeightHandler(), ResetEndpointWeightHandler(),
            SetDatacenterStateHandler(), SetEndpointStateHandler(), SetPrimaryHandler(), ExplainHandler(),
            ServeWithoutLeaseHandler(), ServeWithLeaseHandler(), FreezeHandler(), SetFreezeHandler(),
            ClusterHandler(), AddMemberHandler(), RemoveMemberHandler(),
            TransferHandler(), DifferenceHandler(), ConfigHandler(), ReloadHandler(), OpenAPIHandler(),
        ])
    /// The endpoints that anyone may use.
    static let open = AdminRouter([LivezHandler(), ReadyzHandler(), MetricsHandler()])

    private let routes: [Route]
    var endpoints: [any AdminHandler] { routes.map(\.endpoint) }

    private init(_ endpoints: [any AdminHandler]) { routes = endpoints.map { Route($0) } }

    func answer(_ request: HTTPRequest, _ context: AdminContext, _ responder: HTTPResponder) {
        guard let segments = request.pathSegments else {
            responder.respond(.problem(400, "the path is not percent-encoded UTF-8"))
            return
        }
        var allowed: [String] = []
        for route in routes {
            guard let parameters = route.pattern.match(segments) else { continue }
            guard route.method == request.method || (request.method == "HEAD" && route.method == "GET") else {
                allowed.append(route.method)
                continue
            }
            route.answer(
                AdminCall(request: request, context: context, parameters: parameters, responder: responder))
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
}

/// An endpoint with what every request needs of it, worked out once.
private struct Route: Sendable {
    let endpoint: any AdminHandler
    let method: String
    let pattern: PathPattern
    private let isRead: Bool
    private let query: QueryRules

    init(_ endpoint: any AdminHandler) {
        let operation = endpoint.operation
        self.endpoint = endpoint
        method = endpoint.method
        pattern = PathPattern(endpoint.pattern)
        isRead = operation.kind == .read
        query = QueryRules(operation)
    }

    func answer(_ call: AdminCall) {
        if let fault = query.fault(in: call.request) { return call.respond(.problem(400, fault)) }
        if isRead, call.request.queryFlag("consistent") == true {
            call.whenCurrent { endpoint.answer(call) }
        } else {
            endpoint.answer(call)
        }
    }
}
