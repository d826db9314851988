// Owns the tests of the storage thread: order, group commit, a full disk, a failed one, and the end.
import Glibc
import Proactor
import Raft
import Synchronization
import Testing
import Topology

@testable import RaftRuntime

/// A store whose every write waits for the test, and ends as the test says.
final class GatedStore: LogStore, Sendable {
    struct State {
        var groups: [[UInt64]] = []
        var results: [StorageFailure?] = []
        var settled = 0
        var commit = LogIndex.zero
        var isClosed = false
    }

    let state = Mutex(State())

    /// Waits until this many writes were begun.
    func waitForGroups(_ count: Int) { wait { $0.groups.count >= count } }

    func wait(until condition: @Sendable (State) -> Bool) {
        while !state.withLock({ condition($0) }) { sched_yield() }
    }

    /// Lets the next write end.
    func finish(_ failure: StorageFailure? = nil) { state.withLock { $0.results.append(failure) } }

    func persist(_ batches: [PersistBatch]) throws(StorageFailure) {
        let number = state.withLock { state in
            state.groups.append(batches.map(\.token.number))
            return state.groups.count
        }
        wait { $0.results.count >= number }
        if let failure = state.withLock({ $0.results[number - 1] }) { throw failure }
    }

    func removeSuperfluous() {}
    func note(commit: LogIndex) throws(StorageFailure) { state.withLock { $0.commit = commit } }
    func settle() throws(StorageFailure) { state.withLock { $0.settled += 1 } }
    func close() { state.withLock { $0.isClosed = true } }
}

/// What the thread said, for tests to wait for.
final class Heard: Sendable {
    private let events = Mutex<[StorageEvent]>([])
    private let failures = Mutex<[StorageFailure]>([])

    func add(_ event: StorageEvent) { events.withLock { $0.append(event) } }
    func add(_ failure: StorageFailure) { failures.withLock { $0.append(failure) } }

    func wait(_ count: Int) -> [StorageEvent] {
        while events.withLock({ $0.count }) < count { sched_yield() }
        return all
    }

    func waitForFailure() -> StorageFailure? {
        while failures.withLock({ $0.isEmpty }) { sched_yield() }
        return failures.withLock { $0.first }
    }

    var all: [StorageEvent] { events.withLock { $0 } }
}

@Suite("The storage thread")
struct LogStorageTests {
    private let full = StorageFailure.full(SystemError(code: ENOSPC, action: "write"))
    private let broken = StorageFailure.broken(SystemError(code: EIO, action: "fdatasync"))

    private func start(
        _ store: any LogStore, _ heard: Heard, _ limits: WaitingBatches.Limits = WaitingBatches.Limits()
    ) throws -> LogStorage {
        try LogStorage.start(store, limits: limits, onEvent: { heard.add($0) }, onFailure: { heard.add($0) })
    }

    private func batch(_ number: UInt64) -> PersistBatch { PersistBatch(token: PersistToken(number)) }

    @Test("All that came while a group was written is the next group, and its last token is reported")
    func groupCommit() throws {
        let (store, heard) = (GatedStore(), Heard())
        let storage = try start(store, heard)
        #expect(storage.oldestWait(now: .zero) == nil)
        #expect(storage.submit(batch(1)))
        store.waitForGroups(1)
        for number in 2...50 { #expect(storage.submit(batch(UInt64(number)))) }
        #expect(storage.isSlow(now: MonotonicClock.now + .seconds(2), limit: .seconds(1)))
        #expect(!storage.isSlow(now: MonotonicClock.now, limit: .seconds(3_600)))
        store.finish()
        store.waitForGroups(2)
        store.finish()
        #expect(heard.wait(2) == [.persisted(PersistToken(1)), .persisted(PersistToken(50))])
        #expect(store.state.withLock { $0.groups } == [[1], (2...50).map { UInt64($0) }])
        #expect(storage.oldestWait(now: MonotonicClock.now) == nil)
        storage.close()
        #expect(store.state.withLock { $0.isClosed })
    }

    @Test("The oldest wait is that of the group under way, then that of what came next")
    func oldestWait() {
        var queue = Queue(WaitingBatches.Limits())
        queue.add(batch(1), at: 10)
        queue.add(batch(2), at: 20)
        #expect(queue.waiting.oldest == 10)
        queue.take()
        #expect(queue.waiting.isEmpty && queue.waiting.oldest == 10)
        queue.add(batch(3), at: 30)
        #expect(queue.waiting.oldest == 10)
        queue.waiting.finish()
        #expect(queue.waiting.oldest == 30)
        queue.take()
        queue.waiting.finish()
        #expect(queue.waiting.oldest == nil)
        #expect(queue.groups == [[1, 2], [3]] && queue.refused == [])
    }

    /// A queue, and what came out of it.
    private struct Queue {
        var waiting: WaitingBatches
        var groups: [[UInt64]] = []
        var refused: [UInt64] = []

        init(_ limits: WaitingBatches.Limits) { waiting = WaitingBatches(limits) }

        mutating func add(_ batch: PersistBatch, at now: Int64 = 1) {
            if !waiting.add(batch, at: now) { refused.append(batch.token.number) }
        }

        mutating func take() { groups.append(waiting.take().map(\.token.number)) }
    }

    @Test("The queue and the groups have limits in batches and bytes")
    func limits() {
        var limits = WaitingBatches.Limits()
        (limits.batches, limits.bytes, limits.groupBatches, limits.groupBytes) = (4, 1_000, 3, 600)
        var queue = Queue(limits)
        func batch(_ number: UInt64, bytes count: Int) -> PersistBatch {
            PersistBatch(token: PersistToken(number), snapshot: Workload.snapshot(LogPosition.zero, bytes: count))
        }
        // A batch of any size fits into an empty queue; while it is written it still counts.
        queue.add(batch(1, bytes: 5_000))
        queue.add(self.batch(2))
        queue.take()
        queue.add(self.batch(3))
        queue.waiting.finish()
        #expect(queue.refused == [2, 3] && queue.groups == [[1]])
        for number in 4...8 { queue.add(self.batch(UInt64(number))) }
        #expect(queue.refused == [2, 3, 8])
        queue.take()
        queue.take()
        queue.waiting.finish()
        #expect(queue.groups == [[1], [4, 5, 6], [7]])
        queue.add(batch(9, bytes: 400))
        queue.add(batch(10, bytes: 400))
        queue.take()
        queue.take()
        #expect(queue.groups.suffix(2) == [[9], [10]] && queue.refused == [2, 3, 8])
    }

    @Test("A full disk is said once, tried again, and said to be over; nothing is lost")
    func fullDisk() throws {
        let (store, heard) = (GatedStore(), Heard())
        let storage = try start(store, heard)
        #expect(storage.submit(batch(1)))
        store.waitForGroups(1)
        store.finish(full)
        store.finish(full)
        #expect(heard.wait(1) == [.full(full)])
        #expect(storage.submit(batch(2)))
        store.waitForGroups(3)
        store.finish()
        store.finish()
        #expect(
            heard.wait(4) == [.full(full), .hasRoom, .persisted(PersistToken(1)), .persisted(PersistToken(2))])
        #expect(store.state.withLock { $0.groups } == [[1], [1], [1], [2]])
        storage.close()
    }

