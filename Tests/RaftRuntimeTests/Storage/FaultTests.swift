// Owns the tests of disks that fail: full at any write, or broken at any sync.
import Glibc
import Proactor
import Raft
import Testing
import Topology

@testable import RaftRuntime

@Suite("A full disk loses nothing, a broken one ends everything")
struct FaultTests {
    /// Runs a workload, trying again what a full disk refused.
    ///
    /// - Returns: whether the disk was full.
    private func run(_ workload: Workload, on disk: SimulatedDisk, isFull: inout Bool) throws -> FileLogStore {
        var opened: FileLogStore?
        do throws(StorageFailure) { opened = try FileLogStore.open(on: disk).store } catch {
            guard case .full = error else { throw error }
            isFull = true
        }
        var store = try opened ?? FileLogStore.open(on: disk).store
        for group in workload.groups {
            do throws(StorageFailure) { try store.persist(group) } catch {
                guard case .full = error else { throw error }
                isFull = true
                try store.persist(group)
            }
            store.removeSuperfluous()
        }
        return store
    }

    @Test("A disk that may not be used has not failed")
    func permission() {
        func words(_ code: Int32) -> String {
            "\(StorageFailure.broken(SystemError(code: code, action: "/data: open")))"
        }
        #expect(words(EACCES) == "/data: open: Permission denied")
        #expect(words(EIO).hasPrefix("the disk failed: /data: open: "))
    }

    @Test("Full at every write", arguments: [ENOSPC, EDQUOT])
    func fullDisk(code: Int32) throws {
        let workload = Workload(seed: 11, groups: 40)
        let clean = SimulatedDisk()
        clean.plan(nil)
        var never = false
        _ = try run(workload, on: clean, isFull: &never)
        let calls = clean.calls(.write)
        #expect(!never && calls > 100)
        for call in 1...calls {
            let disk = SimulatedDisk()
            disk.plan(.init(kind: .write, call: call, code: code))
            var isFull = false
            var store = try run(workload, on: disk, isFull: &isFull)
            // The name of the process that holds the lock, and a mark that lags, stop nothing.
            let mayBeLost = ["write /data/lock", "write /data/mark"].contains(disk.hit)
            #expect(disk.hit != nil && isFull == !mayBeLost, "call \(call), \(disk.hit ?? "")")
            store.close()
            let loaded = try FileLogStore.open(on: disk).loaded
            #expect(loaded.corruption == nil && LogModel(loaded) == workload.models.last, "call \(call)")
        }
    }

    @Test("Power is cut while the disk is full: the failed write leaves nothing, and mixes with nothing")
    func fullDiskAndCut() throws {
        let workload = Workload(seed: 12, groups: 12)
        for call in 8...40 {
            let disk = SimulatedDisk()
            var store = try FileLogStore.open(on: disk).store
            disk.plan(.init(kind: .write, call: call, code: ENOSPC))
            for (place, group) in workload.groups.enumerated() {
                disk.note(.acknowledged(place))
                do throws(StorageFailure) { try store.persist(group) } catch {
                    guard case .full = error else { throw error }
                    // Another write takes the place of the refused one.
                    let other = PersistBatch(token: PersistToken(1), hardState: HardState(term: Term(1_000)))
                    try store.persist([other])
                    let after = workload.models[place].applying([other])
                    // The refused group may have become durable as a whole: nobody was told otherwise.
                    try expectEveryCut(
                        disk, [workload.models[place], workload.models[place + 1], after], "call \(call)")
                    store.close()
                    #expect(LogModel(try FileLogStore.open(on: disk).loaded) == after, "call \(call)")
                    break
                }
            }
        }
    }

