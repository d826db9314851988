// Owns GET /openapi.json: the description of the API.
internal import HTTPTransport
internal import Settings

/// OpenAPI 3.1, made from what each endpoint says about itself; it shows whether this node requires a token.
struct OpenAPIHandler: AdminHandler {
    let method = "GET"
    let pattern = "/openapi.json"
    let operation = APIOperation(.page, "This description.", answers: .json)

    func answer(_ call: AdminCall) {
        let needsToken = call.context.node.settings.admin.tokenFile != nil
        call.respond(needsToken ? call.context.guardedDescription : call.context.openDescription)
    }

    /// The answer, the same for everyone.
    static func response(version: String, needsToken: Bool) -> HTTPResponse {
        do {
            return .json(
                200, try APIDescription(AdminRouter.whole.endpoints, version: version, needsToken: needsToken).tree)
        } catch {
            return .problem(500, "the API cannot be described: \(error)")
        }
    }
}
