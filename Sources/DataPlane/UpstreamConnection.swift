// Owns one connection to an endpoint: connecting, carrying one exchange at a time, idle in the pool.
internal import Balancing
internal import Catalog
internal import HTTPWire
internal import Proactor
internal import Routing
internal import Synchronization
internal import Topology

/// A connection to an endpoint. Legal transitions: connecting → busy → (idle → busy)* → closed, and any → closed.
final class UpstreamConnection: StreamHandler, TimerHandler {
    enum Phase: UInt8 { case connecting, busy, idle, closed }

    let worker: Worker
    let endpoint: EndpointRuntime
    private(set) var stream: Stream?
    private(set) var phase = Phase.connecting
    /// The exchange that it carries.
    var exchange: Exchange?
    /// Whether it has carried a request before; then a reset may mean no more than that the backend had enough.
    private(set) var isReused = false
    private(set) var idleSince = Tick.zero
    private var idleLimit: Int64
    private var timer: LoopTimer?

    init(_ worker: Worker, _ endpoint: EndpointRuntime) {
        self.worker = worker
        self.endpoint = endpoint
        idleLimit = endpoint.pool.idleTimeout.wholeNanoseconds
        timer = worker.loop.makeTimer(self)
    }

    /// Begins to connect. The caller has counted the connection.
    ///
    /// - Returns: false when no socket could be made; nothing more will happen then.
    func connect(to address: SocketAddress, timeout: Int64) -> Bool {
        do throws(SystemError) {
            stream = try worker.loop.connect(to: address, handler: self)
        } catch {
            finish()
            return false
        }
        timer?.set(worker.loop.now.adding(nanoseconds: timeout))
        return true
    }

    /// Takes it out of idleness for an exchange.
    @inline(__always)
    func begin(_ exchange: Exchange) {
        phase = .busy
        isReused = true
        self.exchange = exchange
    }

    /// Gives it back to the pool, or closes it.
    func release(reusable: Bool) {
        exchange = nil
        guard reusable, phase == .busy, let stream, stream.isOpen, stream.unsent == 0 else {
            close()
            return
        }
        phase = .idle
        idleSince = worker.loop.now
        stream.receiveContinuously()
        guard let time = endpoint.keep(self, for: idleLimit) else {
            close()
            return
        }
        timer?.set(idleSince.adding(nanoseconds: time))
    }

    /// Takes in the backend's `Keep-Alive: timeout`: one second less is safe (design §3).
    func limitIdle(seconds: Int) {
        let offered = Int64(max(0, seconds - 1)) * 1_000_000_000
        idleLimit = min(endpoint.pool.idleTimeout.wholeNanoseconds, offered)
    }

    /// Closes it, whatever it does.
    func close() {
        guard phase != .closed else { return }
        if phase == .idle { endpoint.discard(self) }
        stream?.close()
        finish()
    }

    /// Cuts it off with a reset.
    func abort() {
        guard phase != .closed else { return }
        stream?.abort()
        finish()
    }

    /// Closes it; the pool has dropped it already.
    func closeIdle() {
        stream?.close()
        finish()
    }

    /// Hands the stream to a tunnel. The connection object is of no more use, but stays counted until `endTunnel`.
    func detach() -> Stream? {
        defer {
            stream = nil
            exchange = nil
            timer?.invalidate()
            timer = nil
        }
        return stream
    }

    /// The tunnel over the detached stream is over.
    func endTunnel() { finish() }

    private func finish() {
        guard phase != .closed else { return }
        phase = .closed
        exchange = nil
        stream = nil
        timer?.invalidate()
        timer = nil
        endpoint.finishConnection()
    }

    // MARK: Events

    func streamConnected(_ stream: Stream) {
        timer?.cancel()
        phase = .busy
        stream.receiveContinuously()
        exchange?.upstreamConnected(self)
    }

    func stream(_ stream: Stream, received buffer: LoopBuffer) {
        if let exchange {
            exchange.upstreamReceived(buffer)
        } else {
            // Bytes that nobody asked for: whatever they are, they answer no request.
            worker.loop.giveBack(buffer)
            close()
        }
    }

    func streamEnded(_ stream: Stream) {
        if let exchange { exchange.upstreamEnded() } else { close() }
    }

    func stream(_ stream: Stream, sent count: Int) { exchange?.upstreamSent() }

    func stream(_ stream: Stream, failed failure: StreamFailure) {
        // A pooled connection that the backend had closed says nothing of the backend.
        if phase == .connecting || failure == .reset && !isReused && exchange?.hasResponse == false {
            endpoint.countConnectFailure()
        }
        let wasConnecting = phase == .connecting
        if let exchange {
            exchange.upstreamFailed(failure, whileConnecting: wasConnecting)
        } else {
            close()
        }
    }

    func timerExpired(_ timer: LoopTimer) {
        switch phase {
        case .connecting:
            endpoint.countConnectFailure()
            if let exchange { exchange.upstreamFailed(.unreachable, whileConnecting: true) } else { close() }
        case .idle: close()
        case .busy, .closed: break
        }
    }
}
