// Owns one check: connect, ask if there is something to ask, judge the answer, within one time limit.
internal import HTTPWire
internal import Health
internal import Proactor
internal import Routing
internal import Topology

/// One run of a check. Reports exactly once, unless it is cancelled.
final class Probe: StreamHandler, TimerHandler {
    /// The most of a body that is searched for the expected text.
    private static let bodyLimit = 64 << 10

    private let loop: EventLoop
    private let target: ProbeTarget
    private let address: SocketAddress
    private var done: ((CheckResult, Duration?) -> Void)?
    private var stream: Stream?
    private var timer: LoopTimer?
    private var began = Tick.zero
    private var connectTime: Duration?
    private var received: [UInt8] = []
    private let head = ResponseHead()
    private var headLength: Int?

    init(
        _ loop: EventLoop, _ target: ProbeTarget, _ address: SocketAddress,
        done: @escaping (CheckResult, Duration?) -> Void
    ) {
        self.loop = loop
        self.target = target
        self.address = address
        self.done = done
    }

    func start() {
        began = EventLoop.clock()
        let timer = loop.makeTimer(self)
        self.timer = timer
        timer.set(began + target.policy.timeout)
        do throws(SystemError) {
            stream = try loop.connect(to: target.policy.port.map(address.withPort) ?? address, handler: self)
        } catch {
            loop.atEndOfTurn { [self] in finish(.failure(.unreachable)) }
        }
    }

    /// Ends without a report.
    func cancel() {
        done = nil
        end()
    }

    private func end() {
        timer?.invalidate()
        timer = nil
        // A reset spares both sides the TIME_WAIT of a connection every two seconds.
        stream?.abort()
        stream = nil
    }

    private func finish(_ result: CheckResult) {
        guard let done else { return }
        self.done = nil
        end()
        done(result, connectTime)
    }

    func streamConnected(_ stream: Stream) {
        connectTime = EventLoop.clock() - began
        guard case .http(let check) = target.policy.kind else {
            finish(.success)
            return
        }
        let host = check.host ?? target.id.address.description
        let request = """
            \(check.method) \(check.path) HTTP/1.1\r\nHost: \(host)\r\nUser-Agent: meridian-check\r\n\
            Accept: */*\r\nConnection: close\r\n\r\n
            """
        var buffer = loop.allocate(request.utf8.count)
        buffer.append(Array(request.utf8).span)
        stream.send(buffer)
        stream.receiveContinuously()
    }

    func stream(_ stream: Stream, received buffer: LoopBuffer) {
        let bytes = buffer.bytes
        received.reserveCapacity(received.count + bytes.count)
        for index in 0..<min(bytes.count, Self.bodyLimit + (32 << 10) - received.count) {
            received.append(bytes[index])
        }
        loop.giveBack(buffer)
        judge(isEnded: false)
    }

    func streamEnded(_ stream: Stream) { judge(isEnded: true) }
    func stream(_ stream: Stream, sent count: Int) {}

    func stream(_ stream: Stream, failed failure: StreamFailure) {
        switch failure {
        case .refused: finish(.failure(.connectRefused))
        case .reset: finish(.failure(.connectionReset))
        case .unreachable: finish(.failure(.timedOut))
        case .exhausted, .other: finish(.failure(.unreachable))
        }
    }

    func timerExpired(_ timer: LoopTimer) { finish(.failure(.timedOut)) }

    /// Decides as soon as enough has come.
    private func judge(isEnded: Bool) {
        guard case .http(let check) = target.policy.kind else { return }
        if headLength == nil {
            let method: RequestMethod = check.method == "HEAD" ? .head : .get
            let parser = ResponseHeadParser()
            let bytes = received
            switch parser.parse(bytes.span, method: method, lenient: true, into: head) {
            case .complete(let length): headLength = length
            case .needMore:
                if isEnded { finish(.failure(.closed)) }
                return
            case .failed:
                finish(.failure(.malformed))
                return
            }
            guard check.expectedStatuses.contains(where: { $0.contains(head.status) }) else {
                finish(.failure(.status(head.status)))
                return
            }
        }
        guard let text = check.bodyContains, let headLength else {
            finish(.success)
            return
        }
        if contains(Array(text.utf8), from: headLength) {
            finish(.success)
        } else if isEnded || received.count - headLength >= Self.bodyLimit || isWhole(headLength) {
            finish(.failure(.bodyMismatch))
        }
    }

    private func isWhole(_ headLength: Int) -> Bool {
        switch head.framing {
        case .none: true
        case .length(let count): UInt64(received.count - headLength) >= count
        case .chunked, .untilClose: false
        }
    }

    private func contains(_ text: [UInt8], from start: Int) -> Bool {
        guard !text.isEmpty, received.count - start >= text.count else { return text.isEmpty }
        for index in start...(received.count - text.count)
        where received[index] == text[0] && received[index..<(index + text.count)].elementsEqual(text) { return true }
        return false
    }
}
