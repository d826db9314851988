// Owns GET /v1/events: what was changed, by whom and why.
internal import Catalog
internal import ControlPlane
internal import HTTPTransport

private struct EventDocument: Encodable {
    var index: UInt64
    var time_ms: Int64
    var author: String
    var reason: String
    var event: String
}

/// The newest events, those after `?after=INDEX` only.
struct EventsEndpoint: Endpoint {
    let method = "GET"
    let pattern = "/v1/events"

    func answer(_ call: AdminCall) {
        let after = call.request.queryItem("after").flatMap { UInt64($0) } ?? 0
        let events = call.context.control.snapshot?.catalog.events(after: after) ?? []
        call.respond(
            .json(
                200,
                events.map {
                    EventDocument(
                        index: $0.index, time_ms: $0.time.milliseconds, author: $0.author, reason: $0.reason,
                        event: $0.kind.sentence)
                }))
    }
}
