// Owns the epoll backend: the same contract as io_uring's, by edge-triggered readiness and non-blocking calls.
internal import CLinux
internal import Glibc
internal import Topology

/// Drives a loop by epoll. Submitting only notes what is asked; the calls are made between events, never inside it.
final class EpollBackend: Backend {
    private enum Kind: UInt64 { case stream = 1, acceptor, wake }
    /// Receives a stream gets before the others have their turn.
    private static let receivesInARow = 4
    private static let acceptsInARow = 8

    // SAFETY: the loop owns its backend and outlives it.
    unowned(unsafe) var loop: EventLoop!
    private let epoll: Int32
    private let wakeDescriptor: Int32
    private let pool: BufferPool
    private let slots: SlotTable
    // Streams by token: one that is gone meanwhile is not found, and no reference is counted.
    private var receives: [UInt64] = []
    private var sends: [UInt64] = []
    private var cancels: [UInt64] = []
    private static let batch = 512
    // SAFETY: allocated in init, freed in end(); read only up to `eventCount`.
    private let events: UnsafeMutablePointer<ml_readiness>
    private var eventCount = 0

    init(pool: BufferPool, slots: SlotTable, wake: Int32) throws(SystemError) {
        epoll = ml_epoll_make()
        guard epoll >= 0 else { throw .last("epoll_create1") }
        wakeDescriptor = wake
        self.pool = pool
        self.slots = slots
        events = .allocate(capacity: Self.batch)
        super.init()
        let result = ml_epoll_add_reader(epoll, wake, Kind.wake.rawValue << 56)
        guard result == 0 else { throw SystemError(code: -result, action: "epoll_ctl") }
    }

    override func end() {
        close(epoll)
        events.deallocate()
    }

    // MARK: Noting what is asked

    override func adopt(_ stream: Stream) throws(SystemError) {
        guard stream.phase == .open else { return }
        // A client speaks first: mostly its bytes are here when its connection is accepted.
        stream.edge.insert(.readable)
        try watch(stream)
    }

    private func watch(_ stream: Stream) throws(SystemError) {
        let data = Kind.stream.rawValue << 56 | slots.token(stream.slot)
        let result = ml_epoll_add_stream(epoll, stream.descriptor, data)
        guard result == 0 else { throw SystemError(code: -result, action: "epoll_ctl") }
    }

    override func armReceive(_ stream: Stream, _ mode: ReceiveMode) { queueReceive(stream) }

    private func queueReceive(_ stream: Stream) {
        guard stream.edge.contains(.readable), !stream.edge.contains(.receiveQueued) else { return }
        stream.edge.insert(.receiveQueued)
        receives.append(slots.token(stream.slot))
    }

    override func cancelReceive(_ stream: Stream) { cancels.append(slots.token(stream.slot)) }
    override func cancelAll(_ stream: Stream) {
        stream.edge.insert(.cancelled)
        cancels.append(slots.token(stream.slot))
    }

    override func submitSend(_ stream: Stream, _ manner: SendManner) { queueSend(stream) }

    private func queueSend(_ stream: Stream) {
        guard stream.edge.contains(.writable), !stream.edge.contains(.sendQueued) else { return }
        stream.edge.insert(.sendQueued)
        sends.append(slots.token(stream.slot))
    }

    /// A send waits for room by itself here, so there is room as far as anybody who asks for it can know.
    override func awaitRoom(_ stream: Stream) { loop.atEndOfTurn { stream.completeRoom() } }

    override func submitConnect(_ stream: Stream, _ address: SocketAddress) {
        let result = address.withSockaddr { Glibc.connect(stream.descriptor, $0, $1) }
        let code = result == 0 ? 0 : errno
        if code == 0 || code == EINPROGRESS {
            do throws(SystemError) {
                try watch(stream)
            } catch {
                loop.atEndOfTurn { stream.completeConnect(result: -error.code) }
            }
        } else {
            loop.atEndOfTurn { stream.completeConnect(result: -code) }
        }
    }

    override func armAccept(_ acceptor: Acceptor) {
        let data = Kind.acceptor.rawValue << 56 | slots.token(acceptor.slot)
        if !acceptor.isWatched {
            // Level-triggered: a backlog that was not emptied is reported again.
            let result = ml_epoll_add_reader(epoll, acceptor.descriptor, data)
            acceptor.isWatched = result == 0
            if result != 0 { loop.atEndOfTurn { acceptor.completeAccept(result: result, more: false) } }
        }
    }

