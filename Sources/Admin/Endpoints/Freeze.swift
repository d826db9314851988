// Owns GET and PUT /v1/freeze: whether the group may move primaries by itself.
internal import Catalog
internal import ControlPlane
internal import HTTPTransport

extension FreezeDocument {
    init(_ record: FreezeRecord) {
        frozen = record.isFrozen
        guard record.index > 0 else { return }
        author = record.author
        reason = record.reason
        sinceMs = record.since.milliseconds
    }

    /// The document with its tag.
    static func response(_ snapshot: ControlSnapshot) -> HTTPResponse {
        let record = snapshot.catalog.freeze
        var response = HTTPResponse.json(200, FreezeDocument(record))
        response.fields.append(("ETag", "\"\(record.index)\""))
        return response
    }
}

struct FreezeHandler: AdminHandler {
    let method = "GET"
    let pattern = "/v1/freeze"
    let operation = APIOperation(
        .read, "Whether the group may move primaries by itself.", answers: .document(FreezeDocument.self),
        fields: [.tag])

    func answer(_ call: AdminCall) {
        if let snapshot = call.snapshot { call.respond(FreezeDocument.response(snapshot)) }
    }
}

struct SetFreezeHandler: AdminHandler {
    let method = "PUT"
    let pattern = "/v1/freeze"
    let operation = APIOperation(
        .command, "Forbids automatic moves of primaries, or allows them again.", body: .required(FreezeBody.self),
        answers: .document(FreezeDocument.self), fields: [.tag])

    func answer(_ call: AdminCall) {
        guard let body = call.decode(FreezeBody.self) else { return }
        call.propose(.setFrozen(body.frozen), reason: body.reason, answer: FreezeDocument.response)
    }
}
