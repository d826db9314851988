// Owns the tests of the store on the machine's own disk.
import Foundation
import Proactor
import Raft
import Testing
import Topology

@testable import RaftRuntime

@Suite("The log on the machine's own disk")
struct LinuxFileSystemTests {
    @Test("A workload with snapshots, cuts and full segments, opened again after every few groups")
    func workload() throws {
        try withFolder { folder in
            let workload = Workload(seed: 21, groups: 60)
            var place = 0
            while place < workload.groups.count {
                var (store, loaded) = try FileLogStore.open(folder, node: NodeID("use1-a"), limits: .tiny)
                #expect(loaded.corruption == nil && LogModel(loaded) == workload.models[place])
                for group in workload.groups[place...].prefix(9) {
                    try store.persist(group)
                    store.removeSuperfluous()
                }
                place = min(place + 9, workload.groups.count)
                store.close()
            }
            let loaded = try FileLogStore.open(folder, node: NodeID("use1-a"), limits: .tiny).loaded
            #expect(loaded.corruption == nil && LogModel(loaded) == workload.models.last)
            let names = try LinuxFileSystem().names(in: folder)
            #expect(names.filter { SnapshotStore.position(of: $0) != nil }.count == 1, "\(names)")
        }
    }

    @Test("Old segments go when a snapshot stands for them")
    func compaction() throws {
        try withFolder { folder in
            var store = try FileLogStore.open(folder, node: NodeID("use1-a"), limits: .tiny).store
            var entries: [LogEntry] = []
            for index in 1...100 {
                let position = LogPosition(term: Term(1), index: LogIndex(UInt64(index)))
                entries.append(
                    LogEntry(
                        position, .command(Command(session: 1, sequence: 1, bytes: [UInt8](repeating: 1, count: 300)))))
                try store.persist([PersistBatch(token: PersistToken(UInt64(index)), entries: [entries[index - 1]])])
            }
            #expect(store.state.segments.count == 7)
            let snapshot = Workload.snapshot(entries[89].position, bytes: 50)
            try store.persist([PersistBatch(token: PersistToken(200), snapshot: snapshot)])
            store.removeSuperfluous()
            #expect(store.state.segments.map(\.number) == [6, 7])
            store.close()
            let loaded = try FileLogStore.open(folder, node: NodeID("use1-a"), limits: .tiny).loaded
            #expect(loaded.corruption == nil && loaded.snapshot == snapshot && loaded.entries == Array(entries[90...]))
        }
    }

    @Test("A batch greater than a segment gets one of its own; one beyond the limit is refused")
    func largeBatch() throws {
        try withFolder { folder in
            var limits = StorageLimits.tiny
            limits.frameBytes = 100_000
            var store = try FileLogStore.open(folder, node: NodeID("use1-a"), limits: limits).store
            func batch(_ index: UInt64, _ count: Int) -> PersistBatch {
                let bytes = [UInt8](repeating: UInt8(index), count: count)
                let position = LogPosition(term: Term(1), index: LogIndex(index))
                let entry = LogEntry(position, .command(Command(session: 1, sequence: index, bytes: bytes)))
                return PersistBatch(token: PersistToken(index), entries: [entry])
            }
            try store.persist([batch(1, 60_000)])
            try store.persist([batch(2, 10)])
            #expect(throws: StorageFailure.self) { try store.persist([batch(3, 100_001)]) }
            store.close()
            let loaded = try FileLogStore.open(folder, node: NodeID("use1-a"), limits: limits).loaded
            #expect(loaded.entries == batch(1, 60_000).entries + batch(2, 10).entries)
        }
    }

    @Test("Errors name the file and the call")
    func errors() throws {
        let disk = LinuxFileSystem()
        #expect(throws: SystemError(code: ENOENT, action: "open /nonexistent/a")) {
            _ = try disk.open("/nonexistent/a", creates: true)
        }
        #expect(throws: StorageFailure.self) { _ = try FileLogStore.open("/nonexistent/a/b", node: NodeID("a")) }
        #expect(throws: SystemError.self) { _ = try disk.names(in: "/nonexistent") }
        #expect(throws: SystemError.self) { try disk.syncFolder("/nonexistent") }
    }

    @Test("A file's calls do what they say")
    func calls() throws {
        try withFolder { folder in
            let disk = LinuxFileSystem()
            try disk.makeFolder(folder)
            try disk.makeFolder(folder)
            let file = try disk.open("\(folder)/a", creates: true)
            try disk.allocate(file, size: 4_096)
            try disk.write([1, 2, 3], to: file, at: 4_000)
            try disk.syncContent(file)
            #expect(try disk.size(of: file) == 4_096)
            #expect(try disk.read(file, at: 3_999, count: 5) == [0, 1, 2, 3, 0])
            #expect(try disk.read(file, at: 4_094, count: 10) == [0, 0])
            try disk.truncate(file, to: 4_001)
            try disk.sync(file)
            #expect(try disk.read(file, at: 4_000, count: 10) == [1])
            #expect(try disk.lock(file))
            let second = try disk.open("\(folder)/a", creates: false)
            #expect(try !disk.lock(second))
            disk.close(file)
            #expect(try disk.lock(second))
            disk.close(second)
            try disk.rename("\(folder)/a", to: "\(folder)/b")
            #expect(try disk.names(in: folder) == ["b"])
            try disk.remove("\(folder)/b")
            try disk.syncFolder(folder)
            #expect(try disk.names(in: folder) == [])
        }
    }
}
