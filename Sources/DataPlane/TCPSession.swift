// Owns the beginning of a TCP session: which endpoint, and another one when it refuses.
internal import Balancing
internal import Catalog
internal import HTTPWire
internal import Proactor
internal import Routing
internal import Switching
internal import Synchronization
internal import Topology

/// A client's connection to a TCP service until its endpoint is connected; a tunnel takes over then.
final class TCPSession: StreamHandler, TimerHandler, Drainable, HoldQueueWaiter {
    private let worker: Worker
    private let service: ServiceRuntime
    private var client: Stream?
    private var upstream: UpstreamAttempt?
    private var tried = Tried()
    private var attempts = 0
    private var early: LoopBuffer?
    private var hash: UInt64
    var heldTicket: UInt64 = 0
    private var lastTicket: UInt64 = 0
    private var wasHeld = false
    private var pass: AdmissionPermit?
    /// When it gives up waiting for an endpoint that answers; `distantFuture` while none has failed it.
    private var holdDeadline = Tick.distantFuture
    /// Armed while the PROXY protocol's header is awaited.
    private var timer: LoopTimer?
    var position = 0

    private init(_ worker: Worker, _ service: ServiceRuntime, hash: UInt64) {
        self.worker = worker
        self.service = service
        self.hash = hash
    }

    /// Makes an accepted connection a session of the listener's service.
    static func begin(_ connection: AcceptedConnection, _ listener: ListenerRuntime, _ worker: Worker) -> Bool {
        guard let service = listener.service else {
            connection.refuse()
            return false
        }
        let placeholder = Placeholder()
        guard let client = try? worker.loop.adopt(connection, handler: placeholder) else { return false }
        let session = TCPSession(worker, service, hash: StableHash.of(client.peerAddress?.host ?? ""))
        session.client = client
        client.setHandler(session)
        worker.add(session)
        service.counters.requests.add(1, ordering: .relaxed)
        if listener.definition.proxyProtocol != nil {
            session.awaitProxyHeader()
        } else {
            session.attempt()
        }
        return true
    }

    /// The connection begins with a header that is not the service's; it has ten seconds to come.
    private func awaitProxyHeader() {
        let timer = worker.loop.makeTimer(self)
        self.timer = timer
        timer.set(worker.loop.now.adding(nanoseconds: worker.headTimeout))
        client?.receiveContinuously()
    }

    private func endProxyHeader() {
        timer?.invalidate()
        timer = nil
        client?.pauseReceiving()
    }

    func timerExpired(_ timer: LoopTimer) { abort() }

    private final class Placeholder: StreamHandler {
        func stream(_ stream: Stream, received buffer: LoopBuffer) {}
        func streamEnded(_ stream: Stream) {}
        func stream(_ stream: Stream, sent count: Int) {}
        func stream(_ stream: Stream, failed failure: StreamFailure) {}
    }

    private func attempt() {
        attempts += 1
        if let gate = service.gate, !passes(gate) { return }
        tryEndpoints()
    }

    private func tryEndpoints() {
        for _ in 0..<8 {
            guard let choice = service.choose(&tried, hash: hash, now: worker.loop.now, random: &worker.random) else {
                break
            }
            let endpoint = choice.endpoint
            guard let address = endpoint.address, endpoint.beginRequest() else { continue }
            guard endpoint.beginConnection() else {
                endpoint.takeBackRequest()
                continue
            }
            let upstream = UpstreamAttempt(self, endpoint, worker)
            self.upstream = upstream
            tried.note(datacenter: choice.datacenter, endpoint: choice.index)
            if upstream.connect(
                to: address, timeout: service.timeouts.connect, userTimeout: pass?.gate.userTimeout)
            {
                return
            }
            self.upstream = nil
        }
        if !waitForEndpoint() { abort() }
    }

    // MARK: The gate

    /// Asks the gate, as every attempt does.
    ///
    /// - Returns: false when the session waits now, or was ended.
    private func passes(_ gate: WorkerGate) -> Bool {
        switch gate.decision(now: worker.loop.now) {
        case .serve:
            if let pass, pass.isCurrent { return true }
            pass?.giveBack()
            pass = AdmissionPermit(gate)
            return true
        case .hold: hold(gate)
        case .refuse: abort()
        }
        return false
    }

    private func hold(_ gate: WorkerGate) {
        pass?.giveBack()
        pass = nil
        guard gate.held.join(self) else { return abort() }
        if !wasHeld { service.counters.held.add(1, ordering: .relaxed) }
        wasHeld = true
        service.counters.holding.add(1, ordering: .relaxed)
    }

    /// As `Exchange.waitForEndpoint`.
    private func waitForEndpoint() -> Bool {
        guard client != nil, let gate = service.gate, gate.order.holdBudget > .zero else { return false }
        if holdDeadline == .distantFuture { holdDeadline = worker.loop.now + gate.order.holdBudget }
        guard worker.loop.now < holdDeadline else { return false }
        hold(gate)
        return true
    }

    var heldBytes: Int { early?.count ?? 0 }

    func takeTicket() -> UInt64 {
        lastTicket += 1
        return lastTicket
    }

    func tryAgain() {
        service.counters.holding.subtract(1, ordering: .relaxed)
        guard client != nil else { return }
        if let gate = service.gate, !passes(gate) { return }
        tried = Tried()
        tryEndpoints()
    }

