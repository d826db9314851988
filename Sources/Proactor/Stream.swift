// Owns one connected socket on a loop: what was asked of it and what is in flight.
internal import CLinux
internal import Glibc
internal import Topology

/// What happens on a `Stream`. All calls come on the loop's thread, never from inside a call to the stream.
public protocol StreamHandler: AnyObject {
    /// A `connect` succeeded.
    func streamConnected(_ stream: Stream)
    /// Bytes arrived; the buffer is the handler's now, to send on or give back.
    func stream(_ stream: Stream, received buffer: LoopBuffer)
    /// The peer will send nothing more (FIN).
    func streamEnded(_ stream: Stream)
    /// A buffer of `count` bytes is wholly with the kernel. `stream.unsent` tells what is left.
    func stream(_ stream: Stream, sent count: Int)
    /// A poll was answered.
    func streamReady(_ stream: Stream, readable: Bool, writable: Bool)
    /// The connection is of no more use; close it.
    func stream(_ stream: Stream, failed failure: StreamFailure)
}

extension StreamHandler {
    public func streamConnected(_ stream: Stream) {}
    public func streamReady(_ stream: Stream, readable: Bool, writable: Bool) {}
}

/// How a stream receives.
enum ReceiveMode: UInt8 {
    case none
    /// Into small buffers, again and again.
    case continuous
    /// Once, into a small buffer.
    case single
    /// Once, into a large buffer.
    case singleLarge
}

/// A connected or connecting stream socket. Belongs to one loop and its thread.
///
/// Life: connecting → open → closing → closed. `close()` may come at any time; the descriptor is closed when the last
/// operation has completed, and no call of the handler comes after it.
public final class Stream {
    enum Phase: UInt8 { case connecting, open, closing, closed }

    // SAFETY: a stream is used on its loop's thread only, which holds the loop for as long as it runs.
    public unowned(unsafe) let loop: EventLoop
    let descriptor: Int32
    let slot: UInt32
    var handler: (any StreamHandler)?
    var phase: Phase

    // Receiving: what the handler wants, and what the backend is doing.
    var wanted = ReceiveMode.none
    var armed = ReceiveMode.none
    var cancelling = false
    /// The pool whose exhaustion it waits out.
    var starved = Starvation.none
    var queuedReady = false
    /// Set once the peer's FIN or a failure came while nothing was wanted.
    var keptEnd: KeptEnd?
    /// What arrived while nothing was wanted.
    var kept: [LoopBuffer]?

    // Sending: one buffer in flight, the others in order behind it.
    var sending: LoopBuffer?
    /// The size of `sending` when it was submitted; the buffer itself shrinks while parts of it go.
    var sendingCount = 0
    var sendQueue: [LoopBuffer]?
    /// Whether the kernel had no room for all of a send: then the next one waits for room, and completes when it has it.
    var cameShort = false
    /// Whether FIN follows the bytes in flight.
    var sendsLast = false
    /// Bytes accepted by `send` and not yet with the kernel.
    public internal(set) var unsent = 0

    /// Operations that the backend still owes a completion.
    var operations: Int32 = 0
    var connectAddress: SocketAddress?
    // The epoll backend's knowledge of the descriptor.
    var edge = EdgeState()

    enum Starvation: UInt8 { case none, small, large }
    enum KeptEnd { case ended, failed(StreamFailure) }

    init(loop: EventLoop, descriptor: Int32, slot: UInt32, handler: any StreamHandler, phase: Phase) {
        self.loop = loop
        self.descriptor = descriptor
        self.slot = slot
        self.handler = handler
        self.phase = phase
    }

    /// Hands the stream's events to another object from now on.
    public func setHandler(_ handler: any StreamHandler) { self.handler = handler }

    /// Whether `close()` was not called yet.
    public var isOpen: Bool { phase == .open || phase == .connecting }

    /// The peer's address; nil when the connection is gone already.
    public var peerAddress: SocketAddress? { SocketAddress.of(descriptor, peer: true) }
    /// The own address; nil when the connection is gone already.
    public var localAddress: SocketAddress? { SocketAddress.of(descriptor, peer: false) }

    // MARK: Closing

    /// Says FIN to the peer. What was queued for sending must be sent before.
    public func shutdownWrite() {
        if phase == .open { shutdown(descriptor, Int32(SHUT_WR)) }
    }

    /// Ends the connection in the normal way: the kernel still delivers what it has.
    public func close() {
        guard phase == .open || phase == .connecting else { return }
        phase = .closing
        handler = nil
        wanted = .none
        releaseKept()
        if let queue = sendQueue {
            for buffer in queue { loop.giveBack(buffer) }
            sendQueue = nil
        }
        if operations > 0 { loop.backend.cancelAll(self) }
        finishClosingIfQuiet()
    }

    /// Ends the connection with a reset (SO_LINGER 0): the peer learns that something was cut off.
    ///
    /// When this returns nothing more of what was sent leaves this machine: the kernel has dropped what it had queued, and
    /// a send that is in flight fails. (Of TCP; a Unix socket is closed when its last operation has completed.)
    public func abort() {
        guard phase == .open || phase == .connecting else { return }
        _ = ml_reset_on_close(descriptor)
        _ = ml_disconnect(descriptor)
        close()
    }

    /// Closes the descriptor once nothing in flight can touch it or its buffers any more.
    func finishClosingIfQuiet() {
        guard phase == .closing, operations == 0 else { return }
        phase = .closed
        if let buffer = sending {
            sending = nil
            loop.giveBack(buffer)
        }
        releaseKept()
        loop.backend.forget(self)
        Glibc.close(descriptor)
        loop.release(self)
    }

    private func releaseKept() {
        if let buffers = kept {
            for buffer in buffers { loop.giveBack(buffer) }
            kept = nil
        }
    }

    /// Bytes that the peer's kernel has not acknowledged yet, FIN counted as one; 0 when that is not known.
    public var unacknowledged: Int { max(0, Int(ml_unacknowledged(descriptor))) }

    // MARK: Options

    /// Sets TCP_USER_TIMEOUT: how long sent bytes may stay unacknowledged before the kernel gives the connection up.
    public func setUserTimeout(_ timeout: Duration) {
        let milliseconds = Int32(clamping: timeout.wholeNanoseconds / 1_000_000)
        _ = ml_set_option(descriptor, Int32(IPPROTO_TCP), Int32(TCP_USER_TIMEOUT), milliseconds)
    }
}
