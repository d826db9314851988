// Owns the storage thread: what the group's members want durable goes in, and how far it got comes out.
internal import Glibc
public import Proactor
public import Raft
internal import Synchronization
public import Topology

/// What the storage thread says.
public enum StorageEvent: Hashable, Sendable {
    /// This batch and all before it are durable.
    case persisted(PersistToken)
    /// The disk is full. Nothing that waits is lost: it is tried again until it fits.
    case full(StorageFailure)
    /// What waited went through again.
    case hasRoom
}

/// A thread that writes batches in the order in which they come, all that wait at a time (group commit): one write and one
/// fdatasync a group, however many batches it has. Safe from every thread.
public final class LogStorage: Sendable {
    /// How long the disk stays idle before the durable mark is synced.
    private static let settleMilliseconds: Int32 = 20
    /// How often the commit is noted while the disk is never idle.
    private static let notePeriod = Duration.milliseconds(100)
    /// How long a full disk is left alone.
    private static let fullMilliseconds: Int32 = 500

    private struct State {
        var waiting: WaitingBatches
        var isSleeping = false
        /// Nothing is left to do for the disk: the thread sleeps until it is called.
        var isSettled = false
        /// How far the log is committed, to be noted when there is time.
        var commit = LogIndex.zero
        var isClosing = false
    }

    private let state: Mutex<State>
    private let bell: Doorbell
    /// When the oldest batch that is not durable was submitted, in nanoseconds; `Int64.max` when all are.
    private let oldest = Atomic<Int64>(.max)
    private let thread = Mutex<LoopThread?>(nil)
    private let onEvent: @Sendable (StorageEvent) -> Void
    private let onFailure: @Sendable (StorageFailure) -> Void

    /// Starts the thread.
    ///
    /// - Parameters:
    ///   - store: the thread's from here on.
    ///   - onEvent: called on the storage thread, in order; must not block.
    ///   - onFailure: called on the storage thread, at most once, when the disk failed: ends the process with the failure's words.
    ///     When it returns, nothing is written or acknowledged any more.
    public static func start(
        _ store: any LogStore, onEvent: @escaping @Sendable (StorageEvent) -> Void,
        onFailure: @escaping @Sendable (StorageFailure) -> Void
    ) throws(SystemError) -> LogStorage {
        try start(store, limits: WaitingBatches.Limits(), onEvent: onEvent, onFailure: onFailure)
    }

    static func start(
        _ store: any LogStore, limits: WaitingBatches.Limits, onEvent: @escaping @Sendable (StorageEvent) -> Void,
        onFailure: @escaping @Sendable (StorageFailure) -> Void
    ) throws(SystemError) -> LogStorage {
        let storage = LogStorage(limits, try Doorbell(), onEvent, onFailure)
        let thread = try LoopThread.start(name: "storage") { storage.run(store) }
        storage.thread.withLock { $0 = thread }
        return storage
    }

    private init(
        _ limits: WaitingBatches.Limits, _ bell: Doorbell, _ onEvent: @escaping @Sendable (StorageEvent) -> Void,
        _ onFailure: @escaping @Sendable (StorageFailure) -> Void
    ) {
        state = Mutex(State(waiting: WaitingBatches(limits)))
        self.bell = bell
        self.onEvent = onEvent
        self.onFailure = onFailure
    }

    deinit { bell.close() }

    /// Asks for a batch to be made durable, behind all earlier ones.
    ///
    /// - Returns: false when too much waits already: the batch was not taken, later ones must not be submitted either, and a
    ///   node that cannot hold its state back has to end.
    public func submit(_ batch: PersistBatch) -> Bool {
        let now = MonotonicClock.now.nanoseconds
        let (isTaken, isSleeping) = state.withLock { state -> (Bool, Bool) in
            guard !state.isClosing, state.waiting.add(batch, at: now) else { return (false, false) }
            if let since = state.waiting.oldest { oldest.store(since, ordering: .relaxed) }
            defer { state.isSleeping = false }
            return (true, state.isSleeping)
        }
        if isSleeping { bell.ring() }
        return isTaken
    }

