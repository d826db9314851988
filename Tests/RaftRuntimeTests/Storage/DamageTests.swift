// Owns the tests of damage: a flipped bit anywhere is reported and never cut, and a leader's entries repair it.
import Proactor
import Raft
import Testing
import Topology

@testable import RaftRuntime

@Suite("Damage is reported, never cut, and repaired by a leader")
struct DamageTests {
    /// A data directory after a workload, and where its frames lie.
    struct Written {
        var image: DiskImage
        var workload: Workload
        /// Path, header and number of each frame, in order. Groups that change nothing have none.
        var frames: [(path: String, header: FrameHeader)] = []
        /// The log after each frame.
        var models: [LogModel] = []

        init(seed: UInt64, groups: Int) throws {
            let disk = SimulatedDisk()
            workload = Workload(seed: seed, groups: groups)
            var store = try FileLogStore.open(on: disk).store
            for (place, group) in workload.groups.enumerated() {
                try store.persist(group)
                if store.state.sequence > UInt64(models.count) { models.append(workload.models[place + 1]) }
            }
            store.close()
            image = disk.image
            for (path, bytes) in image.files.sorted(by: { $0.key < $1.key }) where path.contains("/log-") {
                frames += stride(from: 0, to: bytes.count, by: 512).compactMap { place in
                    FrameHeader(bytes, at: place).map { (path, $0) }
                }
            }
            frames.sort { $0.header.sequence < $1.header.sequence }
        }

        /// The log before a frame; empty before the first.
        func model(before frame: Int) -> LogModel { frame == 0 ? LogModel() : models[frame - 1] }
    }

    /// Places in a frame: in the header, in the payload, at the ends of sectors, in what fills it up.
    static func places(_ header: FrameHeader) -> [Int] {
        let ends = stride(from: header.offset + 511, to: header.end, by: 512)
        let inside = [0, 4, 8, 20, 44, 64, 66, 127, 128, 140, header.end - header.offset - 2].map { header.offset + $0 }
        return (inside + ends).filter { $0 < header.end }
    }

    @Test("A bit flipped in any frame", arguments: [true, false])
    func flippedBit(markIsThere: Bool) throws {
        let written = try Written(seed: 5, groups: 40)
        #expect(written.frames.count == written.models.count && written.frames.count > 25)
        // Snapshots make some of them superfluous, but nothing was deleted here.
        let snapshots = written.models.map(\.base)
        for (number, frame) in written.frames.enumerated() {
            for (turn, place) in Self.places(frame.header).enumerated() {
                var image = written.image
                image.files[frame.path]?[place] ^= 1 << UInt8((number + turn) % 8)
                if !markIsThere { image.files["/data/mark"] = nil }
                let disk = SimulatedDisk(image)
                var (store, loaded) = try FileLogStore.open(on: disk)
                let what = "frame \(number + 1) of \(written.frames.count), byte \(place - frame.header.offset)"
                #expect(loaded.corruption?.file == frame.path, "\(what)")
                #expect(loaded.corruption?.offset == frame.header.offset, "\(what)")
                #expect(LogModel(loaded).entries == written.model(before: number).entries, "\(what)")
                #expect(loaded.snapshot?.identity.position ?? .zero == (number == 0 ? .zero : snapshots[number - 1]))
                try expectRepairable(&store, loaded, disk, before: image, what)
            }
        }
    }

    /// Nothing was cut; a hard state alone repairs nothing; entries up to what was acknowledged do.
    private func expectRepairable(
        _ store: inout FileLogStore, _ loaded: LoadedLog, _ disk: SimulatedDisk, before image: DiskImage,
        _ what: String
    ) throws {
        let logs = disk.image.files.filter { $0.key.contains("/log-") }
        #expect(logs == image.files.filter { $0.key.contains("/log-") }, "\(what): something was cut")
        let term = loaded.hardState.term.next
        try store.persist([PersistBatch(token: PersistToken(1), hardState: HardState(term: term))])
        store.close()
        var (reopened, again) = try FileLogStore.open(on: disk)
        #expect(again.isCorrupt && again.entries == loaded.entries && again.hardState.term == term, "\(what)")
        let through = try #require(again.corruption?.acknowledgedThrough)
        #expect(through >= (loaded.corruption?.acknowledgedThrough ?? .zero), "\(what)")
        var model = LogModel(again)
        var batch = PersistBatch(token: PersistToken(2))
        for index in model.last.number + 1...max(through.number, model.last.number + 1) {
            batch.entries.append(LogEntry(LogPosition(term: term, index: LogIndex(index)), .noop))
        }
        model.apply(batch)
        try reopened.persist([batch])
        reopened.close()
        let sound = try FileLogStore.open(on: disk).loaded
        #expect(sound.corruption == nil && LogModel(sound) == model, "\(what): not repaired")
    }

