// Owns the io_uring backend: batched submission, multishot receive into provided buffers, one system call a turn.
internal import CLinux
internal import CURing
internal import Glibc
internal import Topology

/// Drives a loop by io_uring. Made and used on one thread (SINGLE_ISSUER, DEFER_TASKRUN).
final class UringBackend: Backend {
    private enum Kind: UInt64 {
        case receive = 1
        case send, accept, connect, room, wake, cancel
    }

    // SAFETY: the loop owns its backend and outlives it.
    unowned(unsafe) var loop: EventLoop!
    // SAFETY: allocated in init, freed in end(); the kernel knows the ring by descriptor, not by this address.
    private let ring: OpaquePointer
    private let pool: BufferPool
    private let slots: SlotTable
    private var small: ReceiveRing
    private var large: ReceiveRing
    private let wakeDescriptor: Int32
    private let wakeCount: UnsafeMutablePointer<UInt64>
    private static let batch = 256
    private let completions: UnsafeMutablePointer<mu_completion>
    /// Sends since the last wait that complete within the submission.
    private var promptSends: UInt32 = 0
    /// Whether somebody waits to be told of them, or of something else that completes at once.
    private var isAwaited = false
    /// How long the end of a send that nobody waits for goes unnoticed at most, in nanoseconds.
    private static let unnoticedLimit: Int64 = 10_000_000
    private var gathering: Gathering

    init(pool: BufferPool, slots: SlotTable, wake: Int32) throws(SystemError) {
        var made: OpaquePointer?
        let result = mu_setup(&made, 2048, 16_384)
        guard result == 0, let made else { throw SystemError(code: -result, action: "io_uring_setup") }
        ring = made
        self.pool = pool
        self.slots = slots
        do throws(SystemError) {
            pool.small.touch(64)
            small = try ReceiveRing(ring, group: 0, &pool.small)
            large = try ReceiveRing(ring, group: 1, &pool.large)
        } catch {
            mu_end(ring)
            throw error
        }
        gathering = Gathering(isPossible: mu_can_gather(ring))
        wakeDescriptor = wake
        wakeCount = .allocate(capacity: 1)
        completions = .allocate(capacity: Self.batch)
        super.init()
        armWake()
    }

    override func end() {
        mu_end(ring)
        small.release()
        large.release()
        for address in addresses.values { address.deallocate() }
        wakeCount.deallocate()
        completions.deallocate()
    }

    @inline(__always)
    private func data(_ kind: Kind, _ slot: UInt32) -> UInt64 { kind.rawValue << 56 | slots.token(slot) }

    /// Fails the operation as if the kernel had: no submission entry could be had.
    private func failLater(_ complete: @escaping () -> Void) { loop.atEndOfTurn(complete) }

    private func armWake() { _ = mu_read(ring, wakeDescriptor, wakeCount, 8, Kind.wake.rawValue << 56) }

    override func armReceive(_ stream: Stream, _ mode: ReceiveMode) {
        if mode == .piped { return awaitBytes(stream) }
        let group: Int32 = mode == .singleLarge ? 1 : 0
        let length = UInt32(mode == .singleLarge ? pool.large.size : pool.small.size)
        let data = data(.receive, stream.slot)
        let isMultishot = mode == .continuous && !stream.flags.contains(.floods)
        if !mu_receive(ring, stream.descriptor, group, isMultishot, length, data) {
            failLater { stream.completeReceive(result: -EAGAIN, buffer: nil, more: false) }
        }
    }

    /// The ring only says that bytes have come: its own splice always takes a thread of the kernel.
    private func awaitBytes(_ stream: Stream) {
        if !mu_poll(ring, stream.descriptor, UInt32(POLLIN), data(.receive, stream.slot)) {
            failLater { stream.completeReceive(result: -EAGAIN, buffer: nil, more: false) }
        }
    }

    override func cancelReceive(_ stream: Stream) {
        if !mu_cancel(ring, data(.receive, stream.slot), Kind.cancel.rawValue << 56) {
            failLater { [self] in if stream.flags.contains(.cancelling) { cancelReceive(stream) } }
        }
    }

    override func submitSend(_ stream: Stream, _ manner: SendManner) {
        if stream.sendsPiped { return piped.append(slots.token(stream.slot)) }
        guard stream.isPermitted else {
            stream.dropUnsent()
            failLater { stream.completeSend(result: Stream.notPermitted) }
            return
        }
        let data = data(.send, stream.slot)
        // SAFETY: the stream holds the buffer until the send has completed.
        guard let bytes = stream.sending?.bytesStart,
            mu_send(ring, stream.descriptor, bytes, stream.inFlight, manner.waits, manner.more, data)
        else {
            failLater { stream.completeSend(result: -EAGAIN) }
            return
        }
        if !manner.waits {
            promptSends += 1
            if manner.isAwaited { isAwaited = true }
        }
    }

    // Streams, by token, whose buffer in flight is a pipe.
    private var piped: [UInt64] = []
    private var sparePiped: [UInt64] = []

    /// Splices before the wait, so that the receives that this leads to are submitted with it.
    override func prepare() {
        for _ in 0..<3 where !piped.isEmpty {
            swap(&piped, &sparePiped)
            for token in sparePiped { slots.withStream(token) { sendPiped($0) } }
            sparePiped.removeAll(keepingCapacity: true)
        }
    }

    private func sendPiped(_ stream: Stream) {
        guard stream.phase == .open else { return stream.completeSend(result: -ECANCELED) }
        guard stream.isPermitted else {
            stream.dropUnsent()
            return stream.completeSend(result: Stream.notPermitted)
        }
        let result = stream.sending?.drain(into: stream.descriptor) ?? -ECANCELED
        stream.completeSend(result: result)
    }