    /// Nothing was sent yet: it connects to the next primary.
    func cut(_ gate: WorkerGate, olderThan generation: UInt64) {
        guard let pass, pass.gate === gate, pass.generation < generation, client != nil else { return }
        upstream?.cancel()
        upstream = nil
        service.counters.cut.add(1, ordering: .relaxed)
        hold(gate)
    }

    fileprivate func connected(_ stream: Stream, _ endpoint: EndpointRuntime) {
        guard let client else { return }
        self.client = nil
        upstream = nil
        let early = early
        self.early = nil
        // The tunnel stands in the worker's list instead.
        worker.process.connections.add(1, ordering: .relaxed)
        worker.remove(self)
        let pass = pass
        self.pass = nil
        let tunnel = Tunnel(worker, client: client, server: stream, service: service, pass: pass) {
            endpoint.finishRequest()
            endpoint.finishConnection()
        }
        tunnel.start(fromClient: early, fromServer: nil)
    }

    fileprivate func connectFailed(_ endpoint: EndpointRuntime) {
        upstream = nil
        endpoint.finishRequest()
        endpoint.finishConnection()
        endpoint.counters.errors.add(1, ordering: .relaxed)
        endpoint.countConnectFailure()
        guard client != nil, attempts <= service.routing.definition.retry.attempts else {
            if !waitForEndpoint() { abort() }
            return
        }
        service.counters.retries.add(1, ordering: .relaxed)
        attempt()
    }

    func cutUngated(_ service: ServiceRuntime) { if service === self.service, pass == nil, upstream != nil { abort() } }

    func drain() {}

    func abort() {
        guard let client else { return }
        self.client = nil
        timer?.invalidate()
        timer = nil
        upstream?.cancel()
        upstream = nil
        pass?.giveBack()
        pass = nil
        if heldTicket != 0 {
            heldTicket = 0
            service.counters.holding.subtract(1, ordering: .relaxed)
        }
        if let early { worker.loop.giveBack(early) }
        early = nil
        client.abort()
        worker.remove(self)
    }

    // The client's events before the endpoint is there: only a PROXY header is received, all else waits in the kernel.
    func stream(_ stream: Stream, received buffer: LoopBuffer) {
        var whole = worker.loop.allocate((early?.count ?? 0) + buffer.count)
        if let early {
            whole.append(early)
            worker.loop.giveBack(early)
        }
        let taken = whole.append(buffer)
        let isWhole = taken == buffer.count
        worker.loop.giveBack(buffer)
        early = whole
        // What came in the same moment as the header's end belongs to the service.
        guard timer != nil, isWhole else {
            if !isWhole { abort() }
            return
        }
        switch ProxyProtocol.parse(whole.bytes) {
        case .needMore: break
        case .failed: abort()
        case .complete(let length, let source):
            whole.consume(length)
            early = whole.isEmpty ? nil : whole
            if whole.isEmpty { worker.loop.giveBack(whole) }
            if let source { hash = StableHash.of(String(decoding: source.text, as: UTF8.self)) }
            endProxyHeader()
            attempt()
        }
    }

    func streamEnded(_ stream: Stream) { if timer != nil { abort() } }
    func stream(_ stream: Stream, sent count: Int) {}
    func stream(_ stream: Stream, failed failure: StreamFailure) { abort() }
}

/// One connect of a TCP session.
private final class UpstreamAttempt: StreamHandler, TimerHandler {
    private let session: TCPSession
    private let endpoint: EndpointRuntime
    private let worker: Worker
    private var stream: Stream?
    private var timer: LoopTimer?

    init(_ session: TCPSession, _ endpoint: EndpointRuntime, _ worker: Worker) {
        self.session = session
        self.endpoint = endpoint
        self.worker = worker
    }

    /// - Parameter userTimeout: how long sent bytes may stay unacknowledged; nil: as the kernel has it.
    func connect(to address: SocketAddress, timeout: Int64, userTimeout: Duration?) -> Bool {
        do throws(SystemError) {
            stream = try worker.loop.connect(to: address, handler: self)
            if let userTimeout { stream?.setUserTimeout(userTimeout) }
        } catch {
            endpoint.finishRequest()
            endpoint.finishConnection()
            return false
        }
        timer = worker.loop.makeTimer(self)
        timer?.set(worker.loop.now.adding(nanoseconds: timeout))
        return true
    }

    /// The client went away while this connected.
    func cancel() {
        end()
        endpoint.finishRequest()
        endpoint.finishConnection()
    }

    private func end() {
        timer?.invalidate()
        timer = nil
        stream?.close()
        stream = nil
    }

    func streamConnected(_ stream: Stream) {
        timer?.invalidate()
        timer = nil
        self.stream = nil
        session.connected(stream, endpoint)
    }

    func timerExpired(_ timer: LoopTimer) { failed() }
    func stream(_ stream: Stream, failed failure: StreamFailure) { failed() }

    private func failed() {
        guard stream != nil else { return }
        end()
        session.connectFailed(endpoint)
    }

    func stream(_ stream: Stream, received buffer: LoopBuffer) { worker.loop.giveBack(buffer) }
    func streamEnded(_ stream: Stream) {}
    func stream(_ stream: Stream, sent count: Int) {}
}