    /// Has it noted that everything up to here is committed and durable: soon, and behind everything that is more urgent.
    public func note(commit: LogIndex) {
        let mustWake = state.withLock { state in
            guard commit > state.commit else { return false }
            state.commit = commit
            defer { if state.isSettled { state.isSleeping = false } }
            return state.isSettled && state.isSleeping
        }
        if mustWake { bell.ring() }
    }

    /// How long the oldest batch that is not durable has waited; nil when all are. Costs one atomic read: a leader asks before
    /// each heartbeat.
    public func oldestWait(now: Tick) -> Duration? {
        let since = oldest.load(ordering: .relaxed)
        return since == .max ? nil : now - Tick(nanoseconds: since)
    }

    /// Whether the oldest batch has waited for longer than this.
    public func isSlow(now: Tick, limit: Duration) -> Bool { oldestWait(now: now).map { $0 > limit } ?? false }

    /// Makes durable what waits, gives the data directory up and ends the thread. What a full disk has no room for is dropped:
    /// it was not acknowledged.
    public func close() {
        state.withLock { state in
            state.isClosing = true
            state.isSleeping = false
        }
        bell.ring()
        let running = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        running?.join()
    }

    // MARK: The thread

    private func run(_ start: any LogStore) {
        var store = start
        var noted = MonotonicClock.now
        do throws(StorageFailure) {
            while let group = try next(&store) {
                guard try persist(group, &store) else { break }
                state.withLock { state in
                    state.waiting.finish()
                    oldest.store(state.waiting.oldest ?? .max, ordering: .relaxed)
                }
                if let last = group.last { onEvent(.persisted(last.token)) }
                if MonotonicClock.now > noted + Self.notePeriod {
                    try noteCommit(&store)
                    noted = MonotonicClock.now
                }
                if group.contains(where: { $0.snapshot != nil }) { store.removeSuperfluous() }
            }
            try noteCommit(&store)
            try store.settle()
        } catch {
            state.withLock { $0.isClosing = true }
            onFailure(error)
        }
        store.close()
    }

    /// The next group; nil when the storage is closed and nothing waits.
    private func next(_ store: inout any LogStore) throws(StorageFailure) -> [PersistBatch]? {
        var settled: LogIndex?
        while true {
            let (group, isClosing, isSettled) = state.withLock { state -> ([PersistBatch], Bool, Bool) in
                state.isSettled = state.waiting.isEmpty && settled == state.commit
                guard state.waiting.isEmpty else { return (state.waiting.take(), false, false) }
                state.isSleeping = !state.isClosing
                return ([], state.isClosing, state.isSettled)
            }
            if !group.isEmpty { return group }
            if isClosing { return nil }
            bell.wait(milliseconds: isSettled ? nil : Self.settleMilliseconds)
            let isIdle = state.withLock { $0.waiting.isEmpty && !$0.isClosing }
            if isIdle, !isSettled {
                settled = try noteCommit(&store)
                try store.settle()
            }
        }
    }

    /// - Returns: what was noted.
    @discardableResult
    private func noteCommit(_ store: inout any LogStore) throws(StorageFailure) -> LogIndex {
        let commit = state.withLock { $0.commit }
        try store.note(commit: commit)
        return commit
    }

    /// Writes a group; waits while the disk is full.
    ///
    /// - Returns: false when the storage was closed meanwhile.
    private func persist(_ group: [PersistBatch], _ store: inout any LogStore) throws(StorageFailure) -> Bool {
        var isFull = false
        while true {
            do throws(StorageFailure) {
                try store.persist(group)
                if isFull { onEvent(.hasRoom) }
                return true
            } catch {
                guard case .full = error else { throw error }
                if !isFull { onEvent(.full(error)) }
                isFull = true
            }
            if !state.withLock({ $0.isClosing }) { bell.wait(milliseconds: Self.fullMilliseconds) }
            if state.withLock({ $0.isClosing }) { return false }
        }
    }
}
