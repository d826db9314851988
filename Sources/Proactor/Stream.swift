// Owns one connected socket on a loop: what was asked of it and what is in flight.
internal import CLinux
internal import Glibc
internal import Topology

/// What happens on a `Stream`. All calls come on the loop's thread, never from inside a call to the stream.
public protocol StreamHandler: AnyObject {
    /// A `connect` succeeded.
    func streamConnected(_ stream: Stream)
    /// Bytes arrived; the buffer is the handler's now, to send on, keep or let go of.
    func stream(_ stream: Stream, received buffer: consuming LoopBuffer)
    /// The peer will send nothing more (FIN).
    func streamEnded(_ stream: Stream)
    /// A buffer of `count` bytes is wholly with the kernel. `stream.unsent` tells what is left.
    func stream(_ stream: Stream, sent count: Int)
    /// The connection is of no more use; close it.
    func stream(_ stream: Stream, failed failure: StreamFailure)
}

extension StreamHandler {
    public func streamConnected(_ stream: Stream) {}
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
    /// Once, into a pipe.
    case piped
}

/// A connected or connecting stream socket. Belongs to one loop and its thread.
///
/// Life: connecting → open → closing → closed. `close()` may come at any time; the descriptor is closed when the last
/// operation has completed, and no call of the handler comes after it.
///
/// There is one for each idle connection, so what it stores is packed: 136 bytes.
public final class Stream {
    enum Phase: UInt8 { case connecting, open, closing, closed }

    // SAFETY: a stream is used on its loop's thread only, which holds the loop for as long as it runs.
    private let owner: Unmanaged<EventLoop>
    let descriptor: Int32
    let slot: UInt32
    var handler: (any StreamHandler)?
    /// Asked before each submission of bytes to the kernel: for the first part of a buffer, for one that had to wait
    /// for another, and for the rest of one that the kernel did not take whole. nil: they may always go.
    ///
    /// When it says no, nothing is submitted, all bytes that are not with the kernel are dropped, and the handler hears of
    /// `StreamFailure.notPermitted` later; nothing that is sent afterwards goes out, nor does FIN. Abort the stream then:
    /// its peer may have a part of what was meant for it.
    public var writePermit: (any WritePermit)?
    var phase: Phase

    // Receiving: what the handler wants, and what the backend is doing.
    var wanted = ReceiveMode.none
    var armed = ReceiveMode.none
    /// The pool whose exhaustion it waits out.
    var starved = Starvation.none
    var flags: Flags = []
    /// The epoll backend's knowledge of the descriptor.
    var edge: EdgeState = .writable
    /// Operations that the backend still owes a completion; at most a receive, a send and a connect.
    var operations: UInt8 = 0
    /// Set once the peer's FIN or a failure came while nothing was wanted.
    var keptEnd = KeptEnd.none
    /// The size of `sending` when it was submitted; the buffer itself shrinks while parts of it go.
    var sendingCount: Int32 = 0
    /// What arrived while nothing was wanted.
    var kept = BufferQueue()
    // Sending: one buffer in flight, the others in order behind it.
    var sending: LoopBuffer?
    var sendQueue = BufferQueue()

    struct Flags: OptionSet {
        let rawValue: UInt8
        /// The continuous receive in flight is being cancelled.
        static let cancelling = Flags(rawValue: 1)
        /// The loop will deliver what was kept.
        static let queuedReady = Flags(rawValue: 2)
        /// The kernel had no room for all of a send: then the next one waits for room, and completes when it has it.
        static let cameShort = Flags(rawValue: 4)
        /// FIN follows the bytes in flight.
        static let sendsLast = Flags(rawValue: 8)
        /// Bytes were dropped: what came after them must not reach the peer as if it were whole.
        static let sendsNoMore = Flags(rawValue: 16)
        /// A connect is in flight.
        static let connects = Flags(rawValue: 32)
        /// A layer above encrypts: only it may send.
        static let layered = Flags(rawValue: 64)
        /// More came than was wanted before a continuous receive could be ended: from now on one that is wanted is armed
        /// for a buffer at a time, until one comes that is not full.
        static let floods = Flags(rawValue: 128)
    }

