// Owns sending on a stream: one buffer in flight, in order, given back when the kernel has its bytes.
internal import CLinux
internal import Glibc

extension Stream {
    /// Sends a buffer's bytes after those sent before, then gives it back. Never completes inside the call.
    ///
    /// The queue is bounded by the caller: it stops receiving from the other side while `unsent` is large.
    ///
    /// - Parameters:
    ///   - isAwaited: false when nothing is to be done once the bytes are with the kernel, and it is likely to have room
    ///     for all of them. The handler is then told together with whatever comes next, but within some 10 ms, which
    ///     spares the loop a turn; `awaitSent()` takes it back.
    ///   - isLast: whether `shutdownWrite()` or `close()` follows once it is told: FIN then goes out with the bytes.
    @inline(__always)
    public func send(_ buffer: LoopBuffer, isAwaited: Bool = true, isLast: Bool = false) {
        guard phase == .open, !buffer.isEmpty else {
            loop.giveBack(buffer)
            return
        }
        unsent += buffer.count
        let buffer = loop.holdable(buffer)
        if sending == nil {
            sendingCount = buffer.count
            sendsLast = isLast
            start(buffer, isAwaited: isAwaited || isLast)
        } else {
            enqueue(buffer)
        }
    }

    /// Somebody waits from now on to be told that the bytes of earlier sends are with the kernel.
    public func awaitSent() { loop.backend.awaitSends() }

    private func enqueue(_ buffer: LoopBuffer) {
        // The next one goes when the one in flight is done.
        awaitSent()
        if sendQueue == nil { sendQueue = [buffer] } else { sendQueue?.append(buffer) }
    }

    /// Bytes that the kernel is likely to have room for at once.
    private static let promptSize = 16 << 10

    @inline(__always)
    private func start(_ buffer: LoopBuffer, isAwaited: Bool) {
        let waits = buffer.count > Self.promptSize || cameShort
        cameShort = false
        submit(buffer, SendManner(waits: waits, more: sendsLast, isAwaited: isAwaited))
    }

    @inline(__always)
    private func submit(_ buffer: LoopBuffer, _ manner: SendManner) {
        sending = buffer
        operations += 1
        loop.backend.submitSend(self, buffer, manner)
    }

    /// Sends what there was no room for, once there is.
    private func continueSend(_ buffer: LoopBuffer) {
        cameShort = true
        submit(buffer, SendManner(waits: true, more: sendsLast, isAwaited: true))
    }

    /// The send in flight completed with `result` bytes or a negative errno.
    @inline(__always)
    func completeSend(result: Int32) {
        operations -= 1
        guard var buffer = sending else { return }
        sending = nil
        guard phase == .open else {
            loop.giveBack(buffer)
            finishClosingIfQuiet()
            return
        }
        if result == Int32(truncatingIfNeeded: buffer.count) {
            finishSend(buffer)
        } else if result > 0 {
            unsent -= Int(result)
            buffer.consume(Int(result))
            continueSend(buffer)
        } else if result == -EINTR || result == -EAGAIN {
            continueSend(buffer)
        } else {
            unsent = 0
            loop.giveBack(buffer)
            wanted = .none
            handler?.stream(self, failed: StreamFailure(code: -result))
        }
    }

    @inline(__always)
    private func finishSend(_ buffer: LoopBuffer) {
        let count = sendingCount
        loop.giveBack(buffer)
        unsent -= buffer.count
        if let next = sendQueue?.first {
            if sendQueue?.count == 1 { sendQueue = nil } else { sendQueue?.removeFirst() }
            sendingCount = next.count
            sendsLast = false
            start(next, isAwaited: true)
        }
        handler?.stream(self, sent: count)
    }

    // MARK: Polling, for splice

    /// Asks to be told once when bytes can be received or sent without blocking.
    public func poll(readable: Bool, writable: Bool) {
        guard phase == .open, readable || writable else { return }
        operations += 1
        loop.backend.submitPoll(self, readable: readable, writable: writable)
    }

    func completePoll(result: Int32) {
        operations -= 1
        guard phase == .open else {
            finishClosingIfQuiet()
            return
        }
        guard result > 0 else {
            if result != -ECANCELED { handler?.stream(self, failed: StreamFailure(code: -result)) }
            return
        }
        handler?.streamReady(self, readable: ml_poll_readable(result), writable: ml_poll_writable(result))
    }

    /// The connect completed with 0 or a negative errno.
    func completeConnect(result: Int32) {
        operations -= 1
        connectAddress = nil
        guard phase == .connecting else {
            finishClosingIfQuiet()
            return
        }
        if result == 0 {
            phase = .open
            handler?.streamConnected(self)
        } else {
            handler?.stream(self, failed: StreamFailure(code: -result))
        }
    }
}
