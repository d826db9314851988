// Owns load on the proxy: clients that send one request after the other, and remember how each ended.
import Foundation
import Synchronization

/// What became of all requests of a load.
struct Tally: Sendable {
    struct Answer: Sendable {
        let body: String
        let status: Int
        let began: ContinuousClock.Instant
        let ended: ContinuousClock.Instant
    }

    var answers: [Answer] = []
    /// Requests that got no whole answer, and why.
    var failures: [String] = []
    /// Kept connections that the proxy closed before a byte of the next answer: clients send such a request again
    /// (RFC 9112 section 9.3.1).
    var reopened = 0

    /// Answers by body.
    var shares: [String: Int] { answers.reduce(into: [:]) { $0[$1.body, default: 0] += 1 } }
    var statuses: [Int: Int] { answers.reduce(into: [:]) { $0[$1.status, default: 0] += 1 } }

    mutating func add(_ other: Tally) {
        answers += other.answers
        failures += other.failures
        reopened += other.reopened
    }
}

/// Clients on threads of their own.
final class Load: Sendable {
    struct Options: Sendable {
        var method = "GET"
        var path = "/"
        /// Lines of the head, each with its line end; `#` stands for the number of the request.
        var fields = ""
        var host = "shop.example.com"
        var connections = 8
        /// How many requests in all; nil: until it is stopped.
        var requests: Int?
        /// Whether each request has a connection of its own.
        var opensEach = false
        /// A pause after each answer.
        var pause = Duration.zero
    }

    private let clients: Clients

    /// Begins to send.
    init(_ port: UInt16, _ options: Options = Options()) {
        let clients = Clients(port, options)
        self.clients = clients
        for _ in 0..<options.connections { Thread.detachNewThread { clients.run() } }
    }

    deinit { clients.stop() }

    /// Sends a number of requests, and waits for all answers.
    static func run(
        _ requests: Int, to port: UInt16, _ options: Options = Options(), within limit: Duration = .seconds(60)
    ) throws -> Tally {
        var options = options
        options.requests = requests
        return try Load(port, options).result(within: limit)
    }

    /// How many answers there are so far.
    var count: Int { clients.count }

    /// Waits for so many more answers.
    func progress(by more: Int, within limit: Duration = .seconds(20)) throws {
        let target = count + more
        try eventually("\(more) more answers", within: limit) { count >= target }
    }

    /// Lets the clients finish what they began.
    func stop(within limit: Duration = .seconds(40)) throws -> Tally {
        clients.stop()
        return try result(within: limit)
    }

    /// Waits for the end of what has an end.
    func result(within limit: Duration = .seconds(60)) throws -> Tally {
        try eventually("end of the load", within: limit) { clients.areDone }
        return clients.tally
    }
}

/// What the threads of a load share; it outlives the load until they end.
private final class Clients: Sendable {
    private let port: UInt16
    private let options: Load.Options
    private let tallies = Shared<[Tally]>([])
    private let state = Mutex((begun: 0, isStopped: false, done: 0, finished: 0))

    init(_ port: UInt16, _ options: Load.Options) {
        self.port = port
        self.options = options
    }

    var count: Int { state.withLock { $0.done } }
    var areDone: Bool { state.withLock { $0.finished } == options.connections }
    var tally: Tally { tallies.value.reduce(into: Tally()) { $0.add($1) } }
    func stop() { state.withLock { $0.isStopped = true } }

    /// The number of the next request; nil when there is none.
    private func next() -> Int? {
        state.withLock { state in
            guard !state.isStopped, state.begun < options.requests ?? .max else { return nil }
            state.begun += 1
            return state.begun
        }
    }

    /// One client's life.
    func run() {
        var tally = Tally()
        var connection: Connection?
        while let number = next() {
            do {
                connection = try exchange(number, connection, &tally)
            } catch {
                tally.failures.append("\(error)")
                connection = nil
                // A refused client does not turn into a busy loop.
                usleep(2_000)
            }
            state.withLock { $0.done += 1 }
            if options.pause > .zero { usleep(UInt32(options.pause / .microseconds(1))) }
        }
        tallies.update { $0.append(tally) }
        state.withLock { $0.finished += 1 }
    }

    /// - Returns: the connection if it can be used again.
    private func exchange(_ number: Int, _ kept: Connection?, _ tally: inout Tally) throws -> Connection? {
        let fields =
            options.fields.replacing("#", with: "\(number)") + (options.opensEach ? "Connection: close\r\n" : "")
        let request = "\(options.method) \(options.path) HTTP/1.1\r\nHost: \(options.host)\r\n\(fields)\r\n"
        let began = ContinuousClock.now
        var connection = try kept ?? Connection(port)
        var first: [UInt8]
        do {
            try connection.send(request)
            first = try connection.receive()
        } catch SocketError.reset where kept != nil {
            first = []
        }
        if first.isEmpty, kept != nil {
            tally.reopened += 1
            connection = try Connection(port)
            try connection.send(request)
            first = try connection.receive()
        }
        guard !first.isEmpty else { throw SocketError.closedEarly }
        connection.unread(first)
        let response = try connection.receiveResponse()
        tally.answers.append(
            Tally.Answer(body: response.text, status: response.status, began: began, ended: ContinuousClock.now))
        return options.opensEach || response["connection"]?.lowercased() == "close" ? nil : connection
    }
}
