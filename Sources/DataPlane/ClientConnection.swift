// Owns a client's connection until its protocol begins: the PROXY header that says who the client is, and the handshake of TLS.
internal import HTTPTransport
internal import HTTPWire
internal import Logging
internal import Proactor
internal import Routing
internal import Synchronization
internal import Topology
internal import Transport

/// Reads the header that a load balancer before this one sends (PROXY protocol, versions 1 and 2), shakes hands, and hands
/// over. Each of the two has as long as a head has.
final class ClientConnection: StreamHandler, TimerHandler, Drainable {
    var position = 0
    private let listener: ListenerRuntime
    private let worker: Worker
    private var stream: ByteStream?
    private var timer: LoopTimer?
    private var received: LoopBuffer?
    /// The client: who is connected, or who its header says.
    private var peer: IPAddress?

    /// Takes over a connection that begins with a header or a handshake.
    ///
    /// - Returns: false when it is not taken: its sender is not believed, or the loop takes no more.
    static func begin(_ connection: consuming AcceptedConnection, _ listener: ListenerRuntime, _ worker: Worker) -> Bool
    {
        let peer = connection.peerAddress?.ipAddress
        if listener.definition.proxyProtocol == nil {
            return beginHandshake(connection, peer, listener, worker)
        }
        guard listener.definition.proxyProtocol?.believes(peer) ?? false else {
            worker.process.untrustedProxies.add(1, ordering: .relaxed)
            listener.complain("refused a connection: proxy_protocol does not list its sender", peer)
            connection.refuse()
            return false
        }
        let fresh = ClientConnection(listener, worker, peer)
        guard let stream = try? worker.loop.adopt(connection, handler: fresh) else { return false }
        fresh.start(ByteStream(stream))
        fresh.stream?.receiveContinuously()
        return true
    }

    private static func beginHandshake(
        _ connection: consuming AcceptedConnection, _ peer: IPAddress?, _ listener: ListenerRuntime, _ worker: Worker
    ) -> Bool {
        guard let session = listener.security?.makeSession(now: worker.loop.now) else {
            connection.refuse()
            return false
        }
        let fresh = ClientConnection(listener, worker, peer)
        guard let stream = try? ByteStream.adopt(connection, on: worker.loop, session: session, handler: fresh) else {
            return false
        }
        fresh.start(stream)
        return true
    }

    private init(_ listener: ListenerRuntime, _ worker: Worker, _ peer: IPAddress?) {
        self.listener = listener
        self.worker = worker
        self.peer = peer
    }

    private func start(_ stream: ByteStream) {
        self.stream = stream
        worker.add(self)
        let timer = worker.loop.makeTimer(self)
        self.timer = timer
        timer.set(worker.loop.now.adding(nanoseconds: worker.headTimeout))
    }

    func stream(_ stream: Stream, received buffer: consuming LoopBuffer) {
        guard var whole = received.take() else {
            received = consume buffer
            return read()
        }
        var larger = worker.loop.allocate(whole.count + buffer.count)
        larger.append(whole)
        let isWhole = larger.append(buffer) == buffer.count
        whole = larger
        received = consume whole
        if isWhole { read() } else { refuse() }
    }

    private func read() {
        guard var whole = received.take() else { return }
        switch ProxyProtocol.parse(whole.bytes) {
        case .needMore: received = worker.loop.holdable(whole)
        case .failed: refuse()
        case .complete(let length, let source):
            guard let stream else { return }
            whole.consume(length)
            stream.pauseReceiving()
            if let source { peer = source.ipAddress }
            let early: LoopBuffer? = whole.isEmpty ? nil : consume whole
            if let security = listener.security {
                secure(stream, security, early: early)
            } else {
                handOver(stream, early: early)
            }
        }
    }

    /// Behind the header the handshake begins.
    private func secure(_ stream: ByteStream, _ security: ListenerSecurity, early: consuming LoopBuffer?) {
        guard let session = security.makeSession(now: worker.loop.now) else { return close() }
        self.stream = stream.secured(by: session, early: early, handler: self)
        timer?.set(worker.loop.now.adding(nanoseconds: worker.headTimeout))
    }

    /// The handshake is over.
    func streamConnected(_ stream: Stream) {
        guard let stream = self.stream else { return }
        worker.process.handshakes.add(1, ordering: .relaxed)
        handOver(stream, early: nil)
    }

    private func handOver(_ stream: ByteStream, early: consuming LoopBuffer?) {
        leave()
        listener.begin(stream, peer: peer, early: early)
    }

    /// What came is no header.
    private func refuse() {
        worker.process.badRequests.add(1, ordering: .relaxed)
        listener.complain("closed a connection: it does not begin with a PROXY protocol header", peer)
        close()
    }

    private func close() {
        stream?.abort()
        leave()
        worker.process.connections.subtract(1, ordering: .relaxed)
    }

    private func leave() {
        stream = nil
        received = nil
        timer?.invalidate()
        timer = nil
        worker.forget(self)
    }

    // MARK: Failing

    func timerExpired(_ timer: LoopTimer) { fail("it took too long") }
    func streamEnded(_ stream: Stream) { fail(nil) }
    func stream(_ stream: Stream, sent count: Int) {}
    func stream(_ stream: Stream, failed failure: StreamFailure) {
        fail(self.stream?.tlsFailure.map { "\($0)" })
    }

    /// Ends a connection that has not come to its protocol.
    ///
    /// - Parameter reason: why its handshake failed; nil: the client left.
    private func fail(_ reason: String?) {
        if stream?.isSecure ?? false {
            worker.process.failedHandshakes.add(1, ordering: .relaxed)
            // No more than information: whoever scans the network fails all the time.
            if let reason { listener.complain("a TLS handshake failed: \(reason)", at: .info, peer) }
            // What the alert says reaches the client only if the connection ends in the ordinary way.
            stream?.close()
        }
        close()
    }

    func drain() { close() }
    func abort() { close() }
    func cut(_ gate: WorkerGate, olderThan generation: UInt64) {}
    func cutUngated(_ service: ServiceRuntime) {}
}
