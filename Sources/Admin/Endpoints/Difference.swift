// Owns GET /v1/diff: what differs between the file of this node and the group.
internal import Catalog
internal import ControlPlane
internal import HTTPTransport

struct DifferenceHandler: AdminHandler {
    let method = "GET"
    let pattern = "/v1/diff"
    let operation = APIOperation(
        .read, "What the group holds that the file of this node does not say.",
        answers: .document(DifferenceDocument.self), fields: [.index])

    func answer(_ call: AdminCall) {
        guard let snapshot = call.snapshot else { return }
        var response = HTTPResponse.json(200, DifferenceDocument(call.context.node.settings, snapshot))
        response.fields.append(("Meridian-Index", "\(snapshot.catalog.appliedIndex)"))
        call.respond(response)
    }
}
