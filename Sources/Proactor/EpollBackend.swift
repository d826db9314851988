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
    private var small: BufferStack
    private var large: BufferStack
    private var receives: [Stream] = []
    private var sends: [Stream] = []
    private var polls: [Stream] = []
    private var cancels: [Stream] = []
    private var acceptors: [Acceptor] = []
    private static let batch = 512
    // SAFETY: allocated in init, freed in end(); read only up to `eventCount`.
    private let events: UnsafeMutablePointer<ml_readiness>
    private var eventCount = 0

    init(buffers: LoopBuffers, wake: Int32) throws(SystemError) {
        epoll = ml_epoll_make()
        guard epoll >= 0 else { throw .last("epoll_create1") }
        wakeDescriptor = wake
        small = BufferStack(.small, count: buffers.smallCount, size: buffers.smallSize)
        large = BufferStack(.large, count: buffers.largeCount, size: buffers.largeSize)
        events = .allocate(capacity: Self.batch)
        super.init()
        let result = ml_epoll_add_reader(epoll, wake, Kind.wake.rawValue << 56)
        guard result == 0 else { throw SystemError(code: -result, action: "epoll_ctl") }
    }

    override func end() {
        close(epoll)
        small.release()
        large.release()
        events.deallocate()
    }

    // MARK: Noting what is asked

    override func adopt(_ stream: Stream) throws(SystemError) {
        guard stream.phase == .open else { return }
        // A client speaks first: mostly its bytes are here when its connection is accepted.
        stream.edge.readable = true
        try watch(stream)
    }

    private func watch(_ stream: Stream) throws(SystemError) {
        let data = Kind.stream.rawValue << 56 | loop.slots.token(stream.slot)
        let result = ml_epoll_add_stream(epoll, stream.descriptor, data)
        guard result == 0 else { throw SystemError(code: -result, action: "epoll_ctl") }
    }

    override func armReceive(_ stream: Stream, _ mode: ReceiveMode) { queueReceive(stream) }

    private func queueReceive(_ stream: Stream) {
        guard stream.edge.readable, !stream.edge.receiveQueued else { return }
        stream.edge.receiveQueued = true
        receives.append(stream)
    }

    override func cancelReceive(_ stream: Stream) { cancels.append(stream) }
    override func cancelAll(_ stream: Stream) {
        stream.edge.cancelled = true
        cancels.append(stream)
    }

    override func submitSend(_ stream: Stream, _ buffer: LoopBuffer, _ manner: SendManner) { queueSend(stream) }

    private func queueSend(_ stream: Stream) {
        guard stream.edge.writable, !stream.edge.sendQueued else { return }
        stream.edge.sendQueued = true
        sends.append(stream)
    }

    override func submitPoll(_ stream: Stream, readable: Bool, writable: Bool) {
        stream.edge.polls.append(EdgeState.PollInterest(readable: readable, writable: writable))
        polls.append(stream)
    }

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
        let data = Kind.acceptor.rawValue << 56 | loop.slots.token(acceptor.slot)
        if !acceptor.edge.watched {
            // Level-triggered: a backlog that was not emptied is reported again.
            let result = ml_epoll_add_reader(epoll, acceptor.descriptor, data)
            acceptor.edge.watched = result == 0
            if result != 0 { loop.atEndOfTurn { acceptor.completeAccept(result: result, more: false) } }
        }
    }

    override func cancelAccept(_ acceptor: Acceptor) {
        loop.atEndOfTurn { acceptor.completeAccept(result: -ECANCELED, more: false) }
    }

    override func forget(_ acceptor: Acceptor) { stopWatching(acceptor) }

    private func stopWatching(_ acceptor: Acceptor) {
        guard acceptor.edge.watched else { return }
        acceptor.edge.watched = false
        ml_epoll_remove(epoll, acceptor.descriptor)
    }

    override func giveBack(_ buffer: LoopBuffer) {
        if buffer.home == .small { small.push(buffer.index) } else { large.push(buffer.index) }
    }

    // MARK: Waiting and completing

    private var hasWork: Bool {
        !receives.isEmpty || !sends.isEmpty || !polls.isEmpty || !cancels.isEmpty || !acceptors.isEmpty
    }

    override func wait(nanoseconds: Int64?) {
        // Sends that this turn queued go out before the wait, as a ring's submission would, and are told at once: the
        // next wait then collects as many events as it can. What they lead to is sent in a second and third pass.
        for _ in 0..<3 where !sends.isEmpty || !cancels.isEmpty {
            flushSends()
            completeSends()
            completeCancels()
        }
        var milliseconds: Int32 = -1
        if let nanoseconds { milliseconds = Int32(clamping: (nanoseconds + 999_999) / 1_000_000) }
        if hasWork || !finished.isEmpty || loop.hasImmediateWork { milliseconds = 0 }
        eventCount = max(0, Int(ml_epoll_wait(epoll, events, Int32(Self.batch), milliseconds)))
    }

    /// The memory of the list of sends before this one.
    private var spareSends: [Stream] = []

    /// Sends that are done; told to their streams in `dispatch`, never inside the submitting call.
    private var finished: [(stream: Stream, result: Int32)] = []

    private func flushSends() {
        guard !sends.isEmpty else { return }
        swap(&sends, &spareSends)
        for index in spareSends.indices {
            let stream = spareSends[index]
            stream.edge.sendQueued = false
            guard stream.phase == .open || stream.operations > 0, !stream.edge.cancelled else { continue }
            if let result = trySend(stream) { finished.append((stream, result)) }
        }
        spareSends.removeAll(keepingCapacity: true)
    }

    /// - Returns: what completes the send, or nil when the socket's buffer is full: the rest goes at the next edge.
    private func trySend(_ stream: Stream) -> Int32? {
        guard var buffer = stream.sending else { return nil }
        let sent = ml_send(stream.descriptor, buffer.bytesStart, buffer.count, stream.sendsLast)
        if sent == buffer.count { return Int32(sent) }
        if sent < 0 {
            let code = errno
            if code == EAGAIN || code == EINTR {
                stream.edge.writable = code == EINTR
                if code == EINTR { queueSend(stream) }
                return nil
            }
            return -code
        }
        // Like MSG_WAITALL: one completion for the whole buffer.
        stream.unsent -= sent
        buffer.consume(sent)
        stream.sending = buffer
        stream.edge.writable = false
        return nil
    }

    override func dispatch() {
        for index in 0..<eventCount {
            handle(events[index])
        }
        eventCount = 0
        completeCancels()
        completeSends()
        receiveQueued()
        answerPolls()
    }

    private func handle(_ event: ml_readiness) {
        let data = event.data
        switch Kind(rawValue: data >> 56) {
        case .wake:
            var count: UInt64 = 0
            _ = read(wakeDescriptor, &count, 8)
            loop.mailArrived()
        case .acceptor: loop.slots.withAcceptor(data) { accept($0) }
        case .stream: loop.slots.withStream(data) { noteReadiness($0, event) }
        default: break
        }
    }

    @inline(__always)
    private func noteReadiness(_ stream: Stream, _ event: ml_readiness) {
        if stream.phase == .connecting {
            guard event.writable, stream.connectAddress != nil else { return }
            finishConnect(stream)
            // The same event may tell of the peer's first bytes or FIN; no other edge will.
            guard stream.phase == .open else { return }
        }
        if event.ended { stream.edge.hungUp = true }
        if event.readable {
            stream.edge.readable = true
            if stream.armed != .none { receive(stream) }
        }
        if event.writable, !stream.edge.writable {
            stream.edge.writable = true
            if stream.sending != nil { queueSend(stream) }
        }
        if !stream.edge.polls.isEmpty { polls.append(stream) }
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
        let queued = receives
        receives = []
        for stream in queued {
            stream.edge.receiveQueued = false
            if stream.armed != .none, !stream.edge.cancelled { receive(stream) }
        }
    }

    /// Receives until the socket is empty, the stream wants no more, or the others' turn has come.
    private func receive(_ stream: Stream) {
        for _ in 0..<Self.receivesInARow {
            guard stream.armed != .none, !stream.edge.cancelled, stream.edge.readable else { return }
            let mode = stream.armed
            guard var buffer = mode == .singleLarge ? large.pop() : small.pop() else {
                stream.completeReceive(result: -ENOBUFS, buffer: nil, more: false)
                return
            }
            let count = recv(stream.descriptor, buffer.bytesStart, Int(buffer.room), 0)
            let code = errno
            if count > 0 {
                if mode == .singleLarge { loop.lentLarge += 1 } else { loop.lentSmall += 1 }
                buffer.commit(count)
                if count < Int(buffer.room), !stream.edge.hungUp { stream.edge.readable = false }
                let more = mode == .continuous && !stream.cancelling
                stream.completeReceive(result: Int32(count), buffer: buffer, more: more)
                continue
            }
            if mode == .singleLarge { large.push(buffer.index) } else { small.push(buffer.index) }
            if count < 0, code == EAGAIN || code == EINTR {
                stream.edge.readable = code == EINTR
                continue
            }
            stream.completeReceive(result: count == 0 ? 0 : -code, buffer: nil, more: false)
            return
        }
        queueReceive(stream)
    }

    private func completeSends() {
        guard !finished.isEmpty else { return }
        let done = finished
        finished = []
        for (stream, result) in done { stream.completeSend(result: result) }
    }

    // MARK: Cancelling, polling, accepting

    private func completeCancels() {
        guard !cancels.isEmpty else { return }
        let cancelled = cancels
        cancels = []
        for stream in cancelled {
            if stream.edge.cancelled {
                cancelEverything(stream)
            } else if stream.cancelling, stream.armed == .continuous {
                stream.completeReceive(result: -ECANCELED, buffer: nil, more: false)
            }
        }
    }

    private func cancelEverything(_ stream: Stream) {
        if stream.connectAddress != nil { stream.completeConnect(result: -ECANCELED) }
        if stream.armed != .none { stream.completeReceive(result: -ECANCELED, buffer: nil, more: false) }
        if stream.sending != nil, !finished.contains(where: { $0.stream === stream }) {
            stream.completeSend(result: -ECANCELED)
        }
        let unanswered = stream.edge.polls.count
        stream.edge.polls = []
        for _ in 0..<unanswered { stream.completePoll(result: -ECANCELED) }
    }

    private func answerPolls() {
        guard !polls.isEmpty else { return }
        let asked = polls
        polls = []
        for stream in asked where !stream.edge.polls.isEmpty { answerPolls(of: stream) }
    }

    private func answerPolls(of stream: Stream) {
        var waiting: [EdgeState.PollInterest] = []
        var answers: [Int32] = []
        for interest in stream.edge.polls {
            let ready = ml_poll_now(stream.descriptor, interest.readable, interest.writable)
            if ready != 0 { answers.append(ready) } else { waiting.append(interest) }
        }
        // Before the answers: a handler may poll again.
        stream.edge.polls = waiting
        for ready in answers { stream.completePoll(result: ready) }
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

/// A fixed number of equally large buffers, the last used first.
struct BufferStack {
    // SAFETY: one allocation, cut in pieces; a piece is on the stack or lent to one holder.
    private let memory: UnsafeMutableRawPointer
    private let home: BufferHome
    private let stride: Int
    private let size: Int
    private var free: [UInt16]

    init(_ home: BufferHome, count: Int, size: Int) {
        self.home = home
        self.size = size
        stride = size + BufferHome.stagger
        memory = .allocate(byteCount: count * stride, alignment: 4096)
        free = (0..<count).reversed().map { UInt16($0) }
    }

    @inline(__always)
    mutating func pop() -> LoopBuffer? {
        guard let index = free.popLast() else { return nil }
        return LoopBuffer(base: memory + Int(index) * stride, capacity: size, count: 0, home: home, index: index)
    }

    @inline(__always)
    mutating func push(_ index: UInt16) { free.append(index) }

    func release() { memory.deallocate() }
}
