// Owns receiving on a stream: arming, backpressure, and keeping what a cancel came too late for.
internal import Glibc

extension Stream {
    /// Receives into small buffers until `pauseReceiving()`; for idle connections and heads. Holds no buffer while idle.
    public func receiveContinuously() { setReceive(.continuous) }

    /// Receives one more buffer, a large one if asked for; the backpressure of bodies and relays is not calling it.
    public func receiveOnce(large: Bool = true) { setReceive(large ? .singleLarge : .single) }

    /// Bytes that `receivePiped()` takes at most.
    public static var mostPiped: Int { PipeStock.room }

    /// Receives once, at most `mostPiped` bytes, without copying them: the buffer can be sent on over a plain stream, and
    /// not be read (`isPiped`). An ordinary buffer when there are no pipes, or its bytes had come before.
    public func receivePiped() { setReceive(withLoop { $0.pool.pipes.isUseful } ? .piped : .singleLarge) }

    /// Receives no more. What the kernel has handed over already is kept for the next request to receive.
    public func pauseReceiving() { setReceive(.none) }

    private func setReceive(_ mode: ReceiveMode) {
        guard phase == .open else { return }
        wanted = mode
        if mode != .none && (!kept.isEmpty || keptEnd != .none) {
            loop.enqueueReady(self)
            return
        }
        // Who waits for one kind of buffer need not wait when it now asks for the other.
        if starved != .none, mode != .none, (starved == .large) != (mode == .singleLarge) { starved = .none }
        reconcileReceive()
    }

    /// Brings what the backend does in line with what is wanted.
    func reconcileReceive() {
        guard phase == .open, keptEnd == .none else { return }
        if armed == .none {
            if wanted != .none, starved == .none, kept.isEmpty { arm() }
        } else if armed == .continuous, wanted != .continuous, !flags.contains(.cancelling) {
            flags.insert(.cancelling)
            withLoop { $0.backend.cancelReceive(self) }
        }
    }

    private func arm() {
        armed = wanted
        flags.remove(.cancelling)
        operations &+= 1
        withLoop { $0.backend.armReceive(self, wanted) }
    }

    /// One receive completed: with bytes, at the end, out of buffers, cancelled or failed.
    ///
    /// - Parameters:
    ///   - result: bytes received, 0 at the end, or a negative errno.
    ///   - more: whether the operation goes on by itself.
    @inline(__always)
    func completeReceive(result: Int32, buffer: consuming LoopBuffer?, more: Bool) {
        if !more {
            if flags.contains(.floods) { noteFlood(result) }
            armed = .none
            flags.remove(.cancelling)
            operations &-= 1
        }
        guard phase == .open else {
            finishClosingIfQuiet()
            return
        }
        if result > 0, let buffer {
            if wanted == .none || !kept.isEmpty {
                if flags.contains(.cancelling) { flags.insert(.floods) }
                kept.append(buffer.holdable())
            } else {
                if wanted != .continuous { wanted = .none }
                tellReceived(buffer)
            }
        } else {
            receiveStopped(result)
        }
        if armed == .none, wanted != .none { reconcileReceive() }
    }

    /// A receive of one buffer that did not fill it has taken all there was: the flood is over.
    private func noteFlood(_ result: Int32) {
        guard armed == .continuous, result > 0 else { return }
        if Int(result) < withLoop({ $0.pool.small.size }) { flags.remove(.floods) }
    }

    /// Something has come for a receive into a pipe.
    ///
    /// - Returns: whether it has completed; else nothing had come after all.
    @discardableResult
    func receiveIntoPipe(_ pool: BufferPool) -> Bool {
        guard wanted == .piped, phase == .open else { return rearm() }
        guard var buffer = pool.takePipe() else {
            wanted = .singleLarge
            return rearm()
        }
        let result = buffer.fill(from: descriptor)
        switch -result {
        case EAGAIN: return false
        case EINVAL, EPERM, ENOSYS:
            pool.pipes.forbid()
            wanted = .singleLarge
            return rearm()
        default:
            if result > 0 {
                completeReceive(result: result, buffer: buffer, more: false)
            } else {
                completeReceive(result: result, buffer: nil, more: false)
            }
            return true
        }
    }

    /// Ends the receive with nothing, to begin the one that is wanted now.
    private func rearm() -> Bool {
        completeReceive(result: -EAGAIN, buffer: nil, more: false)
        return true
    }

    private func receiveStopped(_ result: Int32) {
        switch -result {
        case 0: deliver(.ended)
        case ENOBUFS:
            if wanted != .none { loop.starve(self, large: wanted == .singleLarge) }
        case ECANCELED, EINTR, EAGAIN: break
        case let code: deliver(KeptEnd(code: code))
        }
    }

    private func deliver(_ end: KeptEnd) {
        if wanted == .none || !kept.isEmpty {
            keptEnd = end
            return
        }
        wanted = .none
        if end == .ended {
            tellEnded()
        } else {
            tellFailed(StreamFailure(code: end.code))
        }
    }

    /// Delivers what was kept, now that it is wanted again; called by the loop outside of any submitting call.
    func deliverKept() {
        flags.remove(.queuedReady)
        while phase == .open, wanted != .none, let buffer = kept.popFirst() {
            if wanted != .continuous { wanted = .none }
            tellReceived(buffer)
        }
        guard phase == .open, wanted != .none, kept.isEmpty else { return }
        if keptEnd != .none {
            let end = keptEnd
            keptEnd = .none
            deliver(end)
        } else {
            reconcileReceive()
        }
    }
}
