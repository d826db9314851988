// Owns two connected streams that are one: bytes both ways, half-close bridged, an idle limit.
internal import Balancing
internal import Catalog
internal import HTTPTransport
internal import Proactor
internal import Routing
internal import Switching
internal import Synchronization
internal import Topology
internal import Transport

/// Relays bytes between a client and a server until both directions have ended or one side breaks.
final class Tunnel: TimerHandler, Drainable {
    private let worker: Worker
    private let client: ByteStream
    private let server: ByteStream
    private let idleLimit: Int64
    private let counters: ServiceCounters
    /// Its right to write to a primary's backend, until its end.
    private var permit: AdmissionPermit?
    private var onEnd: (() -> Void)?
    private var timer: LoopTimer?
    private var fromClient = Direction()
    private var fromServer = Direction()
    private var lastProgress: Tick
    private var isOver = false
    var position = 0

    /// One direction's state.
    private struct Direction {
        var isEnded = false
        var saidEnd = false
        /// Receives in a row that filled their buffer: a bulk transfer, which pipes or large buffers carry at less cost.
        var fullBuffers = 0
        var isPaused = false
    }

    /// Bytes in a pipe that count as much as a full buffer.
    private static let fullPipe = 16 << 10

    /// One side's events, told apart.
    private final class Side: StreamHandler, WritePermit {
        // The streams hold their sides, and let go of them when they are closed.
        private let tunnel: Tunnel
        private let isClient: Bool

        init(_ tunnel: Tunnel, isClient: Bool) {
            self.tunnel = tunnel
            self.isClient = isClient
        }

        func mayWrite() -> Bool {
            tunnel.permit?.mayWrite ?? true || ShellMutation.seeds(.tunnelsWithoutPermit)
        }

        func stream(_ stream: Stream, received buffer: consuming LoopBuffer) {
            tunnel.received(buffer, fromClient: isClient)
        }
        func streamEnded(_ stream: Stream) { tunnel.ended(fromClient: isClient) }
        func stream(_ stream: Stream, sent count: Int) { tunnel.sent(toClient: isClient) }
        func stream(_ stream: Stream, failed failure: StreamFailure) {
            if failure == .notPermitted { tunnel.cutByGate() } else { tunnel.finish(cut: true) }
        }
    }

    /// Takes both streams over.
    ///
    /// - Parameters:
    ///   - permit: nil when the service follows no primary. The tunnel gives it back.
    ///   - onEnd: called once, when the tunnel is over and both streams are closed.
    init(
        _ worker: Worker, client: ByteStream, server: ByteStream, service: ServiceRuntime, permit: AdmissionPermit?,
        onEnd: @escaping () -> Void
    ) {
        self.worker = worker
        self.client = client
        self.server = server
        self.permit = permit
        idleLimit = service.tunnelIdle
        counters = service.counters
        self.onEnd = onEnd
        lastProgress = worker.loop.now
    }

    /// Begins, with the bytes that each side sent already.
    func start(fromClient early: consuming LoopBuffer?, fromServer late: consuming LoopBuffer?) {
        worker.process.active.add(1, ordering: .relaxed)
        worker.add(self)
        client.setHandler(Side(self, isClient: true))
        let side = Side(self, isClient: false)
        server.setHandler(side)
        server.writePermit = permit == nil ? nil : side
        let timer = worker.loop.makeTimer(self)
        self.timer = timer
        timer.set(lastProgress.adding(nanoseconds: idleLimit))
        if let early, !ShellMutation.seeds(.dropsEarlyBytes) { server.send(early) }
        if let late { client.send(late) }
        client.receiveContinuously()
        server.receiveContinuously()
    }

    private func received(_ buffer: consuming LoopBuffer, fromClient isFromClient: Bool) {
        lastProgress = worker.loop.now
        if isFromClient {
            counters.bytesReceived.add(buffer.count, ordering: .relaxed)
            relay(buffer, from: client, to: server, &fromClient)
        } else {
            counters.bytesSent.add(buffer.count, ordering: .relaxed)
            relay(buffer, from: server, to: client, &fromServer)
        }
    }

