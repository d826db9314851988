// Owns requests from a program that has nothing else to do meanwhile: the command line.
internal import Proactor
internal import Topology

/// Why a request from the command line got no answer.
public enum HTTPClientError: Error, Sendable, CustomStringConvertible {
    case badURL(String)
    /// Nothing was sent: certainly without effect.
    case unreachable(String)
    /// The request may have been acted on: no answer came.
    case noAnswer(String)

    public var description: String {
        switch self {
        case .badURL(let url): "not an http://host:port address: \(url)"
        case .unreachable(let reason), .noAnswer(let reason): reason
        }
    }
}

/// Sends requests and waits for their answers, on a loop of its own on the calling thread.
public enum BlockingHTTPClient {
    /// Sends one request to a path of a server.
    ///
    /// - Parameters:
    ///   - request: its path and query are used, not those of `base`.
    ///   - base: `http://host:port`.
    ///   - timeout: for the whole of it, but for the name service.
    public static func send(
        _ request: HTTPRequest, to base: String, timeout: Duration = .seconds(30)
    ) throws(HTTPClientError) -> HTTPResponse {
        guard let url = HTTPURL(base) else { throw .badURL(base) }
        let answer = Answer()
        let limits = HTTPClientExchange.Limits(whole: timeout)
        try run(
            request, url, limits, head: { answer.response = $0 },
            body: {
                answer.response.body += $0; return true
            })
        return answer.response
    }

    /// Sends one request to a URL.
    public static func request(
        _ method: String = "GET", _ url: String, fields: [(name: String, value: String)] = [], body: [UInt8] = [],
        timeout: Duration = .seconds(30)
    ) throws(HTTPClientError) -> HTTPResponse {
        guard let parsed = HTTPURL(url) else { throw .badURL(url) }
        let request = HTTPRequest(method: method, path: parsed.path, query: parsed.query, fields: fields, body: body)
        return try send(request, to: "http://\(parsed.authority)", timeout: timeout)
    }

    /// Follows an answer that does not end, such as server-sent events.
    ///
    /// - Parameters:
    ///   - silence: the longest time without a byte from the server; its heartbeats count.
    ///   - body: takes each piece of the body as it comes; false ends the connection.
    /// - Returns: the answer's head; its body is empty. Once the server ended the answer, or `body` did.
    @discardableResult
    public static func follow(
        _ request: HTTPRequest, to base: String, silence: Duration = .seconds(60),
        head: (HTTPResponse) -> Void = { _ in },
        body: ([UInt8]) -> Bool
    ) throws(HTTPClientError) -> HTTPResponse {
        guard let url = HTTPURL(base) else { throw .badURL(base) }
        var limits = HTTPClientExchange.Limits(whole: nil, silence: silence)
        limits.body = .max
        let answer = Answer()
        try run(
            request, url, limits,
            head: {
                answer.response = $0
                head($0)
            }, body: body)
        return answer.response
    }

    /// Follows server-sent events: `event` is called for each; false ends the connection.
    ///
    /// - Returns: the answer's head; with another status than 200 there were no events, and the body is its text.
    @discardableResult
    public static func followEvents(
        _ request: HTTPRequest, to base: String, silence: Duration = .seconds(60),
        event: (ServerSentEvent) -> Bool
    ) throws(HTTPClientError) -> HTTPResponse {
        var parser = ServerSentEventParser()
        var status = 0
        var text: [UInt8] = []
        var response = try follow(request, to: base, silence: silence, head: { status = $0.status }) { piece in
            guard status == 200 else {
                text += piece.prefix((1 << 20) - text.count)
                return true
            }
            return parser.take(piece).allSatisfy(event)
        }
        response.body = text
        return response
    }

    /// Tries each address of the host until one can be connected to.
    private static func run(
        _ request: HTTPRequest, _ url: HTTPURL, _ limits: HTTPClientExchange.Limits, head: (HTTPResponse) -> Void,
        body: ([UInt8]) -> Bool
    ) throws(HTTPClientError) {
        var last = "no address for \(url.authority)"
        for address in try resolve(url) {
            guard let failure = try exchange(request, url, address, limits, head, body) else { return }
            last = "cannot reach http://\(url.authority) (\(address)): \(failure)"
            if failure.mayHaveBeenProcessed { throw .noAnswer("http://\(url.authority): \(failure)") }
            if failure == .badRequest { break }
        }
        throw .unreachable(last)
    }

    private static func resolve(_ url: HTTPURL) throws(HTTPClientError) -> [SocketAddress] {
        do throws(SystemError) {
            return try SocketAddress.resolve(url.address)
        } catch {
            throw .unreachable("\(error)")
        }
    }

    /// One exchange with one address.
    ///
    /// - Returns: nil when the answer is whole, or `body` wanted no more of it.
    private static func exchange(
        _ request: HTTPRequest, _ url: HTTPURL, _ address: SocketAddress, _ limits: HTTPClientExchange.Limits,
        _ head: (HTTPResponse) -> Void, _ body: ([UInt8]) -> Bool
    ) throws(HTTPClientError) -> HTTPFailure? {
        let loop: EventLoop
        do throws(SystemError) { loop = try EventLoop(io: .epoll, buffers: .modest) } catch {
            throw .unreachable("\(error)")
        }
        // The exchange's closures outlive this call by type, so they only note what the loop below passes on.
        let news = News()
        var events = HTTPClientExchange.Events { news.outcome = .some($0) }
        events.head = { news.head = $0 }
        events.body = { news.pieces.append($0) }
        var request = request
        request.authority = url.authority
        let exchange = HTTPClientExchange(loop, request, limits: limits, events: events)
        exchange.start(address)
        var isWanted = true
        while true {
            loop.turn()
            if let answer = news.takeHead() { head(answer) }
            for piece in news.takePieces() where isWanted { isWanted = body(piece) }
            if news.outcome != nil || !isWanted { break }
        }
        exchange.cancel()
        // Lets the loop see its descriptors off.
        loop.turn(limit: .zero)
        return isWanted ? news.outcome ?? nil : nil
    }
}

/// What an exchange has told since it was last asked.
private final class News {
    var head: HTTPResponse?
    var pieces: [[UInt8]] = []
    var outcome: HTTPFailure??

    func takeHead() -> HTTPResponse? {
        defer { head = nil }
        return head
    }

    func takePieces() -> [[UInt8]] {
        defer { pieces = [] }
        return pieces
    }
}
