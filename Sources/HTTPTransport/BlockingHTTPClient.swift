// Owns one request at a time from a program that has nothing else to do: the command line.
internal import HTTPWire
internal import Proactor
internal import Topology

/// Why a request got no answer.
public enum HTTPClientError: Error, Sendable, CustomStringConvertible {
    case badURL(String)
    /// Nothing was sent.
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
    /// Sends one request.
    ///
    /// - Parameters:
    ///   - base: `http://host:port`.
    ///   - timeout: for the whole of it.
    public static func send(
        _ request: HTTPRequest, to base: String, timeout: Duration = .seconds(30)
    ) throws(HTTPClientError) -> HTTPResponse {
        guard let authority = authority(of: base), let address = Address(authority) else { throw .badURL(base) }
        let outcome: Result<HTTPResponse, HTTPClientError>
        do throws(SystemError) {
            guard let socket = try SocketAddress.resolve(address).first else {
                throw SystemError(code: 99, action: "resolve \(authority)")
            }
            let loop = try EventLoop(io: .epoll, buffers: .modest)
            let call = Call(loop, request, authority)
            try call.start(socket)
            let deadline = EventLoop.clock() + timeout
            while call.result == nil, EventLoop.clock() < deadline { loop.turn(limit: .milliseconds(100)) }
            outcome = call.finish()
            loop.turn(limit: .zero)
        } catch {
            outcome = .failure(.unreachable("cannot reach \(base): \(error.reason)"))
        }
        return try outcome.get()
    }

    private static func authority(of base: String) -> String? {
        guard base.hasPrefix("http://") else { return nil }
        let rest = base.dropFirst(7)
        let authority = rest.prefix { $0 != "/" }
        guard !authority.isEmpty else { return nil }
        return authority.contains(":") ? String(authority) : "\(authority):80"
    }
}

/// One request under way.
private final class Call: StreamHandler {
    private let loop: EventLoop
    private let request: HTTPRequest
    private let authority: String
    private var stream: Stream?
    private var isConnected = false
    private var input: [UInt8] = []
    private let head = ResponseHead()
    private var collector: BodyCollector?
    private var response = HTTPResponse(status: 0)
    private(set) var result: Result<HTTPResponse, HTTPClientError>?

    init(_ loop: EventLoop, _ request: HTTPRequest, _ authority: String) {
        self.loop = loop
        self.request = request
        self.authority = authority
    }

    func start(_ address: SocketAddress) throws(SystemError) { stream = try loop.connect(to: address, handler: self) }

    /// Closes the connection.
    func finish() -> Result<HTTPResponse, HTTPClientError> {
        stream?.close()
        stream = nil
        if let result { return result }
        return .failure(
            isConnected
                ? .noAnswer("no answer from \(authority) in time")
                : .unreachable("cannot connect to \(authority) in time"))
    }

    func streamConnected(_ stream: Stream) {
        isConnected = true
        let target = request.query.isEmpty ? request.path : "\(request.path)?\(request.query)"
        var text = "\(request.method) \(target) HTTP/1.1\r\nHost: \(authority)\r\nConnection: close\r\n"
        for field in request.fields { text += "\(field.name): \(field.value)\r\n" }
        if !request.body.isEmpty || request.method != "GET" { text += "Content-Length: \(request.body.count)\r\n" }
        let bytes = Array((text + "\r\n").utf8) + request.body
        var start = 0
        while start < bytes.count {
            var buffer = loop.allocate(bytes.count - start)
            start += buffer.append(bytes.span.extracting(start..<bytes.count))
            stream.send(buffer)
        }
        stream.receiveContinuously()
    }

    func stream(_ stream: Stream, received buffer: LoopBuffer) {
        let bytes = buffer.bytes
        for index in bytes.indices { input.append(bytes[index]) }
        loop.giveBack(buffer)
        read()
    }

    private func read() {
        guard result == nil else { return }
        if collector == nil {
            let method: RequestMethod = request.method == "HEAD" ? .head : .get
            let bytes = input
            switch ResponseHeadParser().parse(bytes.span, method: method, lenient: false, into: head) {
            case .needMore: return
            case .failed(let error):
                result = .failure(.noAnswer("\(authority) answered with a malformed head: \(error.reason)"))
                return
            case .complete(let length):
                response = HTTPResponse(status: head.status, fields: head.fields.texts(input))
                input.removeFirst(length)
                if head.isInformational {
                    head.reset()
                    read()
                    return
                }
                collector = BodyCollector(head.framing, limit: 64 << 20)
            }
        }
        let bytes = input
        switch collector?.take(bytes.span) {
        case .complete: complete()
        case .tooLarge, .malformed: result = .failure(.noAnswer("\(authority) answered with a malformed body"))
        default: input = []
        }
    }

    private func complete() {
        response.body = collector?.body ?? []
        result = .success(response)
    }

    func streamEnded(_ stream: Stream) {
        if collector != nil, head.framing == .untilClose { complete() }
        if result == nil { result = .failure(.noAnswer("\(authority) closed the connection without a whole answer")) }
    }

    func stream(_ stream: Stream, sent count: Int) {}

    func stream(_ stream: Stream, failed failure: StreamFailure) {
        guard result == nil else { return }
        result = .failure(
            isConnected
                ? .noAnswer("the connection to \(authority) broke: \(failure)")
                : .unreachable("cannot connect to \(authority): \(failure)"))
    }
}
