// Owns the tests of the commit that a store notes: it comes back, never too far, whatever is lost.
import Proactor
import Raft
import Testing
import Topology

@testable import RaftRuntime

struct CommitMarkTests {
    private func batch(_ index: UInt64) -> [PersistBatch] {
        let entry = LogEntry(LogPosition(term: Term(1), index: LogIndex(index)), .noop)
        return [PersistBatch(token: PersistToken(index), entries: [entry])]
    }

    @Test("Cut after every call, with every kind of loss: never more than was noted, never less than was settled")
    func everyCut() throws {
        let disk = SimulatedDisk()
        var store = try FileLogStore.open(on: disk).store
        // What was noted last and what was settled last, after each group; the trace says which group it is.
        var noted: [LogIndex] = [.zero]
        var settled: [LogIndex] = [.zero]
        for index in 1...40 as ClosedRange<UInt64> {
            try store.persist(batch(index))
            if index % 3 == 0 { try store.note(commit: LogIndex(index - 1)) }
            if index % 5 == 0 { try store.settle() }
            noted.append(index % 3 == 0 ? LogIndex(index - 1) : noted[noted.count - 1])
            settled.append(index % 5 == 0 ? noted[noted.count - 1] : settled[settled.count - 1])
            disk.note(.acknowledged(Int(index)))
        }
        store.close()
        let (base, trace) = disk.history
        var history = DiskHistory(base)
        for (place, call) in trace.enumerated() {
            history.apply(call)
            for loss in PowerCutTests.losses {
                let left =
                    loss == .nothing
                    ? SimulatedDisk(replaying: trace[...place]) : SimulatedDisk(history.afterCut(loss))
                let loaded = try FileLogStore.open(on: left).loaded
                let last = loaded.entries.last?.position.index ?? .zero
                let group = history.acknowledged
                let most = noted[min(group + 1, noted.count - 1)]
                #expect(loaded.corruption == nil)
                #expect(loaded.committedThrough <= min(last, most), "call \(place), \(loss)")
                #expect(loaded.committedThrough >= settled[group], "call \(place), \(loss)")
                if loss == .nothing { #expect(loaded.committedThrough >= noted[group]) }
            }
        }
    }

    @Test("It goes on from what was noted before the last opening, and never back")
    func goesOn() throws {
        let disk = SimulatedDisk()
        var store = try FileLogStore.open(on: disk).store
        for index in 1...4 as ClosedRange<UInt64> { try store.persist(batch(index)) }
        try store.note(commit: LogIndex(3))
        store.close()
        for commit in [2, 4, 1] as [UInt64] {
            var (again, loaded) = try FileLogStore.open(on: disk)
            #expect(loaded.committedThrough == LogIndex(commit == 1 ? 4 : 3))
            try again.note(commit: LogIndex(commit))
            again.close()
        }
    }

    @Test("What the log does not hold is not noted")
    func beyond() throws {
        let disk = SimulatedDisk()
        var store = try FileLogStore.open(on: disk).store
        try store.persist(batch(1))
        try store.note(commit: LogIndex(2))
        store.close()
        #expect(try FileLogStore.open(on: disk).loaded.committedThrough == .zero)
    }

    @Test("A record that does not check, or is another directory's, is none")
    func rubbish() {
        let bytes = CommitMark.bytes(LogIndex(7), incarnation: 5)
        #expect(bytes.count == CommitMark.count)
        #expect(CommitMark.read(bytes, at: 0, incarnation: 5) == LogIndex(7))
        #expect(CommitMark.read(bytes, at: 0, incarnation: 6) == nil)
        #expect(CommitMark.read(bytes, at: 1, incarnation: 5) == nil)
        #expect(CommitMark.read(Array(bytes.dropLast()), at: 0, incarnation: 5) == nil)
        for place in bytes.indices {
            var flipped = bytes
            flipped[place] ^= 4
            #expect(CommitMark.read(flipped, at: 0, incarnation: 5) == nil)
        }
    }
}
