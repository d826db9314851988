// Owns one connection to an endpoint over its life: counted, leased to requests, idle in between, permitted to write.
internal import HTTPTransport
internal import Proactor
internal import Topology

/// What a pool knows of a connection; its protocol is the client's concern.
final class BackendConnection: H1ClientOwner, WritePermit, TimerHandler {
    let client: H1Client
    private let endpoint: EndpointRuntime
    private var timer: LoopTimer?
    private var idleSince = Tick.zero
    private var isPooled = false
    /// The right of the request that it carries to write to a primary's backend; nil: it needs none.
    private var permit: AdmissionPermit?

    /// A connection that is not made yet. The caller has counted it.
    init(_ endpoint: EndpointRuntime, _ context: H1ClientContext) {
        self.endpoint = endpoint
        client = H1Client(context, isLenient: endpoint.acceptsBareLineFeeds)
        client.owner = self
        timer = context.loop.makeTimer(self)
    }

    /// Takes it for a request.
    ///
    /// - Parameter permit: asked at each flush; nil: it may always write.
    @inline(__always)
    func lease(_ handler: any ClientStreamHandler, permit: AdmissionPermit?) {
        isPooled = false
        setPermit(permit)
        client.lease(handler)
    }

    /// Begins to connect for a request.
    func connect(
        to address: SocketAddress, _ handler: any ClientStreamHandler, permit: AdmissionPermit?
    ) throws(SystemError) {
        client.handler = handler
        do throws(SystemError) { try client.connect(to: address) } catch {
            client.handler = nil
            client.close()
            throw error
        }
        setPermit(permit)
        if let timeout = permit?.gate.userTimeout { client.setUserTimeout(timeout) }
    }

    @inline(__always)
    private func setPermit(_ permit: AdmissionPermit?) {
        if permit == nil, self.permit == nil { return }
        self.permit = permit
        client.writePermit = permit == nil ? nil : self
    }

    func mayWrite() -> Bool { permit?.mayWrite ?? true || ShellMutation.seeds(.writesWithoutPermit) }

    /// Whether it was used just now, and the kernel knows of nothing that came since.
    func isSurelyAlive(_ now: Tick) -> Bool {
        now.nanoseconds(since: idleSince) < BackendPool.freshTime && client.isQuiet
    }

    // MARK: Idleness

    func clientIdle(_ client: H1Client) -> Bool {
        idleSince = client.now
        guard let time = endpoint.keep(self, offered: client.offeredIdle) else { return false }
        isPooled = true
        timer?.set(idleSince.adding(nanoseconds: time))
        return true
    }

    func clientClosed(_ client: H1Client) {
        timer?.invalidate()
        timer = nil
        endpoint.connectionClosed(self, wasPooled: isPooled)
    }

    func timerExpired(_ timer: LoopTimer) { if client.isIdle { client.close() } }
}
