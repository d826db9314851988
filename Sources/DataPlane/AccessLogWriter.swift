// Owns one worker's log lines: noted when the request begins, formatted when it ends, handed over in blocks.
internal import Balancing
internal import CLinux
internal import Catalog
internal import HTTPWire
internal import Proactor
internal import Proxying
internal import Routing
internal import Synchronization
internal import Topology

/// Formats lines for one worker, into its block, which goes to the log's thread when it is half full or 100 ms old: a
/// wake-up a line would cost more than the line.
final class AccessLogWriter: TimerHandler {
    /// How long a line waits at most before it is handed over.
    static let flushDelay: Int64 = 100_000_000

    private let log: AccessLog
    private let loop: EventLoop
    /// Where lines go; nil: nothing is logged for now.
    private var target: AccessLogTarget?
    private var block = AccessLogBlock()
    /// For requests that are refused before there is an exchange.
    private var refusedNote = AccessLogNote()
    private var timer: LoopTimer?
    private var clock = WallClock()
    private var stamp: AccessLogTime

    init(_ log: AccessLog, _ loop: EventLoop) {
        self.log = log
        self.loop = loop
        target = log.target
        stamp = AccessLogTime(target?.format ?? .combined)
        timer = loop.makeTimer(self)
    }

    /// Sends lines elsewhere from now on, or nowhere; those that were formatted go where they belong.
    func use(_ target: AccessLogTarget?) {
        flush()
        self.target = target
        stamp = AccessLogTime(target?.format ?? .combined)
    }

    /// Keeps what the line will show of a head at the beginning of `bytes`.
    func note(
        _ client: borrowing PeerText, _ listener: ListenerName, _ id: RequestID, _ head: RequestHead,
        _ bytes: Span<UInt8>, in note: inout AccessLogNote
    ) {
        guard target != nil else { return }
        note.take(client: client.span, listener: listener, requestID: id.span(in: bytes), head, bytes)
    }

    /// Logs a connection that was refused, or cut, outside of any exchange.
    func refused(_ peer: IPAddress?, _ listener: ListenerName, _ id: RequestID, status: Int, reason: StaticString) {
        let client = PeerText(peer)
        refusedNote.take(client: client.span, listener: listener, requestID: id.span(in: Span()))
        write(AccessLogFields(note: refusedNote, status: status, reason: reason))
    }

    /// Logs a finished exchange.
    func finished(_ exchange: Exchange) {
        let core = exchange.core
        var fields = AccessLogFields(note: exchange.logged)
        fields.route = exchange.message.route
        fields.attempts = core.request.attempts
        fields.status = core.response.status
        fields.bytesIn = core.request.bytes
        fields.bytesOut = core.response.bytes
        fields.reason = exchange.message.reason
        if let service = exchange.service {
            fields.service = service.routing.name.text
            if let epoch = exchange.message.epoch { fields.epoch = Int(epoch.count) }
        }
        if let last = exchange.lastEndpoint {
            fields.datacenter = last.datacenterName
            fields.endpoint = last.name
        }
        fields.queue = Self.microseconds(core.request.began, core.attempt.began)
        fields.connect = Self.microseconds(core.attempt.began, core.attempt.connected)
        fields.firstByte = Self.microseconds(core.attempt.connected, core.attempt.firstByte)
        fields.total = Self.microseconds(core.request.began, loop.now)
        write(fields)
    }

    private static func microseconds(_ from: Tick, _ to: Tick) -> Int {
        to < from ? 0 : Int(to.nanoseconds(since: from) / 1000)
    }

    private func write(_ fields: borrowing AccessLogFields) {
        guard let target else { return }
        if AccessLogBlock.size - block.count < AccessLogLine.room(forNote: fields.note.count) { flush() }
        let isFirst = block.isEmpty
        let time = stamp.text(at: clock.seconds(now: loop.now))
        guard block.append(fields, target.format, time: time.span) else {
            log.countDropped(1)
            return
        }
        if block.count >= AccessLogBlock.full {
            flush()
        } else if isFirst {
            timer?.set(loop.now.adding(nanoseconds: Self.flushDelay))
        }
    }

    func timerExpired(_ timer: LoopTimer) { flush() }

    /// Hands over the last lines.
    func end() {
        flush()
        timer?.invalidate()
        timer = nil
    }

    /// Hands over what there is.
    private func flush() {
        timer?.cancel()
        if let target { log.exchange(&block, for: target.file) }
    }
}
