// Owns POST /v1/reload: the settings file is read and applied again.
internal import HTTPTransport
internal import Proactor

/// Answers once the new settings are in force, or with every problem in the file.
struct ReloadHandler: AdminHandler {
    let method = "POST"
    let pattern = "/v1/reload"
    let operation = APIOperation(
        .local, "Applies the settings file again; a wrong one changes nothing.",
        answers: .document(ReloadAnswer.self), refusals: [422])

    func answer(_ call: AdminCall) {
        let reply = LoopBound(call.responder, of: call.context.loop)
        let isAccepted = call.context.node.reload { outcome in reply.post { $0.respond(Self.response(outcome)) } }
        if !isAccepted { call.respond(.problem(503, "the node is stopping, or too many reloads wait")) }
    }

    private static func response(_ outcome: ReloadOutcome) -> HTTPResponse {
        switch outcome {
        case .applied(let warnings): .json(200, ReloadAnswer(reloaded: true, warnings: warnings))
        case .refused(let reason, let problems): .problem(422, reason, problems: problems)
        }
    }
}
