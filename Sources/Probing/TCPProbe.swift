// Owns the check that only connects.
internal import HTTPTransport
internal import Health
internal import Proactor
internal import Topology

/// Connects, and closes again with a reset, which saves both sides a connection in TIME_WAIT every two seconds.
final class TCPProbe: Probe, StreamHandler, TimerHandler {
    private let loop: EventLoop
    private let timeout: Duration
    private var done: ((ProbeOutcome, Duration?) -> Void)?
    private var stream: Stream?
    private var timer: LoopTimer?
    private var began = Tick.zero

    init(_ loop: EventLoop, timeout: Duration) {
        self.loop = loop
        self.timeout = timeout
    }

    func start(_ address: SocketAddress, done: @escaping (ProbeOutcome, Duration?) -> Void) {
        self.done = done
        began = MonotonicClock.now
        let timer = loop.makeTimer(self)
        self.timer = timer
        timer.set(began + timeout)
        do throws(SystemError) {
            stream = try loop.connect(to: address, handler: self)
        } catch {
            loop.atEndOfTurn { [self] in finish(.shortage("\(error)"), nil) }
        }
    }

    func cancel() {
        done = nil
        timer?.invalidate()
        timer = nil
        stream?.abort()
        stream = nil
    }

    private func finish(_ outcome: ProbeOutcome, _ connectTime: Duration?) {
        guard let done else { return }
        cancel()
        done(outcome, connectTime)
    }

    func streamConnected(_ stream: Stream) {
        // A connect to an unused local port can connect to itself (TCP's simultaneous open): nobody is listening there.
        if let own = stream.localAddress, own.port != 0, own == stream.peerAddress {
            finish(.failure(.connectRefused), nil)
        } else {
            finish(.verdict(.success), MonotonicClock.now - began)
        }
    }

    func stream(_ stream: Stream, failed failure: StreamFailure) { finish(ProbeOutcome(.connect(failure)), nil) }
    func timerExpired(_ timer: LoopTimer) { finish(.failure(.timedOut), nil) }
    func stream(_ stream: Stream, received buffer: consuming LoopBuffer) {}
    func streamEnded(_ stream: Stream) {}
    func stream(_ stream: Stream, sent count: Int) {}
}
