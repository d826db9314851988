// Owns server-sent events (WHATWG HTML section 9.2): writing them to a slow or gone client, and reading them.
public import Proactor
internal import Topology

/// One event.
public struct ServerSentEvent: Hashable, Sendable {
    /// The event's type; nil: `message`.
    public var event: String?
    public var id: String?
    /// Lines separated by LF.
    public var data: String

    public init(data: String, event: String? = nil, id: String? = nil) {
        self.data = data
        self.event = event
        self.id = id
    }

    /// The event as it is sent.
    public var bytes: [UInt8] {
        var text = ""
        // A line break inside a name would begin another field.
        if let event { text += "event: \(Self.lines(event).joined(separator: " "))\n" }
        if let id { text += "id: \(Self.lines(id).joined(separator: " "))\n" }
        for line in Self.lines(data) { text += "data: \(line)\n" }
        return Array((text + "\n").utf8)
    }

    private static func lines(_ text: String) -> [Substring] {
        // CR LF is one Character, so it is one break, as the standard wants it.
        text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r" || $0 == "\r\n" }
    }
}

/// Sends events to one client, with a heartbeat that finds out when it has gone.
public final class ServerSentEventWriter: TimerHandler {
    private let writer: HTTPBodyWriter
    private let loop: EventLoop
    private let heartbeat: Duration
    private var timer: LoopTimer?

    /// Answers the request with a stream of events. Hold it as long as there is something to send.
    ///
    /// - Parameters:
    ///   - queueLimit: bytes that may wait for a slow client; it is cut off beyond, to come back with `Last-Event-ID`.
    ///   - onClose: called once when the client has gone or was cut off.
    public init(
        _ responder: HTTPResponder, loop: EventLoop, heartbeat: Duration = .seconds(15), queueLimit: Int = 1 << 20,
        onClose: @escaping () -> Void
    ) {
        self.loop = loop
        self.heartbeat = heartbeat
        let fields = [
            ("Content-Type", "text/event-stream"), ("Cache-Control", "no-store"), ("X-Accel-Buffering", "no"),
        ]
        writer = responder.stream(HTTPResponse(status: 200, fields: fields), queueLimit: queueLimit)
        writer.onClose = { [weak self] in
            self?.stopTimer()
            onClose()
        }
        guard writer.isOpen else { return }
        let timer = loop.makeTimer(WeakTimerHandler(self))
        self.timer = timer
        timer.set(loop.now + heartbeat)
    }

    deinit { timer?.invalidate() }

    /// Whether the client is there.
    public var isOpen: Bool { writer.isOpen }

    /// Sends an event.
    ///
    /// - Returns: whether the client will get it; false once it has gone.
    @discardableResult
    public func send(_ event: ServerSentEvent) -> Bool { write(event.bytes) }

    /// Ends the answer.
    public func end() {
        stopTimer()
        writer.end()
    }

    public func timerExpired(_ timer: LoopTimer) {
        // A comment: readers ignore it.
        if write([0x3A, 0x0A, 0x0A]) { timer.set(loop.now + heartbeat) }
    }

    private func write(_ bytes: [UInt8]) -> Bool {
        switch writer.write(bytes) {
        case .accepted: return true
        case .closed: return false
        case .full:
            let onClose = writer.onClose
            writer.abort()
            onClose?()
            return false
        }
    }

    private func stopTimer() {
        timer?.invalidate()
        timer = nil
    }
}

/// Lets a timer not hold its owner, who may be let go without a word.
private final class WeakTimerHandler: TimerHandler {
    private weak var handler: ServerSentEventWriter?
    init(_ handler: ServerSentEventWriter) { self.handler = handler }
    func timerExpired(_ timer: LoopTimer) { handler?.timerExpired(timer) }
}

/// Reads events from pieces of any size.
public struct ServerSentEventParser: Sendable {
    /// The most bytes of one event; what is longer is cut.
    public static let limit = 1 << 20

    private var line: [UInt8] = []
    private var data: [UInt8] = []
    private var hasData = false
    private var event: String?
    private var id: String?
    private var skipsLineFeed = false

    public init() {}

    /// Takes a piece.
    ///
    /// - Returns: the events that it completed.
    public mutating func take(_ bytes: [UInt8]) -> [ServerSentEvent] {
        var events: [ServerSentEvent] = []
        for byte in bytes {
            if byte == 0x0A, skipsLineFeed {
                skipsLineFeed = false
                continue
            }
            skipsLineFeed = byte == 0x0D
            if byte == 0x0A || byte == 0x0D {
                if let event = endLine() { events.append(event) }
            } else if line.count < Self.limit {
                line.append(byte)
            }
        }
        return events
    }

    private mutating func endLine() -> ServerSentEvent? {
        defer { line.removeAll(keepingCapacity: true) }
        guard !line.isEmpty else { return endEvent() }
        let colon = line.firstIndex(of: 0x3A) ?? line.count
        var value = line.dropFirst(colon + 1)
        if value.first == 0x20 { value = value.dropFirst() }
        switch String(decoding: line[..<colon], as: UTF8.self) {
        case "data":
            if hasData { data.append(0x0A) }
            hasData = true
            data += value.prefix(max(0, Self.limit - data.count))
        case "event": event = String(decoding: value, as: UTF8.self)
        case "id": id = String(decoding: value, as: UTF8.self)
        default: break
        }
        return nil
    }

    private mutating func endEvent() -> ServerSentEvent? {
        defer {
            data = []
            hasData = false
            event = nil
        }
        // The last id stays in force for the events that follow it; one without data is no event.
        return hasData ? ServerSentEvent(data: String(decoding: data, as: UTF8.self), event: event, id: id) : nil
    }
}