    private func relay(
        _ buffer: consuming LoopBuffer, from source: ByteStream, to target: ByteStream, _ direction: inout Direction
    ) {
        let isFull = buffer.isPiped ? buffer.count >= Self.fullPipe : buffer.free == 0
        direction.fullBuffers = isFull ? direction.fullBuffers + 1 : max(0, direction.fullBuffers - 1)
        // Nothing waits for a message of a conversation; a bulk transfer soon waits for room.
        let isAwaited = buffer.count > 4 << 10
        target.send(buffer, isAwaited: isAwaited)
        receiveMore(source, target, &direction)
    }

    private func receiveMore(_ source: ByteStream, _ target: ByteStream, _ direction: inout Direction) {
        guard !direction.isEnded else { return }
        direction.isPaused = target.unsent >= worker.highWater
        if direction.isPaused {
            source.pauseReceiving()
            target.awaitSent()
        } else if direction.fullBuffers > 2 {
            if target.takesPipes { source.receivePiped() } else { source.receiveOnce() }
        } else {
            source.receiveContinuously()
        }
    }

    private func sent(toClient isToClient: Bool) {
        lastProgress = worker.loop.now
        if isToClient {
            resume(server, client, &fromServer)
        } else {
            resume(client, server, &fromClient)
        }
        finishIfOver()
    }

    private func resume(_ source: ByteStream, _ target: ByteStream, _ direction: inout Direction) {
        if direction.isPaused, target.unsent < worker.highWater / 2 { receiveMore(source, target, &direction) }
        bridgeEnd(target, &direction)
    }

    /// Says FIN once everything before it is sent.
    private func bridgeEnd(_ target: ByteStream, _ direction: inout Direction) {
        guard direction.isEnded, !direction.saidEnd else { return }
        guard target.unsent == 0 || ShellMutation.seeds(.endsTunnelBeforeItIsOut) else { return target.awaitSent() }
        direction.saidEnd = true
        target.shutdownWrite()
    }

    private func ended(fromClient isFromClient: Bool) {
        if isFromClient {
            fromClient.isEnded = true
            bridgeEnd(server, &fromClient)
        } else {
            fromServer.isEnded = true
            bridgeEnd(client, &fromServer)
        }
        finishIfOver()
    }

    private func finishIfOver() {
        guard fromClient.saidEnd, fromServer.saidEnd else { return }
        // The right to write is given back when the primary's kernel has all of it, so that nothing reaches a primary that
        // is none any more.
        if permit != nil, server.unacknowledged > 0 {
            timer?.set(worker.loop.now + .milliseconds(20))
        } else {
            finish(cut: false)
        }
    }

    func timerExpired(_ timer: LoopTimer) {
        let due = lastProgress.adding(nanoseconds: idleLimit)
        if due <= worker.loop.now {
            finish(cut: true)
        } else if fromClient.saidEnd, fromServer.saidEnd {
            finishIfOver()
        } else {
            timer.set(due)
        }
    }

    /// A tunnel has no natural end: a graceful stop waits for it until the deadline.
    func drain() {}

    func abort() { finish(cut: true) }

    func cut(_ gate: WorkerGate, olderThan generation: UInt64) {
        if let permit, permit.gate === gate, permit.generation < generation { cutByGate() }
    }

    func cutUngated(_ service: ServiceRuntime) { if permit == nil, service.counters === counters { cutByGate() } }

    /// The datacenter that it writes to may not be written to any more.
    private func cutByGate() {
        counters.cut.add(1, ordering: .relaxed)
        finish(cut: true)
    }

    private func finish(cut: Bool) {
        guard !isOver else { return }
        isOver = true
        timer?.invalidate()
        timer = nil
        if cut {
            client.abort()
            server.abort()
        } else {
            client.close()
            server.close()
        }
        worker.process.active.subtract(1, ordering: .relaxed)
        worker.remove(self)
        permit?.giveBack()
        permit = nil
        onEnd?()
        onEnd = nil
    }
}
