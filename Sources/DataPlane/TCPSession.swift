// Owns a client's connection to a TCP service until its endpoint is connected.
internal import HTTPTransport
internal import Proactor
internal import Proxying
internal import Synchronization
internal import Topology
internal import Transport

/// A TCP session on its way to an endpoint; a tunnel takes over there. Nothing is received from the client before, so that
/// what it sends waits in the kernel.
final class TCPSession: UpstreamRequest, Drainable, StreamHandler {
    var position = 0
    private var client: ByteStream?
    /// What came behind a PROXY header.
    private var early: LoopBuffer?

    /// Takes over a connection for the listener's service.
    ///
    /// - Returns: false when the loop takes no more.
    static func begin(_ connection: consuming AcceptedConnection, _ service: ServiceRuntime, _ worker: Worker) -> Bool {
        let peer = connection.peerAddress?.ipAddress
        let session = TCPSession(worker)
        guard let stream = try? worker.loop.adopt(connection, handler: session) else {
            session.invalidateTimer()
            return false
        }
        session.start(ByteStream(stream), peer, nil, service)
        return true
    }

    /// Takes over a connection that has sent a header before.
    ///
    /// - Parameter peer: who the client is; nil: on this machine.
    static func begin(
        _ client: ByteStream, peer: IPAddress?, early: consuming LoopBuffer?, _ service: ServiceRuntime,
        _ worker: Worker
    ) {
        let session = TCPSession(worker)
        client.setHandler(session)
        session.start(client, peer, early, service)
    }

    private func start(
        _ client: ByteStream, _ peer: IPAddress?, _ early: consuming LoopBuffer?, _ service: ServiceRuntime
    ) {
        self.client = client
        self.early = early
        self.service = service
        let text = PeerText(peer)
        var hash = StableHash()
        hash.combine(text.span)
        self.hash = hash.value
        worker.add(self)
        service.counters.requests.add(1, ordering: .relaxed)
        core.begin(RequestState(sessionBegan: loop.now))
        perform(core.routed(service.policy))
    }

    // A tunnel needs a connection of its own.
    override var takesPooled: Bool { false }
    override var heldBytes: Int { early?.count ?? 0 }

    override func carryOut(_ action: ExchangeAction) {
        switch action {
        case .tunnel: startTunnel()
        case .answer, .abortClient, .cancel: end(resets: true)
        default: break
        }
    }

    private func startTunnel() {
        guard let client, let service, let endpoint = choice?.endpoint, let server = upstream?.detach() else {
            return end(resets: true)
        }
        // The tunnel counts the endpoint's request and connection until its end.
        lastEndpoint = takeChoice()
        upstream = nil
        endpoint.beginTunnel()
        let permit = permit
        self.permit = nil
        self.client = nil
        let tunnel = Tunnel(worker, client: client, server: server.stream, service: service, permit: permit) {
            endpoint.endTunnel()
        }
        // The tunnel stands in the worker's list instead.
        worker.process.connections.add(1, ordering: .relaxed)
        end(resets: false)
        tunnel.start(fromClient: early.take(), fromServer: nil)
    }

    private func end(resets: Bool) {
        letGo()
        leaveQueues()
        givePermitBack()
        invalidateTimer()
        if resets { client?.abort() }
        client = nil
        if resets { early = nil }
        service = nil
        worker.remove(self)
    }

    // MARK: The client

    func drain() {}
    func abort() { perform(core.interrupted("shutdown")) }
    func stream(_ stream: Stream, received buffer: consuming LoopBuffer) {}
    func streamEnded(_ stream: Stream) {}
    func stream(_ stream: Stream, sent count: Int) {}
    func stream(_ stream: Stream, failed failure: StreamFailure) { perform(core.clientLost("client_reset")) }
}
