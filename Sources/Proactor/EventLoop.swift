// Owns one thread's loop: its streams, timers, mailbox and buffers, over one of two backends.
internal import CLinux
internal import Glibc
public import Topology

/// The sizes of a loop's buffer pools.
public struct LoopBuffers: Sendable {
    /// Buffers for continuous receives: their number (a power of two, at most 32,768) and bytes each.
    public var smallCount = 512
    public var smallSize = 16 << 10
    /// Buffers for single receives.
    public var largeCount = 64
    public var largeSize = 64 << 10
    /// Pipes for long bodies that pass uncopied, two descriptors each; they are made when they are needed.
    public var pipeCount = 64
    public init() {}

    /// For a loop with few connections: admin, probes, clients.
    public static var modest: LoopBuffers {
        var buffers = LoopBuffers()
        buffers.smallCount = 64
        buffers.smallSize = 4 << 10
        buffers.largeCount = 8
        return buffers
    }
}

/// An event loop, driven by one thread: the one that calls `run()`. Nothing on it is safe to touch from another.
public final class EventLoop {
    /// The monotonic time at the start of this turn.
    public private(set) var now: Tick
    /// What the loop runs on.
    public let io: IOKind
    /// How other threads reach the loop.
    public let mailbox: Mailbox
    let backend: Backend
    private let wheel: TimerWheel
    let pool: BufferPool
    private let source: MonotonicClock
    let slots = SlotTable()
    private var ready: [Stream] = []
    /// The memory of the list before the present one.
    private var spareReady: [Stream] = []
    private var starvedSmall: [Stream] = []
    private var starvedLarge: [Stream] = []
    private var afterTurn: [() -> Void] = []
    private var stopping = false

    /// Makes a loop on the calling thread, which must be the one that runs it (io_uring's SINGLE_ISSUER).
    ///
    /// - Parameter clock: what its timers and `now` go by; with a manual one a turn does not wait for timers.
    /// - Throws: what the kernel said when it does not allow the backend.
    public init(
        io: IOKind, buffers: LoopBuffers = LoopBuffers(), clock: MonotonicClock = .system
    ) throws(SystemError) {
        source = clock
        now = clock.read()
        self.io = io
        mailbox = try Mailbox()
        wheel = TimerWheel(now: now)
        pool = BufferPool(buffers)
        do throws(SystemError) {
            switch io {
            case .uring:
                let uring = try UringBackend(pool: pool, slots: slots, wake: mailbox.descriptor)
                backend = uring
                uring.loop = self
            case .epoll:
                let epoll = try EpollBackend(pool: pool, slots: slots, wake: mailbox.descriptor)
                backend = epoll
                epoll.loop = self
            }
        } catch {
            pool.end()
            throw error
        }
    }

    deinit {
        backend.end()
        pool.end()
    }

    /// The loop's clock, read now. Inside a turn `now` is cheaper and consistent.
    @inline(__always)
    public func clock() -> Tick { source.read() }

    // MARK: Running

    /// Takes turns until `stop()`.
    public func run() {
        stopping = false
        while !stopping { turn() }
    }

    /// Ends `run()` after this turn.
    public func stop() { stopping = true }

    /// Closes every stream and listening socket, disarms every timer, and waits, at most two seconds, until the kernel has let go of them.
    ///
    /// For the end of a loop's thread. Handlers are told nothing and let go, and with them all that they hold.
    public func end() {
        // The system's clock, whatever the loop's own: this waits for the kernel.
        let limit = MonotonicClock.now + .seconds(2)
        while !slots.isEmpty, MonotonicClock.now < limit {
            for object in slots.objects {
                (object as? Stream)?.close()
                (object as? Acceptor)?.abandon()
            }
            if !slots.isEmpty { turn(limit: .milliseconds(10)) }
        }
        wheel.invalidateAll()
        slots.bury()
    }

    /// One turn: wait (at most `limit`), complete, fire timers, deliver what was kept.
    public func turn(limit: Duration? = nil) {
        backend.prepare()
        var wait = hasImmediateWork ? 0 : source.isManual ? manualWait : wheel.wait(from: now)
        if let limit { wait = min(wait ?? .max, limit.wholeNanoseconds) }
        backend.wait(nanoseconds: wait)
        now = source.read()
        backend.dispatch()
        wheel.advance(to: now)
        deliverReady()
        if !afterTurn.isEmpty {
            let work = afterTurn
            afterTurn = []
            for step in work { step() }
        }
        feedStarved()
        slots.bury()
    }

    /// A clock that somebody moves by hand does not move while the loop waits for it.
    private var manualWait: Int64? { wheel.wait(from: source.read()) == 0 ? 0 : nil }

    /// Whether something waits that no completion will announce.
    private var hasImmediateWork: Bool { !ready.isEmpty || !afterTurn.isEmpty || canFeed }

    /// Runs `work` at the end of this turn.
    public func atEndOfTurn(_ work: @escaping () -> Void) { afterTurn.append(work) }

    func mailArrived() { mailbox.drain() }

    // MARK: Timers

    /// A disarmed timer on this loop.
    public func makeTimer(_ handler: any TimerHandler) -> LoopTimer { wheel.makeTimer(handler) }

