// Owns receiving on a stream: arming, backpressure, and keeping what a cancel came too late for.
internal import Glibc

extension Stream {
    /// Receives into small buffers until `pauseReceiving()`; for idle connections and heads. Holds no buffer while idle.
    public func receiveContinuously() { setReceive(.continuous) }

    /// Receives one more buffer, a large one if asked for; the backpressure of bodies and relays is not calling it.
    public func receiveOnce(large: Bool = true) { setReceive(large ? .singleLarge : .single) }

    /// Receives no more. What the kernel has handed over already is kept for the next request to receive.
    public func pauseReceiving() { setReceive(.none) }

    private func setReceive(_ mode: ReceiveMode) {
        guard phase == .open else { return }
        wanted = mode
        if mode != .none && (kept != nil || keptEnd != nil) {
            loop.enqueueReady(self)
            return
        }
        // Who waits for one kind of buffer need not wait when it now asks for the other.
        if starved != .none, mode != .none, (starved == .large) != (mode == .singleLarge) { starved = .none }
        reconcileReceive()
    }

    /// Brings what the backend does in line with what is wanted.
    func reconcileReceive() {
        guard phase == .open, keptEnd == nil else { return }
        if armed == .none {
            if wanted != .none, starved == .none, kept == nil { arm() }
        } else if armed == .continuous, wanted != .continuous, !cancelling {
            cancelling = true
            loop.backend.cancelReceive(self)
        }
    }

    private func arm() {
        armed = wanted
        cancelling = false
        operations += 1
        loop.backend.armReceive(self, wanted)
    }

    /// One receive completed: with bytes, at the end, out of buffers, cancelled or failed.
    ///
    /// - Parameters:
    ///   - result: bytes received, 0 at the end, or a negative errno.
    ///   - more: whether the operation goes on by itself.
    @inline(__always)
    func completeReceive(result: Int32, buffer: LoopBuffer?, more: Bool) {
        if !more {
            armed = .none
            cancelling = false
            operations -= 1
        }
        if phase != .open {
            if let buffer { loop.giveBack(buffer) }
            finishClosingIfQuiet()
            return
        }
        if result > 0, let buffer {
            if wanted == .none || kept != nil {
                keep(buffer)
            } else {
                if wanted != .continuous { wanted = .none }
                handler?.stream(self, received: buffer)
            }
        } else {
            if let buffer { loop.giveBack(buffer) }
            receiveStopped(result)
        }
        if armed == .none, wanted != .none { reconcileReceive() }
    }

    private func receiveStopped(_ result: Int32) {
        switch -result {
        case 0: deliverEnd(.ended)
        case ENOBUFS:
            if wanted != .none { loop.starve(self, large: wanted == .singleLarge) }
        case ECANCELED, EINTR, EAGAIN: break
        case let code: deliverEnd(.failed(StreamFailure(code: code)))
        }
    }

    private func deliverEnd(_ end: KeptEnd) {
        if wanted == .none || kept != nil {
            keptEnd = end
            return
        }
        wanted = .none
        switch end {
        case .ended: handler?.streamEnded(self)
        case .failed(let failure): handler?.stream(self, failed: failure)
        }
    }

    private func keep(_ buffer: LoopBuffer) {
        let buffer = loop.holdable(buffer)
        if kept == nil { kept = [buffer] } else { kept?.append(buffer) }
    }

    /// Delivers what was kept, now that it is wanted again; called by the loop outside of any submitting call.
    func deliverKept() {
        queuedReady = false
        while phase == .open, wanted != .none, let buffer = kept?.first {
            if kept?.count == 1 { kept = nil } else { kept?.removeFirst() }
            if wanted != .continuous { wanted = .none }
            handler?.stream(self, received: buffer)
        }
        guard phase == .open, wanted != .none, kept == nil else { return }
        if let end = keptEnd {
            keptEnd = nil
            deliverEnd(end)
        } else {
            reconcileReceive()
        }
    }
}