    /// Cuts the power after each call since the last acknowledgement.
    private func expectEveryCut(_ disk: SimulatedDisk, _ allowed: [LogModel], _ what: String) throws {
        let (base, trace) = disk.history
        var history = DiskHistory(base)
        let last = try #require(trace.lastIndex { if case .acknowledged = $0 { true } else { false } })
        for (place, call) in trace.enumerated() {
            history.apply(call)
            guard place >= last else { continue }
            for loss in PowerCutTests.losses {
                let loaded = try FileLogStore.open(on: SimulatedDisk(history.afterCut(loss))).loaded
                #expect(
                    loaded.corruption == nil && allowed.contains(LogModel(loaded)),
                    "\(what), cut after \(place), losing \(loss.testDescription): \(loaded.corruption?.description ?? "sound")"
                )
            }
        }
    }

    @Test("A failed fsync is never tried again, and what follows is refused", arguments: [EIO, ENOSPC])
    func failedSync(code: Int32) throws {
        let workload = Workload(seed: 13, groups: 30)
        let clean = SimulatedDisk()
        var store = try FileLogStore.open(on: clean).store
        clean.plan(nil)
        for group in workload.groups { try store.persist(group) }
        let syncs = clean.calls(.sync)
        #expect(syncs >= 30)
        for sync in 1...syncs {
            let disk = SimulatedDisk()
            var store = try FileLogStore.open(on: disk).store
            disk.plan(.init(kind: .sync, call: sync, code: code))
            var acknowledged = 0
            do throws(StorageFailure) {
                for group in workload.groups {
                    try store.persist(group)
                    acknowledged += 1
                }
                Issue.record("sync \(sync) did not fail")
            } catch {
                guard case .broken(let cause) = error else {
                    Issue.record("sync \(sync): \(error)")
                    continue
                }
                #expect(cause.code == code && error.description.contains("/data"), "\(error)")
            }
            #expect(throws: StorageFailure.self) { try store.persist(workload.groups[acknowledged]) }
            #expect(disk.calls(.sync) == sync, "it was tried again")
            var history = DiskHistory(disk.history.base)
            for call in disk.history.trace { history.apply(call) }
            let loaded = try FileLogStore.open(on: SimulatedDisk(history.afterCut(.everything))).loaded
            #expect(loaded.corruption == nil && LogModel(loaded) == workload.models[acknowledged], "sync \(sync)")
        }
    }

    @Test("One group costs one sync, whatever it holds")
    func oneSync() throws {
        let disk = SimulatedDisk()
        var store = try FileLogStore.open(on: disk).store
        let batches = (1...20).map { number in
            PersistBatch(
                token: PersistToken(UInt64(number)),
                entries: [LogEntry(LogPosition(term: Term(1), index: LogIndex(UInt64(number))), .noop)],
                hardState: HardState(term: Term(1)))
        }
        try store.persist([batches[0]])
        disk.plan(nil)
        try store.persist(Array(batches[1...9]))
        #expect(disk.calls(.sync) == 1)
        try store.persist(Array(batches[10...]))
        #expect(disk.calls(.sync) == 2)
        try store.persist([PersistBatch(token: PersistToken(21))])
        #expect(disk.calls(.sync) == 2, "nothing to write needs no sync")
    }

    @Test(
        "What contradicts the log is refused, not written",
        arguments: [
            PersistBatch(
                token: PersistToken(2), entries: [LogEntry(LogPosition(term: Term(2), index: LogIndex(3)), .noop)]),
            PersistBatch(token: PersistToken(2), cutFrom: LogIndex(0)),
            PersistBatch(token: PersistToken(2), hardState: HardState(term: Term(1))),
            PersistBatch(token: PersistToken(2), hardState: HardState(term: Term(2), votedFor: NodeID("other"))),
        ])
    func contradiction(batch: PersistBatch) throws {
        let disk = SimulatedDisk()
        var store = try FileLogStore.open(on: disk).store
        let first = PersistBatch(
            token: PersistToken(1), entries: [LogEntry(LogPosition(term: Term(2), index: LogIndex(1)), .noop)],
            hardState: HardState(term: Term(2), votedFor: NodeID("use1-a")))
        try store.persist([first])
        let before = disk.image
        #expect {
            try store.persist([batch])
        } throws: {
            if case .refused? = $0 as? StorageFailure { true } else { false }
        }
        #expect(disk.image == before)
    }
}
