// Owns GET /v1/status and GET /v1/services/{service}.
internal import Catalog
internal import ControlPlane
internal import HTTPTransport
internal import Routing
internal import Topology

/// GET /v1/status
struct StatusHandler: AdminHandler {
    let method = "GET"
    let pattern = "/v1/status"
    let operation = APIOperation(
        .read, "The state of this node, its group, its services and their endpoints.",
        answers: .document(StatusDocument.self), fields: [.tag, .index])

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
struct ServiceHandler: AdminHandler {
    let method = "GET"
    let pattern = "/v1/services/{service}"
    let operation = APIOperation(
        .read, "One service: its primary, its datacenters and their endpoints.",
        answers: .document(ServiceDocument.self), fields: [.tag], refusals: [404])

    func answer(_ call: AdminCall) {
        guard let snapshot = call.snapshot else { return }
        call.respond(Self.document(call, snapshot))
    }

    /// The service's document with its tag; 404 if there is no such service.
    static func document(_ call: AdminCall, _ snapshot: ControlSnapshot) -> HTTPResponse {
        let name = ServiceName(call.parameters["service"] ?? "")
        // Changes that were committed together are answered in one turn, from the same state.
        let version = DocumentVersion(
            service: name, table: snapshot.table.version, index: snapshot.catalog.appliedIndex)
        if let known = call.context.documents.value(for: version) { return known }
        let response = document(name, call.context, snapshot)
        call.context.documents.keep(response, for: version)
        return response
    }

    private static func document(
        _ name: ServiceName, _ context: AdminContext, _ snapshot: ControlSnapshot
    ) -> HTTPResponse {
        guard let routing = snapshot.table.service(name) else { return .problem(404, "there is no service '\(name)'") }
        let document = ServiceDocument(routing, snapshot.catalog, KnownVotes(context), context)
        var response = HTTPResponse.json(200, document)
        if let index = snapshot.catalog.changeIndex(of: name) { response.fields.append(("ETag", "\"\(index)\"")) }
        return response
    }
}