    @Test("What was acknowledged is known although the frame is lost: its index and its vote")
    func nothingIsForgotten() throws {
        let written = try Written(seed: 6, groups: 30)
        let last = try #require(written.models.last)
        let greatest = written.frames.map(\.header.lastIndex).max()
        for (number, frame) in written.frames.enumerated() {
            var image = written.image
            image.files[frame.path]?[frame.header.offset + 9] ^= 4
            let loaded = try FileLogStore.open(on: SimulatedDisk(image)).loaded
            #expect(loaded.hardState == last.hardState, "frame \(number + 1)")
            #expect(try #require(loaded.corruption).acknowledgedThrough >= last.last, "frame \(number + 1)")
            #expect(try #require(loaded.corruption).acknowledgedThrough <= greatest ?? .zero, "frame \(number + 1)")
        }
    }

    @Test("The mark says that more was there than the log has")
    func lostTail() throws {
        let written = try Written(seed: 7, groups: 30)
        let frame = try #require(written.frames.last)
        var image = written.image
        let length = frame.header.end - frame.header.offset
        image.files[frame.path]?.replaceSubrange(
            frame.header.offset..<frame.header.end, with: [UInt8](repeating: 0, count: length))
        let loaded = try FileLogStore.open(on: SimulatedDisk(image)).loaded
        #expect(loaded.corruption?.reason == "the log ends before the durable mark")
        #expect(loaded.corruption?.acknowledgedThrough == written.models.last?.last)
        #expect(loaded.hardState == written.models.last?.hardState)
        image.files["/data/mark"] = nil
        let unmarked = try FileLogStore.open(on: SimulatedDisk(image)).loaded
        #expect(unmarked.corruption == nil && LogModel(unmarked) == written.models.dropLast().last)
    }

    @Test("Everything is gone but the mark", arguments: [true, false])
    func lostLog(entirely: Bool) throws {
        let written = try Written(seed: 7, groups: 30)
        var image = written.image
        for path in image.files.keys where path.contains("/log-") {
            image.files[path] = entirely ? nil : image.files[path].map { [UInt8](repeating: 0, count: $0.count) }
        }
        let disk = SimulatedDisk(image)
        var (store, loaded) = try FileLogStore.open(on: disk)
        #expect(loaded.isCorrupt && loaded.hardState == written.models.last?.hardState)
        try expectRepairable(&store, loaded, disk, before: image, "a lost log")
    }

    @Test("A damaged or lost snapshot", arguments: ["flipped", "lost"])
    func damagedSnapshot(how: String) throws {
        let disk = SimulatedDisk()
        var store = try FileLogStore.open(on: disk).store
        var batch = PersistBatch(token: PersistToken(1), hardState: HardState(term: Term(3)))
        batch.entries = (1...9).map { LogEntry(LogPosition(term: Term(3), index: LogIndex($0)), .noop) }
        try store.persist([batch])
        let position = LogPosition(term: Term(3), index: LogIndex(5))
        try store.persist([PersistBatch(token: PersistToken(2), snapshot: Workload.snapshot(position, bytes: 900))])
        store.close()
        var image = disk.image
        let path = "/data/" + SnapshotStore.name(of: position)
        if how == "lost" { image.files[path] = nil } else { image.files[path]?[800] ^= 1 }
        let damaged = SimulatedDisk(image)
        var (again, loaded) = try FileLogStore.open(on: damaged)
        #expect(loaded.isCorrupt && loaded.snapshot == nil && loaded.entries == [])
        #expect(loaded.hardState == HardState(term: Term(3)))
        #expect(loaded.corruption?.acknowledgedThrough == LogIndex(9))
        // A leader's snapshot repairs it as entries do.
        let newer = Workload.snapshot(LogPosition(term: Term(4), index: LogIndex(12)), bytes: 100)
        try again.persist([PersistBatch(token: PersistToken(3), snapshot: newer, hardState: HardState(term: Term(4)))])
        again.removeSuperfluous()
        again.close()
        let sound = try FileLogStore.open(on: damaged).loaded
        #expect(sound.corruption == nil && sound.snapshot == newer && sound.entries == [])
        #expect(damaged.image.files.keys.filter { $0.contains("/log-") }.count == 1)
    }

    @Test("Damage in what a repair wrote, and again")
    func damageTwice() throws {
        let written = try Written(seed: 8, groups: 30)
        var image = written.image
        for round in 0..<3 {
            let newest = try #require(image.files.keys.filter { $0.contains("/log-") }.max())
            let bytes = try #require(image.files[newest])
            let headers = stride(from: 0, to: bytes.count, by: 512).compactMap { FrameHeader(bytes, at: $0) }
            let frame = try #require(headers.last)
            image.files[newest]?[frame.offset + 130] ^= 1
            let disk = SimulatedDisk(image)
            var (store, loaded) = try FileLogStore.open(on: disk)
            #expect(loaded.corruption?.file == newest, "round \(round)")
            try expectRepairable(&store, loaded, disk, before: image, "round \(round)")
            image = disk.image
        }
    }
}
