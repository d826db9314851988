// Owns two connected streams that are one: bytes both ways, half-close bridged, an idle limit.
internal import Balancing
internal import Catalog
internal import Proactor
internal import Routing
internal import Switching
internal import Synchronization
internal import Topology

/// Relays bytes between a client and a server until both directions have ended or one side breaks.
final class Tunnel: StreamHandler, TimerHandler, Drainable {
    private let worker: Worker
    private let client: Stream
    private let server: Stream
    private let idleLimit: Int64
    private let counters: ServiceCounters
    /// Its right to write to a primary's backend, until its end.
    private var pass: AdmissionPermit?
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
        /// Receives in a row that filled their buffer: a bulk transfer, which large buffers carry at less cost.
        var fullBuffers = 0
        var isPaused = false
    }

    /// Takes both streams over.
    ///
    /// - Parameters:
    ///   - pass: nil when the service follows no primary. The tunnel gives it back.
    ///   - onEnd: called once, when the tunnel is over and both streams are closed.
    init(
        _ worker: Worker, client: Stream, server: Stream, service: ServiceRuntime, pass: AdmissionPermit?,
        onEnd: @escaping () -> Void
    ) {
        self.worker = worker
        self.client = client
        self.server = server
        self.pass = pass
        idleLimit = service.timeouts.tunnelIdle
        counters = service.counters
        self.onEnd = onEnd
        lastProgress = worker.loop.now
    }

    /// Begins, with the bytes that each side sent already.
    func start(fromClient early: LoopBuffer?, fromServer late: LoopBuffer?) {
        worker.process.active.add(1, ordering: .relaxed)
        worker.add(self)
        client.setHandler(self)
        server.setHandler(self)
        let timer = worker.loop.makeTimer(self)
        self.timer = timer
        timer.set(lastProgress.adding(nanoseconds: idleLimit))
        if let early { sendToServer(early) }
        if isOver {
            if let late { worker.loop.giveBack(late) }
            return
        }
        if let late { client.send(late) }
        client.receiveContinuously()
        server.receiveContinuously()
    }

    func stream(_ stream: Stream, received buffer: LoopBuffer) {
        lastProgress = worker.loop.now
        if stream === client {
            guard mayWrite else {
                worker.loop.giveBack(buffer)
                return cut()
            }
            counters.bytesReceived.add(buffer.count, ordering: .relaxed)
            relay(buffer, from: client, to: server, &fromClient)
        } else {
            counters.bytesSent.add(buffer.count, ordering: .relaxed)
            relay(buffer, from: server, to: client, &fromServer)
        }
    }

    private func relay(_ buffer: LoopBuffer, from source: Stream, to target: Stream, _ direction: inout Direction) {
        direction.fullBuffers = buffer.free == 0 ? direction.fullBuffers + 1 : max(0, direction.fullBuffers - 1)
        // Nothing waits for a message of a conversation; a bulk transfer soon waits for room.
        target.send(buffer, isAwaited: buffer.count > 4 << 10)
        receiveMore(source, target, &direction)
    }

    /// Sends on what the client sent with its first request, where that may be.
    private func sendToServer(_ buffer: LoopBuffer) {
        if mayWrite {
            server.send(buffer)
        } else {
            worker.loop.giveBack(buffer)
            cut()
        }
    }

    private var mayWrite: Bool { pass?.mayWrite ?? true }

    private func receiveMore(_ source: Stream, _ target: Stream, _ direction: inout Direction) {
        guard !direction.isEnded else { return }
        direction.isPaused = target.unsent >= Exchange.highWater(worker.loop)
        if direction.isPaused {
            source.pauseReceiving()
            target.awaitSent()
        } else if direction.fullBuffers > 2 {
            source.receiveOnce()
        } else {
            source.receiveContinuously()
        }
    }

    func stream(_ stream: Stream, sent count: Int) {
        lastProgress = worker.loop.now
        if stream === server {
            resume(client, server, &fromClient)
        } else {
            resume(server, client, &fromServer)
        }
        finishIfOver()
    }

    private func resume(_ source: Stream, _ target: Stream, _ direction: inout Direction) {
        if direction.isPaused, target.unsent < Exchange.highWater(worker.loop) / 2 {
            receiveMore(source, target, &direction)
        }
        bridgeEnd(target, &direction)
    }

    /// Says FIN once everything before it is sent.
    private func bridgeEnd(_ target: Stream, _ direction: inout Direction) {
        guard direction.isEnded, !direction.saidEnd else { return }
        guard target.unsent == 0 else { return target.awaitSent() }
        direction.saidEnd = true
        target.shutdownWrite()
    }

    func streamEnded(_ stream: Stream) {
        if stream === client {
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
        if pass != nil, server.unacknowledged > 0 {
            timer?.set(worker.loop.now + .milliseconds(20))
        } else {
            finish(cut: false)
        }
    }

    func stream(_ stream: Stream, failed failure: StreamFailure) { finish(cut: true) }

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
        if let pass, pass.gate === gate, pass.generation < generation { cut() }
    }

    func cutUngated(_ service: ServiceRuntime) { if pass == nil, service.counters === counters { cut() } }

    /// The datacenter that it writes to may not be written to any more.
    private func cut() {
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
        pass?.giveBack()
        pass = nil
        onEnd?()
        onEnd = nil
    }
}