    var timersVisited: Int { wheel.visited }

    // MARK: Sockets

    /// Begins to connect. The handler hears `streamConnected` or a failure, later.
    ///
    /// - Throws: when no socket can be made, for example for lack of descriptors.
    public func connect(to address: SocketAddress, handler: any StreamHandler) throws(SystemError) -> Stream {
        let descriptor = try Sockets.makeClient(for: address)
        let stream = try makeStream(descriptor, handler, .connecting)
        stream.flags.insert(.connects)
        stream.operations += 1
        backend.submitConnect(stream, address)
        return stream
    }

    /// Makes an accepted connection a stream of this loop.
    ///
    /// - Throws: when the backend cannot watch one more descriptor; the connection is closed then.
    public func adopt(_ connection: AcceptedConnection, handler: any StreamHandler) throws(SystemError) -> Stream {
        try makeStream(connection.descriptor, handler, .open)
    }

    private func makeStream(
        _ descriptor: Int32, _ handler: any StreamHandler, _ phase: Stream.Phase
    ) throws(SystemError) -> Stream {
        let slot = slots.reserve()
        let stream = Stream(loop: self, descriptor: descriptor, slot: slot, handler: handler, phase: phase)
        slots.fill(slot, stream)
        do throws(SystemError) {
            try backend.adopt(stream)
        } catch {
            slots.free(slot)
            close(descriptor)
            throw error
        }
        return stream
    }

    /// Begins to accept on a listening socket, which the loop owns from now on.
    public func accept(on socket: ListeningSocket, handler: any AcceptHandler) -> Acceptor {
        let slot = slots.reserve()
        let acceptor = Acceptor(loop: self, descriptor: socket.descriptor, slot: slot, handler: handler)
        slots.fill(slot, acceptor)
        acceptor.arm()
        return acceptor
    }

    func release(_ stream: Stream) { slots.free(stream.slot) }
    func release(_ acceptor: Acceptor) { slots.free(acceptor.slot) }

    // MARK: Buffers

    /// An empty buffer of at least `capacity` bytes (of 64 KiB when more is asked for), to be written and sent.
    @inline(__always)
    public func allocate(_ capacity: Int) -> LoopBuffer { pool.allocate(capacity) }

    /// An empty buffer of at least `capacity` bytes (of 65 KiB when more is asked for), for records of TLS: one of 16 KiB
    /// or four of them, with what is around them, fit in one buffer.
    @inline(__always)
    public func allocateForRecords(_ capacity: Int) -> LoopBuffer { pool.allocateForRecords(capacity) }

    /// Whether half of the receive buffers of a kind are with holders: then nobody should hold more than one or two.
    public var isShortOfBuffers: Bool { pool.isShort }

    /// A buffer with the same bytes that may be held for as long as a peer likes.
    ///
    /// Receive buffers are few, and all streams of the loop share them: a peer that stops reading must not keep them
    /// from others. The buffer itself while there are plenty; a copy once three quarters of its kind are held.
    @inline(__always)
    public func holdable(_ buffer: consuming LoopBuffer) -> LoopBuffer {
        buffer.holdable()
    }

    /// Receive buffers that holders have at the moment.
    public var receiveBuffersLent: Int { pool.small.lent + pool.large.lent }
    /// Output buffers that somebody holds.
    public var slabsLent: Int { pool.slabsLent }

    // MARK: What waits inside the loop

    func enqueueReady(_ stream: Stream) {
        guard !stream.flags.contains(.queuedReady) else { return }
        stream.flags.insert(.queuedReady)
        ready.append(stream)
    }

    private func deliverReady() {
        guard !ready.isEmpty else { return }
        swap(&ready, &spareReady)
        for index in spareReady.indices { spareReady[index].deliverKept() }
        spareReady.removeAll(keepingCapacity: true)
    }

    func starve(_ stream: Stream, large: Bool) {
        stream.starved = large ? .large : .small
        if large { starvedLarge.append(stream) } else { starvedSmall.append(stream) }
    }

    /// Whether somebody waits for a buffer that is free: then the loop must not sleep, for no event will tell of it.
    private var canFeed: Bool {
        (!starvedSmall.isEmpty && pool.small.unlent > 0) || (!starvedLarge.isEmpty && pool.large.unlent > 0)
    }

    /// Re-arms, first come first served, as many streams as there are buffers again.
    private func feedStarved() {
        if !starvedSmall.isEmpty { feed(&starvedSmall, .small, free: pool.small.unlent) }
        if !starvedLarge.isEmpty { feed(&starvedLarge, .large, free: pool.large.unlent) }
    }

    private func feed(_ queue: inout [Stream], _ kind: Stream.Starvation, free: Int) {
        var free = free
        var passed = 0
        while free > 0, passed < queue.count {
            let stream = queue[passed]
            passed += 1
            // Who wants none any more, or found the other kind, takes nobody's place.
            guard stream.starved == kind else { continue }
            stream.starved = .none
            stream.reconcileReceive()
            if stream.armed != .none { free -= 1 }
        }
        queue.removeFirst(passed)
    }
}
