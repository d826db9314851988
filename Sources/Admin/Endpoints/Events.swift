// Owns GET /v1/events: what was changed, by whom and why; as a list or as a stream.
internal import Catalog
internal import ControlPlane
internal import HTTPTransport

extension EventDocument {
    init(_ event: CatalogEvent) {
        index = event.index
        timeMs = event.time.milliseconds
        author = event.author
        reason = event.reason
        self.event = event.kind.sentence
    }

    /// One line of JSON.
    var text: String { String(decoding: DocumentForm.encode(self) ?? [], as: UTF8.self) }
}

/// The newest events, or only those after `?after=INDEX`. With `Accept: text/event-stream` also future ones; a client
/// that reconnects says with `Last-Event-ID` which it has.
struct EventsHandler: AdminHandler {
    let method = "GET"
    let pattern = "/v1/events"
    let operation = APIOperation(
        .read, "What was changed, by whom and why; as server-sent events also what will be.",
        query: [.init("after", "Only events after this index. `Last-Event-ID` goes first.", UInt64.self)],
        answers: .document([EventDocument].self), .text("text/event-stream"), refusals: [400])

    func answer(_ call: AdminCall) {
        let text = call.request[field: "last-event-id"] ?? call.request.queryItem("after") ?? "0"
        guard let after = UInt64(text) else {
            call.respond(.problem(400, "\"after\" is the index of an event"))
            return
        }
        let wantsStream = call.request[field: "accept"]?.lowercased().contains("text/event-stream") == true
        if wantsStream, call.request.method == "GET" {
            call.context.streams.follow(call.responder, after: after)
        } else if let snapshot = call.snapshot {
            call.respond(.json(200, snapshot.catalog.events(after: after).map(EventDocument.init)))
        }
    }
}