    override func awaitRoom(_ stream: Stream) {
        if !mu_poll(ring, stream.descriptor, UInt32(POLLOUT), data(.room, stream.slot)) {
            failLater { stream.completeRoom() }
        }
    }

    override func awaitSends() { isAwaited = true }

    // SAFETY: one for each connect in flight, by slot: allocated for it and freed when it completed, or in end().
    private var addresses: [UInt32: UnsafeMutableRawPointer] = [:]

    override func submitConnect(_ stream: Stream, _ address: SocketAddress) {
        let accepted = address.withSockaddr { pointer, length in
            // SAFETY: copied, because the address's own bytes may move when the array does.
            let copy = UnsafeMutableRawPointer.allocate(byteCount: Int(length), alignment: 8)
            copy.copyMemory(from: pointer, byteCount: Int(length))
            addresses[stream.slot] = copy
            return mu_connect(ring, stream.descriptor, copy, length, data(.connect, stream.slot))
        }
        if !accepted { failLater { [self] in completeConnect(stream, -EAGAIN) } }
    }

    private func completeConnect(_ stream: Stream, _ result: Int32) {
        addresses.removeValue(forKey: stream.slot)?.deallocate()
        stream.completeConnect(result: result)
    }

    override func cancelAll(_ stream: Stream) {
        isAwaited = true
        let isAccepted: Bool
        if stream.operations == 1, stream.armed != .none {
            // The usual case. By its data an operation is found at once; by descriptor all those of the ring are searched.
            isAccepted = mu_cancel(ring, data(.receive, stream.slot), Kind.cancel.rawValue << 56)
        } else {
            isAccepted = mu_cancel_descriptor(ring, stream.descriptor, Kind.cancel.rawValue << 56)
        }
        if !isAccepted { failLater { [self] in if stream.phase == .closing { cancelAll(stream) } } }
    }

    override func armAccept(_ acceptor: Acceptor) {
        if !mu_accept(ring, acceptor.descriptor, data(.accept, acceptor.slot)) {
            failLater { acceptor.completeAccept(result: -EAGAIN, more: false) }
        }
    }

    override func cancelAccept(_ acceptor: Acceptor) {
        if !mu_cancel_descriptor(ring, acceptor.descriptor, Kind.cancel.rawValue << 56) {
            failLater { [self] in if acceptor.armed { cancelAccept(acceptor) } }
        }
    }

    override func wait(nanoseconds: Int64?) {
        small.offer(&pool.small)
        large.offer(&pool.large)
        // What is still to be spliced waits for nothing.
        let nanoseconds = piped.isEmpty ? nanoseconds : 0
        var limit = nanoseconds ?? -1
        var count: UInt32 = 1
        var gather: UInt32 = 0
        if !isAwaited {
            // Sends that complete within the submission are no news when nobody waits for them, unless one came short:
            // that is noticed soon in any case.
            if promptSends > 0 { limit = min(nanoseconds ?? .max, Self.unnoticedLimit) }
            count = promptSends + 1
            if gathering.isOn, (nanoseconds ?? .max) > Gathering.nanoseconds {
                count = promptSends + Gathering.most
                gather = Gathering.microseconds
            }
        }
        promptSends = 0
        isAwaited = false
        // A failure here (EINTR, EBUSY, ETIME) means no more than that there may be nothing to dispatch.
        _ = mu_submit_and_wait(ring, count, gather, limit)
    }

    override func dispatch() {
        receives = 0
        for _ in 0..<64 {
            let count = Int(mu_take(ring, completions, UInt32(Self.batch)))
            for index in 0..<count { handle(completions[index]) }
            if count < Self.batch { break }
        }
        if receives > 0 { gathering.note(receives: receives) }
    }

    /// Receives that completed in this turn.
    private var receives = 0

    @inline(__always)
    private func handle(_ completion: mu_completion) {
        let data = completion.data
        let kind = data >> 56
        if kind == Kind.receive.rawValue {
            receives &+= 1
            slots.withStream(data) { completeReceive($0, completion) }
        } else if kind == Kind.send.rawValue {
            slots.withStream(data) { $0.completeSend(result: completion.result) }
        } else {
            handleRare(kind, data, completion.result, completion.flags & UInt16(MU_MORE) != 0)
        }
    }

    @inline(__always)
    private func completeReceive(_ stream: Stream, _ completion: mu_completion) {
        let result = completion.result
        let more = completion.flags & UInt16(MU_MORE) != 0
        guard completion.flags & UInt16(MU_BUFFER) != 0 else {
            if stream.armed == .piped, result > 0 {
                if !stream.receiveIntoPipe(pool) { awaitBytes(stream) }
            } else {
                stream.completeReceive(result: result, buffer: nil, more: more)
            }
            return
        }
        // The group follows from what was armed: only one receive is in flight on a stream.
        let home: BufferHome = stream.armed == .singleLarge ? .large : .small
        if home == .large { large.noteFilled() } else { small.noteFilled() }
        let buffer = pool.lend(home, completion.buffer, count: Int(max(0, result)))
        stream.completeReceive(result: result, buffer: buffer, more: more)
    }

    private func handleRare(_ kind: UInt64, _ data: UInt64, _ result: Int32, _ more: Bool) {
        switch Kind(rawValue: kind) {
        case .wake:
            armWake()
            loop.mailArrived()
        case .accept:
            if slots.object(data) == nil, result >= 0 { close(result) }
            slots.withAcceptor(data) { $0.completeAccept(result: result, more: more) }
        case .connect: slots.withStream(data) { completeConnect($0, result) }
        case .room: slots.withStream(data) { $0.completeRoom() }
        default: break
        }
    }
}
