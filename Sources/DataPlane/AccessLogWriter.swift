// Owns one worker's log lines: noted when the request begins, formatted when it ends, handed over once a turn.
internal import Balancing
internal import CLinux
internal import Catalog
internal import HTTPWire
internal import Proactor
internal import Routing
internal import Synchronization
internal import Topology

/// What the log needs of a request's head, which is gone when the line is written.
struct LoggedRequest {
    var client: [UInt8]
    var listener: String
    /// Method, target and version as they came.
    var requestLine: [UInt8]
    var referrer: [UInt8]
    var agent: [UInt8]
}

/// Formats lines for one worker.
final class AccessLogWriter {
    private let log: AccessLog
    private var lines: [UInt8] = []
    private var count = 0
    private var isScheduled = false
    private var second: Int64 = -1
    private var stamp: [UInt8] = []
    /// The longest request line, agent or referrer that is logged.
    private static let longest = 2 << 10

    init(_ log: AccessLog) { self.log = log }

    /// Keeps what the line will show of a head.
    func note(_ session: HTTPSession, _ head: RequestHead, _ buffer: LoopBuffer, _ length: Int) -> LoggedRequest {
        let bytes = buffer.bytes
        var line: [UInt8] = []
        Self.copy(bytes, head.lineStart..<head.target.upper, into: &line)
        line += Array((head.minorVersion == 0 ? " HTTP/1.0" : " HTTP/1.1").utf8)
        var request = LoggedRequest(
            client: session.client, listener: session.listener.name.text, requestLine: line, referrer: [], agent: [])
        for index in 0..<head.fields.count where head.fields[index].known == .other {
            let field = head.fields[index]
            if bytes.equalsIgnoringCase(field.name, "user-agent") {
                Self.copy(bytes, field.value.range, into: &request.agent)
            } else if bytes.equalsIgnoringCase(field.name, "referer") {
                Self.copy(bytes, field.value.range, into: &request.referrer)
            }
        }
        return request
    }

    private static func copy(_ bytes: Span<UInt8>, _ range: Range<Int>, into target: inout [UInt8]) {
        target.reserveCapacity(range.count + 16)
        for index in range.prefix(longest) { target.append(bytes[index]) }
    }

    /// Logs a request that was refused before it was routed.
    func refused(_ session: HTTPSession, status: Int, reason: StaticString) {
        let request = LoggedRequest(
            client: session.client, listener: session.listener.name.text, requestLine: [0x2D], referrer: [], agent: [])
        write(request, nil, status: status, reason: reason, session.worker)
    }

    /// Logs a finished exchange.
    func finished(_ exchange: Exchange, reason: StaticString) {
        guard let request = exchange.logged else { return }
        write(request, exchange, status: exchange.status, reason: reason, exchange.worker)
    }

    private func write(
        _ request: LoggedRequest, _ exchange: Exchange?, status: Int, reason: StaticString, _ worker: Worker
    ) {
        refreshStamp()
        switch log.configuration.format {
        case .combined: writeCombined(request, exchange, status, reason)
        case .json: writeJSON(request, exchange, status, reason)
        }
        lines.append(0x0A)
        count += 1
        guard !isScheduled else { return }
        isScheduled = true
        worker.loop.atEndOfTurn { [self] in flush() }
    }

    private func flush() {
        isScheduled = false
        log.submit(lines, count: count)
        lines.removeAll(keepingCapacity: true)
        count = 0
    }

    // MARK: Formats

    /// The combined format, with our own fields behind it.
    private func writeCombined(
        _ request: LoggedRequest, _ exchange: Exchange?, _ status: Int, _ reason: StaticString
    ) {
        lines += request.client
        add(" - - [")
        lines += stamp
        add("] \"")
        addEscaped(request.requestLine)
        add("\" ")
        add(status)
        add(" ")
        add(exchange?.bytesOut ?? 0)
        add(" \"")
        if request.referrer.isEmpty { add("-") } else { addEscaped(request.referrer) }
        add("\" \"")
        if request.agent.isEmpty { add("-") } else { addEscaped(request.agent) }
        add("\"")
        let values = Values(exchange)
        add(" rid=")
        if let id = exchange?.requestID, id.count > 0 { lines += id.bytes } else { add("-") }
        add(" listener=\(request.listener) route=\(values.route) service=\(values.service) dc=\(values.datacenter)")
        add(" endpoint=\(values.endpoint) attempts=\(values.attempts) epoch=\(values.epoch)")
        add(" queue=\(values.queue) connect=\(values.connect) first_byte=\(values.firstByte) total=\(values.total)")
        add(" reason=")
        add(reason.utf8CodeUnitCount == 0 ? "-" : reason.description)
    }

