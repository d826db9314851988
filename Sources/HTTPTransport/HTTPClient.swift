// Owns requests of ours on a loop that want a whole answer: bounded in number, time and size.
public import Proactor
internal import Topology

/// Sends requests, each on a connection of its own. Belongs to its loop's thread.
public final class HTTPClient {
    private let loop: EventLoop
    private let concurrency: Int
    private var running = 0

    /// - Parameter concurrency: the most exchanges at a time; one more fails with `.tooMany`.
    public init(loop: EventLoop, concurrency: Int = 256) {
        self.loop = loop
        self.concurrency = concurrency
    }

    /// Sends one request.
    ///
    /// - Parameters:
    ///   - request: without an `authority` it gets the address as one.
    ///   - timeout: for the whole exchange, the connect counted in.
    ///   - bodyLimit: bytes of the answer's body.
    ///   - completion: called exactly once, on the loop's thread, never from inside this call.
    public func send(
        _ request: HTTPRequest, to address: SocketAddress, timeout: Duration = .seconds(10), bodyLimit: Int = 1 << 20,
        completion: @escaping (Result<HTTPResponse, HTTPFailure>) -> Void
    ) {
        guard running < concurrency else {
            loop.atEndOfTurn { completion(.failure(.tooMany)) }
            return
        }
        running += 1
        var request = request
        if request.authority.isEmpty { request.authority = HTTPURL.authority(of: address) }
        var limits = HTTPClientExchange.Limits(whole: timeout)
        limits.body = bodyLimit
        // The events hold the client until the exchange is over, and the stream and the timer hold the exchange.
        let answer = Answer()
        var events = HTTPClientExchange.Events { [self] failure in
            running -= 1
            completion(failure.map { .failure($0) } ?? .success(answer.response))
        }
        events.head = { answer.response = $0 }
        events.body = { answer.response.body += $0 }
        HTTPClientExchange(loop, request, limits: limits, events: events).start(address)
    }
}

/// An answer that is being collected.
final class Answer {
    var response = HTTPResponse(status: 0)
}
