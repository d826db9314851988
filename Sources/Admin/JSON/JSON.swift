// Owns the API's answers in JSON, including errors, and reading its bodies.
internal import HTTPTransport

extension HTTPResponse {
    /// An answer in JSON.
    static func json(_ status: Int, _ value: some Encodable) -> HTTPResponse {
        guard let bytes = DocumentForm.encode(value) else { return .text(500, "the answer could not be encoded\n") }
        return HTTPResponse(status: status, fields: fields("application/json"), body: bytes + [0x0A])
    }

    /// An error (RFC 9457), with the problems of a file if there are any, and the leader if another node may help.
    static func problem(
        _ status: Int, _ detail: String, problems: [String]? = nil, leader: String? = nil, leaderAdmin: String? = nil
    ) -> HTTPResponse {
        let problem = Problem(
            title: title(status), status: status, detail: detail, problems: problems, leader: leader,
            leaderAdmin: leaderAdmin)
        guard let bytes = DocumentForm.encode(problem) else { return .text(status, detail + "\n") }
        return HTTPResponse(status: status, fields: fields("application/problem+json"), body: bytes + [0x0A])
    }

    private static func fields(_ type: String) -> [(name: String, value: String)] {
        [("Content-Type", type), ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff")]
    }

    /// What a status means here.
    static func title(_ status: Int) -> String {
        switch status {
        case 400: "Bad request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not found"
        case 405: "Method not allowed"
        case 408: "Too slow"
        case 409: "Refused"
        case 412: "Precondition failed"
        case 413: "Too large"
        case 414: "Target too long"
        case 417: "Expectation failed"
        case 421: "Misdirected request"
        case 422: "Not acceptable as it is"
        case 431: "Head too large"
        case 500: "Fault of the node"
        case 501: "Not known here"
        case 503: "Not now"
        case 504: "Outcome unknown"
        case 505: "Version of HTTP not known here"
        default: "Error"
        }
    }
}

extension AdminCall {
    /// The request's body as a value; answers 400 and returns nil if it is invalid.
    func decode<Body: Decodable>(_ type: Body.Type) -> Body? {
        do throws(BodyFault) {
            return try BodyForm.decode(type, request.body)
        } catch {
            respond(.problem(400, error.description))
            return nil
        }
    }
}
