// Owns how commands talk to a node: one request, one answer, and exit codes that follow from it.
internal import Admin
internal import ArgumentParser
internal import Glibc
internal import HTTPTransport
internal import Settings

/// The options of every command that talks to a node.
struct AdminOptions: ParsableArguments {
    @Option(name: .customLong("admin"), help: "The node's admin API; /openapi.json there describes it.")
    var url = "http://127.0.0.1:9901"

    @Option(help: "The file with the token that the node's `admin.token_file` names.")
    var tokenFile: String?

    @Option(
        name: .customLong("as"), help: "Who asks, for the record of changes. Default: the user's login name.")
    var author: String?

    @Option(
        help: "How long to wait for the answer, such as 2s. Default: 10s, and 30s for changes.",
        transform: { text in
            guard let time = DurationText.read(text), time > .zero else {
                throw ValidationError("'\(text)' is no time such as 2s")
            }
            return time
        })
    var timeout: Duration?

    @Flag(help: "Print the answer as JSON.")
    var json = false
}

/// The option of commands that the group remembers by their key, so that a repeated request acts only once.
struct RetryOptions: ParsableArguments {
    @Option(help: "Ask again under this key, which a try of unknown outcome printed: nothing is done twice.")
    var idempotencyKey: String?

    func validate() throws {
        guard let key = idempotencyKey else { return }
        guard (1...128).contains(key.utf8.count), key.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw ValidationError("--idempotency-key is 1-128 printable characters without blanks")
        }
    }
}

/// Sends requests to the admin API.
struct AdminClient {
    let options: AdminOptions

    /// The body of a successful answer.
    ///
    /// - Parameter retry: for a command that may be repeated under its key; nil for all others.
    /// - Throws: a failure with its exit code: 1 refused, 3 no quorum, 4 unknown outcome.
    func send(
        _ method: String, _ path: String, _ body: (any Encodable)? = nil, retry: RetryOptions? = nil
    ) throws(Failure) -> [UInt8] {
        var request = try request(method, path)
        if let body {
            guard let bytes = DocumentForm.encode(body) else { throw Failure("cannot encode the request") }
            request.body = bytes
            request.fields.append(("Content-Type", "application/json"))
        }
        var keys = FreshKeys()
        let key = retry?.idempotencyKey ?? keys.next()
        // An intermediary that repeats the request does no harm.
        if method != "GET" { request.fields.append(("Idempotency-Key", key)) }
        if method != "GET", let author = options.author ?? Self.loginName {
            request.fields.append(("Meridian-Author", author))
        }
        let response: HTTPResponse
        do {
            // A change may have to wait for its switch, or until a new voter has caught up.
            let timeout = options.timeout ?? (method == "GET" ? .seconds(10) : .seconds(30))
            response = try BlockingHTTPClient.send(request, to: options.url, timeout: timeout)
        } catch {
            throw Self.naming(key, in: Self.failure(error, changes: method != "GET"), if: retry != nil)
        }
        guard (200..<300).contains(response.status) else {
            throw Self.naming(key, in: Self.failure(response), if: retry != nil)
        }
        return response.body
    }

    /// A failure with unknown outcome says how to ask again, if that is possible without acting twice.
    static func naming(_ key: String, in failure: Failure, if isRetryable: Bool) -> Failure {
        guard isRetryable, failure.code == .unknownOutcome else { return failure }
        let advice = "the same command with --idempotency-key \(key) asks again, and does nothing twice"
        return Failure(failure.message + "\n" + advice, code: failure.code)
    }

    /// Follows events until the node ends them, or `event` does.
    func follow(_ path: String, event: (ServerSentEvent) -> Bool) throws(Failure) {
        var request = try request("GET", path)
        request.fields.append(("Accept", "text/event-stream"))
        let response: HTTPResponse
        do {
            response = try BlockingHTTPClient.followEvents(request, to: options.url, event: event)
        } catch {
            throw Self.failure(error, changes: false)
        }
        guard response.status == 200 else { throw Self.failure(response) }
    }

    private func request(_ method: String, _ target: String) throws(Failure) -> HTTPRequest {
        let parts = target.split(separator: "?", maxSplits: 1)
        var request = HTTPRequest(
            method: method, path: String(parts[0]), query: parts.count > 1 ? String(parts[1]) : "")
        if let path = options.tokenFile {
            guard let bytes = SmallFile.bytes(of: path, limit: 4_096), let line = bytes.split(separator: 0x0A).first
            else { throw Failure("--token-file \(path) cannot be read, or is empty") }
            request.fields.append(("Authorization", "Bearer " + String(decoding: line, as: UTF8.self)))
        }
        return request
    }

    private static func failure(_ error: HTTPClientError, changes: Bool) -> Failure {
        switch error {
        case .badURL: Failure("--admin is \(error)", code: .usage)
        case .unreachable: Failure("\(error)\nIs `meridian run` running there? --admin URL names another node.")
        case .noAnswer: Failure("\(error)", code: changes ? .unknownOutcome : .refused)
        }
    }

    static func failure(_ response: HTTPResponse) -> Failure {
        let problem = try? decode(Problem.self, response.body)
        // With the lines of the file that they quote.
        let excerpts = try? decode(Problem.self, response.body, keepsLines: true).problems
        let detail = problem?.detail ?? "the node answered \(response.status)"
        let message = ((excerpts ?? []) + [detail]).joined(separator: "\n")
        switch response.status {
        case 503: return Failure(message, code: .noQuorum)
        case 504: return Failure(message, code: .unknownOutcome)
        default: return Failure(message)
        }
    }

    /// nil if there is none that the API would accept.
    private static var loginName: String? {
        guard let entry = getpwuid(geteuid()), let text = entry.pointee.pw_name else { return nil }
        let name = String(cString: text)
        let isFit = (1...64).contains(name.utf8.count) && name.utf8.allSatisfy { (0x21...0x7E).contains($0) }
        return isFit ? name : nil
    }
}

/// `SERVICE DC` or `SERVICE DC/ENDPOINT` as a path of the API.
func targetPath(_ service: String, _ place: String) throws(Failure) -> String {
    let parts = place.split(separator: "/", maxSplits: 1).map(String.init)
    guard let datacenter = parts.first, !service.isEmpty else {
        throw Failure("a service and a datacenter are needed, such as `shop eu-west`", code: .usage)
    }
    var path = "\(servicePath(service))/datacenters/\(PercentEncoding.encode(datacenter))"
    if parts.count == 2 { path += "/endpoints/\(PercentEncoding.encode(parts[1]))" }
    return path
}

/// A service as a path of the API.
func servicePath(_ service: String) -> String { "/v1/services/\(PercentEncoding.encode(service))" }

/// Decodes an answer of the API; its texts may be printed.
///
/// - Parameter keepsLines: whether ends of lines in its texts stay.
func decode<Value: Decodable>(
    _ type: Value.Type, _ bytes: [UInt8], keepsLines: Bool = false
) throws(Failure) -> Value {
    do {
        return try DocumentForm.decode(type, VisibleText.documentOfVisibleTexts(bytes, keepsLines: keepsLines))
    } catch {
        throw Failure("the node's answer is not understood; is it another version?")
    }
}

/// Prints the answer as JSON if that was requested, otherwise the sentence.
func report(_ answer: [UInt8], _ options: AdminOptions, _ sentence: String) {
    print(options.json ? VisibleText.ofJSON(answer) : sentence, terminator: options.json ? "" : "\n")
}
