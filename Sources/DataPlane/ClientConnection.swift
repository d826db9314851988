// Owns a client's connection until its protocol begins: the PROXY header that says who the client is.
internal import HTTPTransport
internal import HTTPWire
internal import Logging
internal import Proactor
internal import Routing
internal import Synchronization
internal import Topology
internal import Transport

/// Reads the header that a load balancer before this one sends (PROXY protocol, versions 1 and 2), and hands over.
final class ClientConnection: StreamHandler, TimerHandler, Drainable {
    var position = 0
    private let listener: ListenerRuntime
    private let worker: Worker
    private var stream: ByteStream?
    private var timer: LoopTimer?
    private var received: LoopBuffer?
    private let peer: IPAddress?

    /// Takes over a connection that begins with a header.
    ///
    /// - Returns: false when it is not taken: its sender is not believed, or the loop takes no more.
    static func begin(_ connection: consuming AcceptedConnection, _ listener: ListenerRuntime, _ worker: Worker) -> Bool
    {
        let peer = connection.peerAddress?.ipAddress
        guard listener.definition.proxyProtocol?.believes(peer) ?? false else {
            worker.process.untrustedProxies.add(1, ordering: .relaxed)
            listener.complain("refused a connection: proxy_protocol does not list its sender", peer)
            connection.refuse()
            return false
        }
        let fresh = ClientConnection(listener, worker, peer)
        guard let stream = try? worker.loop.adopt(connection, handler: fresh) else { return false }
        fresh.start(ByteStream(stream))
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
        stream.receiveContinuously()
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
            leave()
            let client = source.map { $0.ipAddress } ?? peer
            listener.begin(stream, peer: client, early: whole.isEmpty ? nil : consume whole)
        }
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

    func timerExpired(_ timer: LoopTimer) { close() }
    func streamEnded(_ stream: Stream) { close() }
    func stream(_ stream: Stream, sent count: Int) {}
    func stream(_ stream: Stream, failed failure: StreamFailure) { close() }

    func drain() { close() }
    func abort() { close() }
    func cut(_ gate: WorkerGate, olderThan generation: UInt64) {}
    func cutUngated(_ service: ServiceRuntime) {}
}
