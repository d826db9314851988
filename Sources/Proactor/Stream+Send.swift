// Owns sending on a stream: one buffer in flight, in order, given back when the kernel has its bytes.
internal import CLinux
internal import Glibc

extension Stream {
    /// Sends a buffer's bytes after those sent before. Never completes inside the call.
    ///
    /// The queue is bounded by the caller: it stops receiving from the other side while `unsent` is large.
    ///
    /// - Parameters:
    ///   - isAwaited: false when nothing is to be done once the bytes are with the kernel, and it is likely to have room
    ///     for all of them. The handler is then told together with whatever comes next, but within some 10 ms, which
    ///     spares the loop a turn; `awaitSent()` takes it back.
    ///   - isLast: whether `shutdownWrite()` or `close()` follows once it is told: FIN then goes out with the bytes.
    @inline(__always)
    public func send(_ buffer: consuming LoopBuffer, isAwaited: Bool = true, isLast: Bool = false) {
        guard flags.isDisjoint(with: [.sendsNoMore, .layered]) else {
            assert(!flags.contains(.layered), "under a layer only the layer sends")
            return
        }
        submit(buffer, isAwaited: isAwaited, isLast: isLast)
    }

    /// Only what is sent by `sendBelow` goes out from now on: a layer encrypts, and nothing may go past it.
    package func setLayered() { flags.insert(.layered) }

    /// Sends like `send`, for the layer above.
    package func sendBelow(_ buffer: consuming LoopBuffer, isAwaited: Bool = true, isLast: Bool = false) {
        if !flags.contains(.sendsNoMore) { submit(buffer, isAwaited: isAwaited, isLast: isLast) }
    }

    /// Sends, inside the call, as many bytes as the kernel takes now, while no send is in flight. For last words that
    /// `close()` would not wait for.
    ///
    /// - Returns: how many went.
    package func sendAtOnce(_ buffer: borrowing LoopBuffer) -> Int {
        guard phase == .open, sending == nil, !flags.contains(.sendsNoMore), isPermitted else { return 0 }
        // SAFETY: the buffer is the caller's for the length of the call.
        if buffer.isPiped { return max(0, Int(buffer.drain(into: descriptor))) }
        return max(0, ml_send(descriptor, buffer.bytesStart, buffer.count, false))
    }

    @inline(__always)
    private func submit(_ buffer: consuming LoopBuffer, isAwaited: Bool, isLast: Bool) {
        guard phase == .open, !buffer.isEmpty else { return }
        let holdable = buffer.holdable()
        if sending == nil {
            if isLast { flags.insert(.sendsLast) } else { flags.remove(.sendsLast) }
            start(holdable, isAwaited: isAwaited || isLast)
        } else {
            enqueue(holdable)
        }
    }

    /// Bytes accepted by `send` and not yet with the kernel; 0 once they were dropped.
    public var unsent: Int { inFlight + sendQueue.byteCount }

    /// Somebody waits from now on to be told that the bytes of earlier sends are with the kernel.
    public func awaitSent() { withLoop { $0.backend.awaitSends() } }

    private func enqueue(_ buffer: consuming LoopBuffer) {
        // The next one goes when the one in flight is done.
        awaitSent()
        sendQueue.append(buffer)
    }

    /// Bytes that the kernel is likely to have room for at once.
    private static let promptSize = 16 << 10

    /// What is left of the buffer in flight.
    @inline(__always)
    var inFlight: Int { sending?.count ?? 0 }

    /// Whether the buffer in flight is a pipe.
    @inline(__always)
    var sendsPiped: Bool { sending?.isPiped ?? false }

    @inline(__always)
    private func start(_ buffer: consuming LoopBuffer, isAwaited: Bool) {
        let count = buffer.count
        sendingCount = Int32(truncatingIfNeeded: count)
        sending = consume buffer
        // The kernel must not go on with the rest by itself where somebody has to be asked first.
        let waits = writePermit == nil && (count > Self.promptSize || flags.contains(.cameShort))
        flags.remove(.cameShort)
        submit(waits: waits, isAwaited: isAwaited)
    }

    @inline(__always)
    private func submit(waits: Bool, isAwaited: Bool) {
        operations &+= 1
        let manner = SendManner(waits: waits, more: flags.contains(.sendsLast), isAwaited: isAwaited)
        withLoop { $0.backend.submitSend(self, manner) }
    }

    /// Sends what there was no room for, once there is.
    private func continueSend() {
        flags.insert(.cameShort)
        if writePermit == nil, !sendsPiped { submit(waits: true, isAwaited: true) } else { awaitRoom() }
    }

    /// Has `completeRoom` called once the kernel has room.
    func awaitRoom() {
        operations &+= 1
        withLoop { $0.backend.awaitRoom(self) }
    }

    /// The kernel has room again, or the connection broke, which the next send will find out.
    func completeRoom() {
        operations &-= 1
        guard phase == .open else { return finishClosingIfQuiet() }
        if sending != nil { submit(waits: false, isAwaited: true) }
    }

    /// The send in flight completed with `result` bytes, a negative errno or `notPermitted`.
    @inline(__always)
    func completeSend(result: Int32) {
        operations &-= 1
        guard phase == .open else {
            sending = nil
            finishClosingIfQuiet()
            return
        }
        let count = inFlight
        if result > 0, Int(result) >= count {
            finishSend()
        } else if result > 0 {
            sending?.consume(Int(result))
            continueSend()
        } else if result == -EINTR || result == -EAGAIN {
            continueSend()
        } else {
            dropUnsent()
            wanted = .none
            let failure = result == Self.notPermitted ? .notPermitted : StreamFailure(code: -result)
            tellFailed(failure)
        }
    }

    @inline(__always)
    private func finishSend() {
        let count = Int(sendingCount)
        sending = nil
        if let next = sendQueue.popFirst() {
            flags.remove(.sendsLast)
            start(next, isAwaited: true)
        }
        tellSent(count)
    }

    // MARK: The permit

    /// What a send completes with that the permit forbade. No errno.
    static let notPermitted = Int32.min

    /// Whether bytes may go to the kernel now.
    @inline(__always)
    var isPermitted: Bool { writePermit?.mayWrite() ?? true }

    /// Lets go of all bytes that are not with the kernel, for good: what follows them would not make sense to the peer.
    func dropUnsent() {
        flags.insert(.sendsNoMore)
        sending = nil
        sendQueue.removeAll()
    }

    // MARK: Connecting

    /// The connect completed with 0 or a negative errno.
    func completeConnect(result: Int32) {
        operations &-= 1
        flags.remove(.connects)
        guard phase == .connecting else {
            finishClosingIfQuiet()
            return
        }
        if result == 0 {
            phase = .open
            tellConnected()
        } else {
            tellFailed(StreamFailure(code: -result))
        }
    }
}