    override func cancelAccept(_ acceptor: Acceptor) {
        loop.atEndOfTurn { acceptor.completeAccept(result: -ECANCELED, more: false) }
    }

    override func forget(_ acceptor: Acceptor) { stopWatching(acceptor) }

    private func stopWatching(_ acceptor: Acceptor) {
        guard acceptor.isWatched else { return }
        acceptor.isWatched = false
        ml_epoll_remove(epoll, acceptor.descriptor)
    }

    // MARK: Waiting and completing

    private var hasWork: Bool { !receives.isEmpty || !sends.isEmpty || !cancels.isEmpty || !finished.isEmpty }

    override func prepare() {
        // Sends that this turn queued go out before the wait, as a ring's submission would, and are told at once: the
        // next wait then collects as many events as it can. What they lead to is sent in a second and third pass.
        for _ in 0..<3 where !sends.isEmpty || !cancels.isEmpty {
            flushSends()
            completeSends()
            completeCancels()
        }
    }

    override func wait(nanoseconds: Int64?) {
        var milliseconds: Int32 = -1
        if let nanoseconds { milliseconds = Int32(clamping: (nanoseconds + 999_999) / 1_000_000) }
        if hasWork { milliseconds = 0 }
        eventCount = max(0, Int(ml_epoll_wait(epoll, events, Int32(Self.batch), milliseconds)))
    }

    // The memory of the lists before the present ones.
    private var spareSends: [UInt64] = []
    private var spareReceives: [UInt64] = []
    private var spareCancels: [UInt64] = []
    private var spareFinished: [(token: UInt64, result: Int32)] = []

    /// Sends that are done; told to their streams in `dispatch`, never inside the submitting call.
    private var finished: [(token: UInt64, result: Int32)] = []

    private func flushSends() {
        guard !sends.isEmpty else { return }
        swap(&sends, &spareSends)
        for index in spareSends.indices {
            let token = spareSends[index]
            slots.withStream(token) { stream in
                stream.edge.remove(.sendQueued)
                guard !stream.edge.contains(.cancelled), let result = trySend(stream) else { return }
                finished.append((token, result))
            }
        }
        spareSends.removeAll(keepingCapacity: true)
    }

    /// - Returns: what completes the send, or nil when the socket's buffer is full: the rest goes at the next edge.
    @inline(__always)
    private func trySend(_ stream: Stream) -> Int32? {
        // SAFETY: the stream holds the buffer for the length of the call.
        guard let bytes = stream.sending?.bytesStart else { return nil }
        guard stream.isPermitted else {
            stream.dropUnsent()
            return Stream.notPermitted
        }
        let count = stream.inFlight
        let sent = send(stream, bytes, count)
        if sent == count { return Int32(truncatingIfNeeded: sent) }
        if sent < 0 {
            let code = Int32(truncatingIfNeeded: -sent)
            if code == EAGAIN || code == EINTR {
                if code == EINTR { queueSend(stream) } else { stream.edge.remove(.writable) }
                return nil
            }
            return -code
        }
        // Like MSG_WAITALL: one completion for the whole buffer.
        stream.sending?.consume(sent)
        stream.edge.remove(.writable)
        return nil
    }

    /// - Returns: the bytes that went, or a negative errno.
    // SAFETY: `bytes` are `count` bytes of the buffer that the stream holds.
    @inline(__always)
    private func send(_ stream: Stream, _ bytes: UnsafeMutableRawPointer, _ count: Int) -> Int {
        if stream.sendsPiped { return Int(stream.sending?.drain(into: stream.descriptor) ?? 0) }
        let sent = ml_send(stream.descriptor, bytes, count, stream.flags.contains(.sendsLast))
        return sent < 0 ? -Int(errno) : sent
    }

    override func dispatch() {
        for index in 0..<eventCount {
            handle(events[index])
        }
        eventCount = 0
        completeCancels()
        completeSends()
        receiveQueued()
    }

    private func handle(_ event: ml_readiness) {
        let data = event.data
        switch Kind(rawValue: data >> 56) {
        case .wake:
            var count: UInt64 = 0
            _ = read(wakeDescriptor, &count, 8)
            loop.mailArrived()
        case .acceptor: slots.withAcceptor(data) { accept($0) }
        case .stream: slots.withStream(data) { noteReadiness($0, event) }
        default: break
        }
    }

