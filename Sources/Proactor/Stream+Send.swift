// Owns sending on a stream: one buffer in flight, in order, given back when the kernel has its bytes.
internal import CLinux
internal import Glibc

extension Stream {
    /// Sends a buffer's bytes after those sent before, then gives it back. Never completes inside the call.
    ///
    /// The queue is bounded by the caller: it stops receiving from the other side while `unsent` is large.
    @inline(__always)
    public func send(_ buffer: LoopBuffer) {
        guard phase == .open, !buffer.isEmpty else {
            loop.giveBack(buffer)
            return
        }
        unsent += buffer.count
        let buffer = loop.holdable(buffer)
        if sending == nil {
            sendingCount = buffer.count
            start(buffer)
        } else {
            enqueue(buffer)
        }
    }

    private func enqueue(_ buffer: LoopBuffer) {
        if sendQueue == nil { sendQueue = [buffer] } else { sendQueue?.append(buffer) }
    }

    @inline(__always)
    private func start(_ buffer: LoopBuffer) {
        sending = buffer
        operations += 1
        loop.backend.submitSend(self, buffer)
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
            // MSG_WAITALL sends come short only when a signal or the backend cut in: the rest goes next.
            unsent -= Int(result)
            buffer.consume(Int(result))
            start(buffer)
        } else if result == -EINTR || result == -EAGAIN {
            start(buffer)
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
            start(next)
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
