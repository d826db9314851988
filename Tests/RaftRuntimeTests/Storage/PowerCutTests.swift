// Owns the tests of crashes: a recorded run is cut at every call, and what is left must be what was acknowledged.
import Proactor
import Raft
import Testing

@testable import RaftRuntime

@Suite("A crash at every call loses nothing that was acknowledged")
struct PowerCutTests {
    /// Runs a workload and records it, with the acknowledgements.
    static func record(_ workload: Workload, on disk: SimulatedDisk) throws {
        var (store, loaded) = try FileLogStore.open(on: disk)
        #expect(LogModel(loaded) == LogModel())
        for (place, group) in workload.groups.enumerated() {
            try store.persist(group)
            disk.note(.acknowledged(place + 1))
            if group.contains(where: { $0.snapshot != nil }) { store.removeSuperfluous() }
            if place % 7 == 6 { try store.settle() }
        }
        store.close()
    }

    static let losses: [Loss] = [.nothing, .everything] + (1...5).map { .anything(seed: $0) }

    @Test("Cut after every call, with every kind of loss", arguments: [1, 2, 3, 4] as [UInt64])
    func everyCut(seed: UInt64) throws {
        let disk = SimulatedDisk()
        let workload = Workload(seed: seed, groups: 45)
        try Self.record(workload, on: disk)
        let (base, trace) = disk.history
        var history = DiskHistory(base)
        for (place, call) in trace.enumerated() {
            history.apply(call)
            for loss in Self.losses {
                // When only the process died, nothing more became durable by that.
                let left =
                    loss == .nothing
                    ? SimulatedDisk(replaying: trace[...place]) : SimulatedDisk(history.afterCut(loss))
                let what = "seed \(seed), cut after call \(place), losing \(loss.testDescription)"
                try check(left, history.acknowledged, workload, what)
            }
        }
        #expect(history.acknowledged == workload.groups.count)
    }

    /// Opens what a cut left, twice with another cut between, and goes on with the workload.
    private func check(
        _ disk: SimulatedDisk, _ acknowledged: Int, _ workload: Workload, _ what: String
    ) throws {
        var (store, loaded) = try FileLogStore.open(on: disk)
        let allowed = workload.models[acknowledged...].prefix(2)
        #expect(loaded.corruption == nil, "\(what)")
        guard let place = allowed.firstIndex(of: LogModel(loaded)) else {
            Issue.record("\(what): neither of the two possible logs is there: \(loaded)")
            return
        }
        // What was reported is durable, whatever is lost now.
        let (base, trace) = disk.history
        var second = DiskHistory(base)
        for call in trace { second.apply(call) }
        let again = try FileLogStore.open(on: SimulatedDisk(second.afterCut(.everything))).loaded
        #expect(again.corruption == nil && LogModel(again) == LogModel(loaded), "\(what), and again")
        guard place < workload.groups.count else { return }
        try store.persist(workload.groups[place])
        store.close()
        let later = try FileLogStore.open(on: disk).loaded
        #expect(later.corruption == nil && LogModel(later) == workload.models[place + 1], "\(what), and on")
    }

    @Test("Every byte of the last frame as the end of the file: never corruption, never more or less than the rest")
    func everyByteOfTheLastFrame() throws {
        let workload = Workload(seed: 9, groups: 12)
        let disk = SimulatedDisk()
        var store = try FileLogStore.open(on: disk).store
        for group in workload.groups.dropLast() { try store.persist(group) }
        try store.settle()
        let before = disk.image
        let last = [PersistBatch(token: PersistToken(99), hardState: HardState(term: Term(90)))]
        try store.persist(last)
        let changed = disk.image.files.filter { $0.key.contains("/log-") && before.files[$0.key] != $0.value }
        let (path, after) = try #require(changed.first)
        let old = try #require(before.files[path])
        let start = try #require(zip(old, after).enumerated().first { $1.0 != $1.1 }?.offset)
        let end = try #require(SectorLayout.lastUsed(after, from: 0))
        for length in start...end {
            var image = before
            image.files[path]?.replaceSubrange(start..<length, with: after[start..<length])
            let loaded = try FileLogStore.open(on: SimulatedDisk(image)).loaded
            #expect(loaded.corruption == nil && LogModel(loaded) == workload.models[11], "written up to \(length)")
        }
    }
}