    @Test("A broken disk is said once; nothing is tried again, taken or acknowledged")
    func brokenDisk() throws {
        let (store, heard) = (GatedStore(), Heard())
        let storage = try start(store, heard)
        #expect(storage.submit(batch(1)))
        store.waitForGroups(1)
        #expect(storage.submit(batch(2)))
        store.finish(broken)
        #expect(heard.waitForFailure() == broken)
        #expect(!storage.submit(batch(3)))
        storage.close()
        #expect(heard.all == [] && store.state.withLock { $0.groups } == [[1]])
        #expect(store.state.withLock { $0.isClosed })
    }

    @Test("Closing writes what waits, unless the disk is full")
    func closing() throws {
        let (store, heard) = (GatedStore(), Heard())
        let storage = try start(store, heard)
        #expect(storage.submit(batch(1)))
        store.waitForGroups(1)
        #expect(storage.submit(batch(2)))
        store.finish()
        store.finish()
        storage.close()
        #expect(heard.all == [.persisted(PersistToken(1)), .persisted(PersistToken(2))])
        #expect(!storage.submit(batch(3)))

        let (other, unheard) = (GatedStore(), Heard())
        let second = try start(other, unheard)
        #expect(second.submit(batch(1)))
        other.finish(full)
        #expect(unheard.wait(1) == [.full(full)])
        second.close()
        #expect(unheard.all == [.full(full)])
        #expect(other.state.withLock { $0.isClosed })
    }

    @Test("The mark is synced once the disk is idle, and once only")
    func settles() throws {
        let (store, heard) = (GatedStore(), Heard())
        let storage = try start(store, heard)
        store.wait { $0.settled == 1 }
        store.finish()
        #expect(storage.submit(batch(1)))
        store.wait { $0.settled == 2 }
        storage.close()
        #expect(store.state.withLock { $0.settled } == 3)
    }

    @Test("A commit is noted when the disk is idle, also by a thread that sleeps, and at the latest at the end")
    func notes() throws {
        let (store, heard) = (GatedStore(), Heard())
        let storage = try start(store, heard)
        store.wait { $0.settled == 1 }
        storage.note(commit: LogIndex(3))
        store.wait { $0.commit == LogIndex(3) && $0.settled == 2 }
        storage.note(commit: LogIndex(2))
        storage.note(commit: LogIndex(4))
        storage.close()
        #expect(store.state.withLock { $0.commit } == LogIndex(4))
    }

    @Test("On the machine's own disk: everything acknowledged is there again")
    func ownDisk() throws {
        try withFolder { folder in
            let workload = Workload(seed: 31, groups: 200)
            let heard = Heard()
            let store = try FileLogStore.open(folder, node: NodeID("use1-a")).store
            let storage = try start(store, heard)
            for group in workload.groups { for batch in group { #expect(storage.submit(batch)) } }
            let last = try #require(workload.groups.last?.last?.token)
            while heard.all.last != .persisted(last) { sched_yield() }
            storage.close()
            let loaded = try FileLogStore.open(folder, node: NodeID("use1-a")).loaded
            #expect(loaded.corruption == nil && LogModel(loaded) == workload.models.last)
        }
    }
}
