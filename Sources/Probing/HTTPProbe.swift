// Owns the check that asks a question: its request, and how the answer is judged.
internal import HTTPTransport
internal import Health
internal import Proactor
internal import Topology

/// Sends one request on a connection of its own and decides as soon as enough of the answer has come. The rest is read all
/// the same, for as long again as the check may take, so that the backend sees a client that goes in the ordinary way.
final class HTTPProbe: Probe {
    /// The most of a body that is searched for the expected text.
    static let bodyLimit = 64 << 10
    /// How long the backend is given to close first, which it does at once if it heeds `Connection: close`.
    private static let closing = Duration.milliseconds(50)

    private let loop: EventLoop
    private let check: HTTPCheck
    private let request: HTTPRequest
    private let timeout: Duration
    private let expected: [UInt8]
    private var exchange: HTTPClientExchange?
    private var done: ((ProbeOutcome, Duration?) -> Void)?
    private var began = Tick.zero
    private var connectTime: Duration?
    private var body: [UInt8] = []

    init(_ loop: EventLoop, _ check: HTTPCheck, of address: Address, timeout: Duration) {
        self.loop = loop
        self.check = check
        self.timeout = timeout
        expected = Array((check.bodyContains ?? "").utf8)
        let parts = check.path.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        request = HTTPRequest(
            method: check.method, path: parts[0].isEmpty ? "/" : String(parts[0]),
            query: parts.count > 1 ? String(parts[1]) : "",
            fields: [("User-Agent", "meridian-check"), ("Accept", "*/*")],
            authority: check.host ?? Self.host(of: address))
    }

    private static func host(of address: Address) -> String {
        if case .unix = address { "localhost" } else { address.description }
    }

    func start(_ address: SocketAddress, done: @escaping (ProbeOutcome, Duration?) -> Void) {
        self.done = done
        began = MonotonicClock.now
        var limits = HTTPClientExchange.Limits(whole: timeout)
        limits.body = 2 * Self.bodyLimit
        limits.closing = Self.closing
        limits.isLenient = true
        // The exchange lives as long as its connection, so it holds the probe.
        var events = HTTPClientExchange.Events { [self] in finished($0) }
        events.connected = { [self] in connectTime = MonotonicClock.now - began }
        events.head = { [self] in judge($0.status) }
        events.body = { [self] in search($0) }
        let exchange = HTTPClientExchange(loop, request, limits: limits, events: events)
        self.exchange = exchange
        exchange.start(address)
    }

    func cancel() {
        done = nil
        exchange?.cancel()
        exchange = nil
    }

    private func conclude(_ outcome: ProbeOutcome) {
        guard let done else { return }
        self.done = nil
        done(outcome, connectTime)
    }

    private func judge(_ status: Int) {
        if !check.expectedStatuses.contains(where: { $0.contains(status) }) {
            conclude(.failure(.status(status)))
        } else if expected.isEmpty {
            conclude(.verdict(.success))
        }
    }

    /// Looks for the text in what is new, and in as much of the old as the text may have begun in.
    private func search(_ piece: [UInt8]) {
        guard done != nil else { return }
        let from = max(0, body.count - expected.count + 1)
        body += piece.prefix(Self.bodyLimit - body.count)
        if Self.contains(expected, in: body[from...]) {
            conclude(.verdict(.success))
        } else if body.count >= Self.bodyLimit {
            conclude(.failure(.bodyMismatch))
        }
    }

    private static func contains(_ text: [UInt8], in bytes: ArraySlice<UInt8>) -> Bool {
        guard let first = text.first, bytes.count >= text.count else { return text.isEmpty }
        for index in bytes.startIndex...(bytes.endIndex - text.count)
        where bytes[index] == first && bytes[index..<(index + text.count)].elementsEqual(text) { return true }
        return false
    }

    private func finished(_ failure: HTTPFailure?) {
        // What the peer does with its connection from now on is nobody's concern, but for a cancel of the whole.
        if failure != nil { exchange = nil }
        // A whole answer that was not judged yet lacks the text.
        conclude(failure.map { ProbeOutcome($0) } ?? .failure(.bodyMismatch))
    }
}
