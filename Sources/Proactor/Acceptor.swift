// Owns one listening socket on a loop.
internal import CLinux
internal import Glibc
internal import Topology

/// What happens on a listening socket.
public protocol AcceptHandler: AnyObject {
    /// A connection came; `adopt` it with `EventLoop.adopt(_:handler:)` or let `refuse` close it.
    func acceptor(_ acceptor: Acceptor, accepted connection: AcceptedConnection)
    /// Accepting failed, for example for lack of descriptors; it goes on by itself a little later.
    func acceptor(_ acceptor: Acceptor, failed error: SystemError)
    /// `cancel()` is complete: no more connections come, and the socket is closed.
    func acceptorClosed(_ acceptor: Acceptor)
}

/// A connection that no stream owns yet. Not to be copied around: adopt it or refuse it, once.
public struct AcceptedConnection {
    let descriptor: Int32

    /// Closes it at once; with a reset, so that the client sees a refusal and not an empty answer.
    public func refuse() {
        _ = ml_reset_on_close(descriptor)
        close(descriptor)
    }
}

/// A listening socket that hands over connections until it is cancelled.
public final class Acceptor: TimerHandler {
    private enum Phase {
        case accepting
        /// No handshake begins any more; those that are under way are waited for.
        case closing
        /// Waits for the backend's last completion.
        case cancelling
        case finished
    }

    /// How long handshakes that are under way are waited for: a round trip, for most clients.
    private static let grace = Duration.milliseconds(100)

    unowned let loop: EventLoop
    let descriptor: Int32
    let slot: UInt32
    private var handler: (any AcceptHandler)?
    var armed = false
    private var phase = Phase.accepting
    /// Due when it accepts again after a failure, or when its grace is over.
    private var timer: LoopTimer?
    /// Whether epoll watches the descriptor.
    var isWatched = false

    init(loop: EventLoop, descriptor: Int32, slot: UInt32, handler: any AcceptHandler) {
        self.loop = loop
        self.descriptor = descriptor
        self.slot = slot
        self.handler = handler
        timer = loop.makeTimer(self)
    }

    /// The bound address, with the port that the system chose for port 0.
    public var address: SocketAddress? { SocketAddress.of(descriptor, peer: false) }

    func arm() {
        armed = true
        loop.backend.armAccept(self)
    }

    /// Lets no more connections begin, takes those that have begun, and closes the socket.
    ///
    /// Closing alone would reset what is in the backlog and each handshake under way, and its client would see a failed
    /// request. So SYNs are dropped first: their clients send them again a second later, and are refused then, or
    /// reach whoever listens there now.
    public func cancel() {
        guard phase == .accepting else { return }
        if handler != nil, ml_stop_handshakes(descriptor) == 0 {
            phase = .closing
            timer?.set(loop.now + Self.grace)
        } else {
            stopAccepting()
        }
    }

    /// Cancels at once, without a word to the handler, and refuses what still comes: for the end of the loop.
    func abandon() {
        handler = nil
        if phase == .accepting || phase == .closing { stopAccepting() }
    }

    private func stopAccepting() {
        phase = .cancelling
        timer?.cancel()
        if armed { loop.backend.cancelAccept(self) } else { finish() }
    }

    /// One accept completed: with a descriptor or a negative errno.
    func completeAccept(result: Int32, more: Bool) {
        if !more { armed = false }
        if result >= 0 {
            let connection = AcceptedConnection(descriptor: result)
            if let handler { handler.acceptor(self, accepted: connection) } else { connection.refuse() }
        } else if result != -ECANCELED, phase == .accepting {
            acceptFailed(-result)
        }
        guard !armed else { return }
        switch phase {
        case .accepting: if timer?.deadline == .distantFuture { arm() }
        case .closing: break
        case .cancelling: finish()
        case .finished: break
        }
    }

    /// Without descriptors accepting would fail again at once: wait a moment instead of spinning.
    private func acceptFailed(_ code: Int32) {
        if code == ECONNABORTED || code == EINTR || code == EAGAIN { return }
        handler?.acceptor(self, failed: SystemError(code: code, action: "accept"))
        timer?.set(loop.now + .milliseconds(100))
    }

    public func timerExpired(_ timer: LoopTimer) {
        switch phase {
        case .accepting: if !armed { arm() }
        case .closing: stopAccepting()
        case .cancelling, .finished: break
        }
    }

    private func finish() {
        guard phase != .finished else { return }
        phase = .finished
        if let handler { drainBacklog(handler) }
        timer?.invalidate()
        loop.backend.forget(self)
        close(descriptor)
        handler?.acceptorClosed(self)
        handler = nil
        loop.release(self)
    }

    /// Connections that the kernel has completed belong to clients that think they are served.
    private func drainBacklog(_ handler: any AcceptHandler) {
        for _ in 0..<4096 {
            let connection = ml_accept(descriptor)
            guard connection >= 0 else { return }
            handler.acceptor(self, accepted: AcceptedConnection(descriptor: connection))
        }
    }
}