    private func writeJSON(_ request: LoggedRequest, _ exchange: Exchange?, _ status: Int, _ reason: StaticString) {
        let values = Values(exchange)
        add("{\"time\":\"")
        lines += stamp
        add("\",\"client\":\"")
        lines += request.client
        add("\",\"request_id\":\"")
        if let id = exchange?.requestID { addEscaped(id.bytes) }
        add("\",\"listener\":\"\(request.listener)\",\"route\":\"\(values.route)\",\"service\":\"\(values.service)\"")
        add(",\"datacenter\":\"\(values.datacenter)\",\"endpoint\":\"\(values.endpoint)\"")
        add(",\"attempts\":\(values.attempts),\"epoch\":\"\(values.epoch)\",\"request\":\"")
        addEscaped(request.requestLine)
        add("\",\"status\":\(status),\"bytes_in\":\(exchange?.bytesIn ?? 0),\"bytes_out\":\(exchange?.bytesOut ?? 0)")
        add(",\"queue_us\":\(values.queue),\"connect_us\":\(values.connect)")
        add(",\"first_byte_us\":\(values.firstByte),\"total_us\":\(values.total),\"referer\":\"")
        addEscaped(request.referrer)
        add("\",\"user_agent\":\"")
        addEscaped(request.agent)
        add("\",\"reason\":\"\(reason)\"}")
    }

    /// What the log says of an exchange. Times in microseconds.
    private struct Values {
        var route = "-"
        var service = "-"
        var datacenter = "-"
        var endpoint = "-"
        var attempts = 0
        var epoch = "-"
        var queue = 0
        var connect = 0
        var firstByte = 0
        var total = 0

        init(_ exchange: Exchange?) {
            guard let exchange else { return }
            if exchange.route >= 0 { route = "\(exchange.route)" }
            if let runtime = exchange.service {
                service = runtime.routing.name.text
                if let primary = runtime.routing.primary { epoch = "\(primary.epoch.count)" }
            }
            if let last = exchange.lastEndpoint {
                datacenter = last.datacenterName
                endpoint = last.name
            }
            attempts = exchange.attempts
            queue = Self.microseconds(exchange.started, exchange.attemptBegan)
            connect = Self.microseconds(exchange.attemptBegan, exchange.connected)
            firstByte = Self.microseconds(exchange.connected, exchange.firstByte)
            total = Self.microseconds(exchange.started, exchange.loop.now)
        }

        private static func microseconds(_ from: Tick, _ to: Tick) -> Int {
            to < from ? 0 : Int((to.nanoseconds - from.nanoseconds) / 1000)
        }
    }

    // MARK: Text

    private func add(_ text: String) { lines.append(contentsOf: text.utf8) }

    private func add(_ number: Int) { add(String(number)) }

    /// Control characters, quotes, backslashes and bytes beyond ASCII as escapes, so that no client writes log lines.
    private func addEscaped(_ bytes: [UInt8]) {
        for byte in bytes {
            if byte >= 0x20, byte < 0x7F, byte != 0x22, byte != 0x5C {
                lines.append(byte)
            } else {
                add("\\u00")
                lines.append(Self.hex(byte >> 4))
                lines.append(Self.hex(byte & 15))
            }
        }
    }

    private static func hex(_ digit: UInt8) -> UInt8 { digit < 10 ? 0x30 + digit : 0x57 + digit }

    private func refreshStamp() {
        let now = ml_wall_seconds()
        guard now != second else { return }
        second = now
        let date = HTTPDate.civil(now / 86_400)
        let day = HTTPDate.twoDigits(date.day)
        let text: String
        if log.configuration.format == .combined {
            text = "\(day)/\(HTTPDate.months[date.month - 1])/\(date.year):\(HTTPDate.clock(now)) +0000"
        } else {
            text = "\(date.year)-\(HTTPDate.twoDigits(date.month))-\(day)T\(HTTPDate.clock(now))Z"
        }
        stamp = Array(text.utf8)
    }
}
