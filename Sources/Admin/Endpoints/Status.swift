// Owns GET /v1/status and GET /v1/services/{service}.
internal import Catalog
internal import ControlPlane
internal import HTTPTransport
internal import Routing
internal import Topology

/// GET /v1/status
struct StatusEndpoint: Endpoint {
    let method = "GET"
    let pattern = "/v1/status"

    func answer(_ call: AdminCall) {
        guard let snapshot = call.snapshot else { return }
        var response = HTTPResponse.json(200, StatusDocument(call.context, snapshot))
        let index = snapshot.catalog.appliedIndex
        response.fields.append(("ETag", "\"\(index)\""))
        response.fields.append(("Meridian-Index", "\(index)"))
        call.respond(response)
    }
}

/// GET /v1/services/{service}
struct ServiceEndpoint: Endpoint {
    let method = "GET"
    let pattern = "/v1/services/{service}"

    func answer(_ call: AdminCall) {
        guard let snapshot = call.snapshot else { return }
        call.respond(Self.document(call, snapshot))
    }

    /// The service's document with its tag; 404 without such a service.
    static func document(_ call: AdminCall, _ snapshot: ControlSnapshot) -> HTTPResponse {
        let name = ServiceName(call.parameters["service"] ?? "")
        guard let routing = snapshot.table.service(name) else { return .problem(404, "there is no service '\(name)'") }
        var response = HTTPResponse.json(200, StatusDocument.Service(routing, call.context))
        if let index = snapshot.catalog.changeIndex(of: name) { response.fields.append(("ETag", "\"\(index)\"")) }
        return response
    }
}
