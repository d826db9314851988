// Owns GET /v1/config: the file that the settings in force came from.
internal import HTTPTransport

private struct ConfigDocument: Encodable {
    var path: String
    var sha256: String
    /// As it is in the file: `${…}` is not replaced.
    var text: String
}

/// Answers with the file as it was when it was applied, which tells whether a later change of it is in force yet.
struct ConfigEndpoint: Endpoint {
    let method = "GET"
    let pattern = "/v1/config"

    func answer(_ call: AdminCall) {
        let file = call.context.node.configurationFile
        var response = HTTPResponse.json(
            200, ConfigDocument(path: file.path, sha256: file.digest, text: file.text))
        response.fields.append(("ETag", "\"\(file.digest)\""))
        call.respond(response)
    }
}
