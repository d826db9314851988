// Owns JSON in and out of the API, and its one form of errors.
internal import FoundationEssentials
internal import HTTPTransport

extension HTTPResponse {
    /// An answer in JSON, keys sorted.
    static func json(_ status: Int, _ value: some Encodable) -> HTTPResponse {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(value) else { return .problem(500, "the answer could not be encoded") }
        return HTTPResponse(
            status: status, fields: [("Content-Type", "application/json"), ("Cache-Control", "no-store")],
            body: Array(data) + [0x0A])
    }

    /// An error (RFC 9457).
    static func problem(_ status: Int, _ detail: String) -> HTTPResponse {
        let body = Problem(title: title(status), status: status, detail: detail)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let data = (try? encoder.encode(body)).map { Array($0) } ?? []
        return HTTPResponse(
            status: status,
            fields: [("Content-Type", "application/problem+json"), ("Cache-Control", "no-store")], body: data + [0x0A])
    }

    private struct Problem: Encodable {
        var title: String
        var status: Int
        var detail: String
    }

    private static func title(_ status: Int) -> String {
        switch status {
        case 400: "Bad request"
        case 403: "Forbidden"
        case 404: "Not found"
        case 405: "Method not allowed"
        case 409: "Refused"
        case 412: "Precondition failed"
        case 421: "Misdirected request"
        case 503: "Not now"
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
            respond(.problem(400, "\"\(key)\" is not of the right type"))
        } catch {
            respond(.problem(400, "the body is not the JSON object that this endpoint takes"))
        }
        return nil
    }
}
