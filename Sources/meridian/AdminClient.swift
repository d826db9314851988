// Owns how commands talk to a node: one request, one answer, exit codes by what it says.
internal import ArgumentParser
internal import FoundationEssentials
internal import HTTPTransport

/// The options of every command that talks to a node.
struct AdminOptions: ParsableArguments {
    @Option(name: .customLong("admin"), help: "The node's admin API.")
    var url = "http://127.0.0.1:9901"

    @Flag(help: "Print the answer as JSON.")
    var json = false
}

/// Sends requests to the admin API.
struct AdminClient {
    let options: AdminOptions

    /// The body of a successful answer.
    ///
    /// - Throws: a failure with the exit code of design §6: 1 refused, 3 no quorum, 4 unknown outcome.
    func send(_ method: String, _ path: String, _ body: [String: JSONValue]? = nil) throws(Failure) -> [UInt8] {
        var request = HTTPRequest(method: method, path: path)
        if let body {
            guard let data = try? JSONEncoder().encode(body) else { throw Failure("cannot encode the request") }
            request.body = Array(data)
            request.fields.append(("Content-Type", "application/json"))
        }
        if method != "GET" { request.fields.append(("Idempotency-Key", Self.key())) }
        let response: HTTPResponse
        do {
            response = try BlockingHTTPClient.send(request, to: options.url)
        } catch .noAnswer(let reason) {
            throw Failure(reason, code: method == "GET" ? .refused : .unknownOutcome)
        } catch {
            throw Failure("\(error)\nIs `meridian run` running there? --admin URL names another node.")
        }
        if (200..<300).contains(response.status) { return response.body }
        throw Self.failure(response)
    }

    private static func failure(_ response: HTTPResponse) -> Failure {
        let problem = try? JSONDecoder().decode([String: JSONValue].self, from: Data(response.body))
        var detail = "the node answered \(response.status)"
        if case .text(let text)? = problem?["detail"] { detail = text }
        switch response.status {
        case 503: return Failure(detail, code: .noQuorum)
        case 504: return Failure(detail, code: .unknownOutcome)
        default: return Failure(detail)
        }
    }

    private static func key() -> String {
        (0..<2).map { _ in String(UInt64.random(in: 0...UInt64.max), radix: 16) }.joined()
    }

    /// A path segment with everything escaped that a segment may not hold.
    static func segment(_ text: String) -> String {
        text.utf8.reduce(into: "") { path, byte in
            let isPlain =
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || [0x2D, 0x2E, 0x5F, 0x7E, 0x3A].contains(byte)
            path += isPlain ? String(UnicodeScalar(byte)) : "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
    }
}

/// A flat value of a request's or problem's JSON.
enum JSONValue: Codable {
    case text(String)
    case number(Int)
    case flag(Bool)

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let flag = try? container.decode(Bool.self) {
            self = .flag(flag)
        } else if let number = try? container.decode(Int.self) {
            self = .number(number)
        } else {
            self = .text(try container.decode(String.self))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .text(let text): try container.encode(text)
        case .number(let number): try container.encode(number)
        case .flag(let flag): try container.encode(flag)
        }
    }
}

/// `SERVICE DC` or `SERVICE DC/ENDPOINT` as a path of the API.
func targetPath(_ service: String, _ place: String) -> String {
    let parts = place.split(separator: "/", maxSplits: 1).map(String.init)
    var path = "/v1/services/\(AdminClient.segment(service))/datacenters/\(AdminClient.segment(parts.first ?? ""))"
    if parts.count == 2 { path += "/endpoints/\(AdminClient.segment(parts[1]))" }
    return path
}