    enum Starvation: UInt8 { case none, small, large }

    /// How receiving ended: not, by FIN, or with an errno.
    struct KeptEnd: Equatable {
        let code: Int32
        static let none = KeptEnd(code: -1)
        static let ended = KeptEnd(code: 0)
    }

    init(loop: EventLoop, descriptor: Int32, slot: UInt32, handler: any StreamHandler, phase: Phase) {
        owner = .passUnretained(loop)
        self.descriptor = descriptor
        self.slot = slot
        self.handler = handler
        self.phase = phase
    }

    /// The loop that it belongs to.
    public var loop: EventLoop { owner.takeUnretainedValue() }

    /// Calls `body` with the loop without counting a reference to it, as `loop` would.
    @inline(__always)
    func withLoop<Result>(_ body: (EventLoop) -> Result) -> Result { owner._withUnsafeGuaranteedRef(body) }

    /// Hands the stream's events to another object from now on.
    public func setHandler(_ handler: any StreamHandler) { replaceHandler(handler) }

    /// One that is replaced may be at work further up the stack, so it is kept until the turn's end.
    private func replaceHandler(_ new: (any StreamHandler)?) {
        if let handler { withLoop { $0.slots.keepUntilTurnEnds(handler) } }
        handler = new
    }

    /// Whether `close()` was not called yet.
    public var isOpen: Bool { phase == .open || phase == .connecting }
    /// Whether it is connected and not closed.
    public var isConnected: Bool { phase == .open }

    /// The peer's address; nil when the connection is gone already.
    public var peerAddress: SocketAddress? { SocketAddress.of(descriptor, peer: true) }
    /// The own address; nil when the connection is gone already.
    public var localAddress: SocketAddress? { SocketAddress.of(descriptor, peer: false) }

    // MARK: Closing

    /// Says FIN to the peer. What was queued for sending must be sent before.
    ///
    /// Nothing happens when bytes were dropped: FIN would tell the peer that it has all of them.
    public func shutdownWrite() {
        if phase == .open, !flags.contains(.sendsNoMore) { shutdown(descriptor, Int32(SHUT_WR)) }
    }

    /// Ends the connection in the normal way: the kernel still delivers what it has.
    ///
    /// What it has not is dropped: buffers that wait behind a send in flight at once, and of that one itself what the
    /// kernel has no room for. Whoever wants all to arrive waits until `unsent` is 0. A send in flight is still completed,
    /// which nobody is told, and its buffer stays lent until then; `unsent` counts its bytes and no others.
    public func close() {
        guard isOpen else { return }
        phase = .closing
        replaceHandler(nil)
        wanted = .none
        kept.removeAll()
        sendQueue.removeAll()
        if operations > 0 { withLoop { $0.backend.cancelAll(self) } }
        finishClosingIfQuiet()
    }

    /// Ends the connection with a reset (SO_LINGER 0): the peer learns that something was cut off.
    ///
    /// When this returns nothing more of what was sent leaves this machine: what was queued is dropped, here and by the
    /// kernel, and a send that is in flight fails. (Of TCP; a Unix socket is closed when its last operation has completed.)
    public func abort() {
        guard isOpen else { return }
        _ = ml_reset_on_close(descriptor)
        _ = ml_disconnect(descriptor)
        close()
    }

    /// Closes it like `close()`, with last bytes if nothing that was sent before is on its way: as many of them as the kernel
    /// takes at once.
    package func close(saying bytes: consuming LoopBuffer) {
        if sending == nil { _ = sendAtOnce(bytes) }
        close()
    }

    /// Closes the descriptor once nothing in flight can touch it or its buffers any more.
    func finishClosingIfQuiet() {
        guard phase == .closing, operations == 0 else { return }
        phase = .closed
        sending = nil
        writePermit = nil
        Glibc.close(descriptor)
        withLoop { $0.release(self) }
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
