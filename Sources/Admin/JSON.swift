// Owns JSON in and out of the API, and its one form of errors.
internal import FoundationEssentials
internal import HTTPTransport

extension HTTPResponse {
    /// An answer in JSON: keys sorted, and in the API's form, `requestsPerSecond` as `requests_per_second`.
    static func json(_ status: Int, _ value: some Encodable) -> HTTPResponse {
        guard let bytes = encoded(value) else { return .text(500, "the answer could not be encoded\n") }
        return HTTPResponse(status: status, fields: fields("application/json"), body: bytes + [0x0A])
    }

    /// An error (RFC 9457), with the problems of a file if there are any, and the leader where another node may help.
    static func problem(
        _ status: Int, _ detail: String, problems: [String]? = nil, leader: String? = nil, leaderAdmin: String? = nil
    ) -> HTTPResponse {
        let problem = Problem(
            title: title(status), status: status, detail: detail, problems: problems, leader: leader,
            leaderAdmin: leaderAdmin)
        guard let bytes = encoded(problem) else { return .text(status, detail + "\n") }
        return HTTPResponse(status: status, fields: fields("application/problem+json"), body: bytes + [0x0A])
    }

    /// One line of JSON in the API's form.
    static func encoded(_ value: some Encodable) -> [UInt8]? {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(value)).map { Array($0) }
    }

    private static func fields(_ type: String) -> [(name: String, value: String)] {
        [("Content-Type", type), ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff")]
    }

    private struct Problem: Encodable {
        var title: String
        var status: Int
        var detail: String
        var problems: [String]?
        var leader: String?
        /// The URL of its admin API, where it publishes one.
        var leaderAdmin: String?
    }

    private static func title(_ status: Int) -> String {
        switch status {
        case 400: "Bad request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not found"
        case 405: "Method not allowed"
        case 409: "Refused"
        case 412: "Precondition failed"
        case 421: "Misdirected request"
        case 422: "Not acceptable as it is"
        case 503: "Not now"
        case 504: "Outcome unknown"
        default: "Error"
        }
    }
}

extension AdminCall {
    /// The request's body as a value; answers 400 and returns nil when it is none.
    func decode<Value: Decodable>(_ type: Value.Type) -> Value? {
        do {
            return try JSONDecoder().decode(type, from: Data(request.body))
        } catch DecodingError.keyNotFound(let key, _) {
            respond(.problem(400, "the body lacks \"\(key.stringValue)\""))
        } catch DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context) {
            let key = context.codingPath.map(\.stringValue).joined(separator: ".")
            respond(.problem(400, key.isEmpty ? "the body is no JSON object" : "\"\(key)\" is not of the right type"))
        } catch DecodingError.dataCorrupted {
            // So is a number reported that does not fit its type, and without its key.
            respond(.problem(400, "the body is no JSON object, or a number in it does not fit"))
        } catch {
            respond(.problem(400, "the body is no JSON object"))
        }
        return nil
    }
}