    @inline(__always)
    private func noteReadiness(_ stream: Stream, _ event: ml_readiness) {
        if stream.phase == .connecting {
            guard event.writable, stream.flags.contains(.connects) else { return }
            finishConnect(stream)
            // The same event may tell of the peer's first bytes or FIN; no other edge will.
            guard stream.phase == .open else { return }
        }
        if event.ended { stream.edge.insert(.hungUp) }
        if event.readable {
            stream.edge.insert(.readable)
            if stream.armed != .none { receive(stream) }
        }
        if event.writable, !stream.edge.contains(.writable) {
            stream.edge.insert(.writable)
            if stream.sending != nil { queueSend(stream) }
        }
    }

    private func finishConnect(_ stream: Stream) {
        var code: Int32 = 0
        var length = socklen_t(4)
        getsockopt(stream.descriptor, SOL_SOCKET, SO_ERROR, &code, &length)
        stream.completeConnect(result: -code)
    }

    // MARK: Receiving

    private func receiveQueued() {
        guard !receives.isEmpty else { return }
        swap(&receives, &spareReceives)
        for index in spareReceives.indices {
            slots.withStream(spareReceives[index]) { stream in
                stream.edge.remove(.receiveQueued)
                if stream.armed != .none { receive(stream) }
            }
        }
        spareReceives.removeAll(keepingCapacity: true)
    }

    /// Receives until the socket is empty, the stream wants no more, or the others' turn has come.
    private func receive(_ stream: Stream) {
        for _ in 0..<Self.receivesInARow {
            guard stream.armed != .none, !stream.edge.contains(.cancelled), stream.edge.contains(.readable) else {
                return
            }
            let mode = stream.armed
            if mode == .piped {
                if !stream.receiveIntoPipe(pool) { stream.edge.remove(.readable) }
                continue
            }
            guard var buffer = pool.takeFree(mode == .singleLarge ? .large : .small) else {
                stream.completeReceive(result: -ENOBUFS, buffer: nil, more: false)
                return
            }
            let room = buffer.free
            let count = recv(stream.descriptor, buffer.bytesStart, room, 0)
            if count > 0 {
                buffer.commit(count)
                if count < room, !stream.edge.contains(.hungUp) { stream.edge.remove(.readable) }
                let more = mode == .continuous && !stream.flags.contains(.cancelling)
                stream.completeReceive(result: Int32(truncatingIfNeeded: count), buffer: buffer, more: more)
                continue
            }
            let code = count == 0 ? 0 : errno
            if code == EAGAIN || code == EINTR {
                if code == EAGAIN { stream.edge.remove(.readable) }
                continue
            }
            stream.completeReceive(result: -code, buffer: nil, more: false)
            return
        }
        queueReceive(stream)
    }

    private func completeSends() {
        guard !finished.isEmpty else { return }
        swap(&finished, &spareFinished)
        for index in spareFinished.indices {
            let (token, result) = spareFinished[index]
            slots.withStream(token) { $0.completeSend(result: result) }
        }
        spareFinished.removeAll(keepingCapacity: true)
    }

    // MARK: Cancelling and accepting

    private func completeCancels() {
        guard !cancels.isEmpty else { return }
        swap(&cancels, &spareCancels)
        for index in spareCancels.indices {
            let token = spareCancels[index]
            slots.withStream(token) { stream in
                if stream.edge.contains(.cancelled) {
                    cancelEverything(stream, token)
                } else if stream.flags.contains(.cancelling), stream.armed == .continuous {
                    stream.completeReceive(result: -ECANCELED, buffer: nil, more: false)
                }
            }
        }
        spareCancels.removeAll(keepingCapacity: true)
    }

    private func cancelEverything(_ stream: Stream, _ token: UInt64) {
        if stream.flags.contains(.connects) { stream.completeConnect(result: -ECANCELED) }
        if stream.armed != .none { stream.completeReceive(result: -ECANCELED, buffer: nil, more: false) }
        if stream.sending != nil, !finished.contains(where: { $0.token == token }) {
            stream.completeSend(result: -ECANCELED)
        }
    }

    private func accept(_ acceptor: Acceptor) {
        for _ in 0..<Self.acceptsInARow {
            guard acceptor.armed else { return }
            let connection = ml_accept(acceptor.descriptor)
            if connection >= 0 {
                // One an event: the socket is watched level-triggered and reports the next one at once, while asking
                // whether there is one would cost a call a connection.
                acceptor.completeAccept(result: connection, more: true)
                return
            }
            let code = errno
            if code == EAGAIN { return }
            if code == EINTR || code == ECONNABORTED { continue }
            // Level-triggered: without this the loop would spin on a backlog that it cannot take.
            stopWatching(acceptor)
            acceptor.completeAccept(result: -code, more: false)
            return
        }
    }
}
