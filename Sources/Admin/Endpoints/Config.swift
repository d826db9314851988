// Owns GET /v1/config: the file that the settings in force came from.
internal import HTTPTransport

/// Answers with the file as it was when it was applied, which shows whether a later change is in force yet.
struct ConfigHandler: AdminHandler {
    let method = "GET"
    let pattern = "/v1/config"
    let operation = APIOperation(
        .read, "The file that the settings in force came from, as it was then.",
        answers: .document(ConfigDocument.self), fields: [.tag])

    func answer(_ call: AdminCall) {
        let file = call.context.node.configurationFile
        var response = HTTPResponse.json(
            200, ConfigDocument(path: file.path, sha256: file.digest, text: file.text))
        response.fields.append(("ETag", "\"\(file.digest)\""))
        call.respond(response)
    }
}
