// Owns a thread with a loop on it and the one object that lives there.
internal import Glibc
internal import Synchronization

/// A thread that runs an `EventLoop`, and a value that only that thread touches. Other threads reach it by `post`.
public final class LoopHost<Value>: @unchecked Sendable {
    // SAFETY: `value` is made on the loop's thread and read only by closures that run there; `thread` is written before
    // the host is handed out and read by `stop()`.
    private var value: Value?
    private var thread: LoopThread?
    /// The loop's mailbox, for those who answer to it.
    public let mailbox: Mailbox
    private let stopLoop: @Sendable () -> Void

    private init(mailbox: Mailbox, value: Value, stop: @escaping @Sendable () -> Void) {
        self.mailbox = mailbox
        self.value = value
        stopLoop = stop
    }

    /// Starts a thread with a loop, and builds the value on it.
    ///
    /// - Throws: what the loop, the thread or `setup` failed with.
    public static func start(
        name: String, io: IOKind, buffers: LoopBuffers = LoopBuffers(), clock: MonotonicClock = .system,
        setup: @escaping @Sendable (EventLoop) throws(SystemError) -> Value
    ) throws(SystemError) -> LoopHost<Value> {
        let handover = Handover<LoopHost<Value>>()
        let thread = try LoopThread.start(name: name) {
            run(io: io, buffers: buffers, clock: clock, handover: handover, setup: setup)
        }
        let result = handover.wait()
        if case .failure = result { thread.join() }
        let host = try result.get()
        host.thread = thread
        return host
    }

    private static func run(
        io: IOKind, buffers: LoopBuffers, clock: MonotonicClock, handover: Handover<LoopHost<Value>>,
        setup: (EventLoop) throws(SystemError) -> Value
    ) {
        do throws(SystemError) {
            let loop = try EventLoop(io: io, buffers: buffers, clock: clock)
            let value = try setup(loop)
            let local = LoopLocal(loop)
            let host = LoopHost(mailbox: loop.mailbox, value: value) { local.value?.stop() }
            handover.give(.success(host))
            loop.run()
            host.value = nil
            loop.end()
            local.value = nil
        } catch {
            handover.give(.failure(error))
        }
    }

    /// Runs `work` on the loop's thread at its next turn. False when the mailbox is full.
    @discardableResult
    public func post(_ work: @escaping @Sendable (Value) -> Void) -> Bool {
        mailbox.post { [self] in
            if let value { work(value) }
        }
    }

    /// Ends the loop after its turn and waits for the thread. The value is let go on that thread. Call it once.
    public func stop() {
        // A full mailbox has a loop that is about to empty it.
        while !mailbox.post(stopLoop) { sched_yield() }
        thread?.join()
    }
}

/// Lets closures that will run on the loop's own thread mention what lives there.
private final class LoopLocal<Value>: @unchecked Sendable {
    // SAFETY: touched on the loop's thread only.
    var value: Value?
    init(_ value: Value) { self.value = value }
}

/// A result that one thread waits for and another gives, once.
private final class Handover<Value: Sendable>: Sendable {
    private let result = Mutex<Result<Value, SystemError>?>(nil)
    // SAFETY: a semaphore is made for several threads; its memory lives as long as this object.
    private nonisolated(unsafe) let semaphore: UnsafeMutablePointer<sem_t>

    init() {
        semaphore = .allocate(capacity: 1)
        sem_init(semaphore, 0, 0)
    }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    func give(_ value: Result<Value, SystemError>) {
        result.withLock { $0 = value }
        sem_post(semaphore)
    }

    func wait() -> Result<Value, SystemError> {
        while sem_wait(semaphore) != 0 {}
        return result.withLock { $0 } ?? .failure(SystemError(code: EINVAL, action: "start thread"))
    }
}
