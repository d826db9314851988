// Owns opening a data directory: locks it, reads it, cuts a torn write, and makes sure that what it reports is durable.
internal import Proactor
internal import Raft
public import Topology

extension FileLogStore {
    /// The node that a data directory belongs to; nil: the folder is missing, or nobody's yet.
    ///
    /// - Throws: `refused` when its identity cannot be read.
    public static func owner(
        of folder: String, fileSystem: any FileSystem = LinuxFileSystem()
    ) throws(StorageFailure) -> NodeID? { try DataDirectory.owner(of: folder, fileSystem) }

    /// Opens the data directory of a node, or makes it.
    ///
    /// - Parameters:
    ///   - folder: created if it is missing; its parent must exist.
    ///   - node: the node that it must belong to.
    /// - Returns: the store, to be handed to `LogStorage`, and what the directory held.
    /// - Throws: `refused` when the directory is in use, another node's or of a newer format; `full` or `broken` by the
    ///   disk. Damage is no error: it is reported in the log that is returned.
    public static func open(
        _ folder: String, node: NodeID, limits: StorageLimits = StorageLimits(),
        fileSystem: any FileSystem = LinuxFileSystem()
    ) throws(StorageFailure) -> (store: FileLogStore, loaded: LoadedLog) {
        var random = SystemRandomNumberGenerator()
        // 0 means "none" wherever incarnations are compared.
        let directory = try DataDirectory(
            folder: folder, node: node, random: max(1, random.next()), fileSystem)
        do throws(StorageFailure) {
            return try open(directory, limits, fileSystem)
        } catch {
            directory.close()
            throw error
        }
    }

    private static func open(
        _ directory: DataDirectory, _ limits: StorageLimits, _ fileSystem: any FileSystem
    ) throws(StorageFailure) -> (FileLogStore, LoadedLog) {
        let folder = directory.folder
        let segments = try readSegments(of: directory, fileSystem)
        let snapshots = SnapshotStore(folder: folder, fileSystem: fileSystem, limit: limits.snapshotBytes)
        let mark = try DurableMark(folder: folder, incarnation: directory.incarnation, fileSystem)
        do throws(StorageFailure) {
            var loader = LogLoader(segments, mark: mark.found)
            var reading = loader.read()
            let snapshot = try snapshot(for: &reading, segments, snapshots)
            let state = State(
                sequence: reading.greatestSequence,
                terms: TermMap(base: reading.image.base, entries: reading.image.entriesBehindBase),
                hardState: reading.image.hardState,
                missingThrough: reading.damage?.missingThrough ?? .zero,
                resumption: reading.damage?.resumption ?? .behind, current: nil,
                segments: segments.map { ($0.number, reading.lastIndexes[$0.number] ?? .zero) })
            var store = FileLogStore(
                fileSystem: fileSystem, folder: folder, limits: limits, directory: directory, snapshots: snapshots,
                mark: mark, state: state)
            let tornBytes = try store.makeSound(reading, segments)
            let corruption = reading.damage.map { store.describe($0) }
            let loaded = LoadedLog(
                incarnation: directory.incarnation, hardState: reading.image.hardState, snapshot: snapshot,
                entries: reading.image.entriesBehindBase,
                committedThrough: corruption == nil ? min(mark.commit, store.state.terms.last) : .zero,
                corruption: corruption, tornBytes: tornBytes)
            return (store, loaded)
        } catch {
            mark.close()
            throw error
        }
    }

    private static func readSegments(
        of directory: DataDirectory, _ fileSystem: any FileSystem
    ) throws(StorageFailure) -> [Segment] {
        let names = try StorageFailure.fatally(directory.folder) { () throws(SystemError) in
            try fileSystem.names(in: directory.folder)
        }
        var segments: [Segment] = []
        for number in names.compactMap(SegmentName.number).sorted() {
            segments.append(
                try Segment.read(number, in: directory.folder, incarnation: directory.incarnation, fileSystem))
        }
        return segments
    }

    /// The snapshot that the log rests on. If it cannot be read, the log is damaged and only the newest readable
    /// snapshot is left. A snapshot holds only what was committed, so it is right whatever the log said.
    private static func snapshot(
        for reading: inout LogReading, _ segments: [Segment], _ snapshots: SnapshotStore
    ) throws(StorageFailure) -> Snapshot? {
        let base = reading.image.base
        var reason: String?
        if base != .zero {
            switch try snapshots.read(base) {
            case .success(let snapshot) where !reading.image.hasGap: return snapshot
            case .success: break
            case .failure(let malformed): reason = malformed.reason
            }
        }
        if reason == nil, reading.image.hasGap {
            reason = "the log between the snapshot and the oldest segment is missing"
        }
        guard let reason else { return nil }
        let missing = max(reading.image.last, reading.damage?.missingThrough ?? .zero)
        let place = LogPlace(segment: segments.first?.number ?? 1, offset: 0)
        reading.damage = LogReading.Damage(
            place: place, reason: "\(SnapshotStore.name(of: base)): \(reason)", missingThrough: missing,
            resumption: .afresh)
        reading.torn = nil
        reading.image.base = .zero
        reading.image.entries = []
        for position in try snapshots.files().positions {
            guard case .success(let snapshot) = try snapshots.read(position) else { continue }
            reading.image.base = position
            reading.image.first = position.index.next
            return snapshot
        }
        reading.image.first = LogIndex(1)
        return nil
    }

    private func describe(_ damage: LogReading.Damage) -> LoadedLog.Corruption {
        LoadedLog.Corruption(
            file: "\(folder)/\(SegmentName.of(damage.place.segment))", offset: damage.place.offset,
            reason: damage.reason, acknowledgedThrough: damage.missingThrough)
    }

    // MARK: Soundness

    /// Cuts a torn write, removes empty segments, and syncs: if only the process died, what was read may still be only
    /// in the page cache, and what is reported from now on counts as durable.
    ///
    /// - Returns: the bytes that were cut.
    private mutating func makeSound(_ reading: LogReading, _ segments: [Segment]) throws(StorageFailure) -> Int {
        var tornBytes = 0
        if let torn = reading.torn, let segment = segments.first(where: { $0.number == torn.segment }) {
            tornBytes = segment.bytes.count - torn.offset
            if torn.offset > 0 { try cut(segment, to: torn.offset) }
        }
        if state.resumption == .behind {
            for segment in segments
            where segment.bytes.isEmpty || reading.torn == LogPlace(segment: segment.number, offset: 0) {
                try StorageFailure.fatally(folder) { () throws(SystemError) in
                    try fileSystem.remove("\(folder)/\(SegmentName.of(segment.number))")
                }
                state.segments.removeAll { $0.number == segment.number }
            }
        }
        for segment in state.segments {
            let path = "\(folder)/\(SegmentName.of(segment.number))"
            try StorageFailure.fatally(path) { () throws(SystemError) in
                let file = try fileSystem.open(path, creates: false)
                defer { fileSystem.close(file) }
                try fileSystem.sync(file)
            }
        }
        try StorageFailure.fatally(folder) { () throws(SystemError) in try fileSystem.syncFolder(folder) }
        // After damage nothing is touched: the mark, too, is evidence of what was there.
        guard state.resumption == .behind, let last = reading.lastFrame else { return tornBytes }
        try reopen(last, segments)
        if mark.found?.sequence != last.sequence { try mark.write(last) }
        try mark.sync()
        removeSuperfluous()
        return tornBytes
    }

    private func cut(_ segment: Segment, to offset: Int) throws(StorageFailure) {
        let path = "\(folder)/\(SegmentName.of(segment.number))"
        let file = try StorageFailure.fatally(path) { () throws(SystemError) in
            try fileSystem.open(path, creates: false)
        }
        defer { fileSystem.close(file) }
        try StorageFailure.fatally(path) { () throws(SystemError) in try fileSystem.truncate(file, to: offset) }
        try StorageFailure.whileWriting(path) { () throws(SystemError) in
            try fileSystem.allocate(file, size: max(segment.size, offset))
        }
        try StorageFailure.fatally(path) { () throws(SystemError) in try fileSystem.sync(file) }
    }

    /// Continues after the last frame.
    private mutating func reopen(_ last: FrameHeader, _ segments: [Segment]) throws(StorageFailure) {
        guard let segment = segments.first(where: { $0.number == last.segment }) else { return }
        let path = "\(folder)/\(SegmentName.of(last.segment))"
        let file = try StorageFailure.fatally(path) { () throws(SystemError) in
            try fileSystem.open(path, creates: false)
        }
        state.current = CurrentSegment(
            number: last.segment, file: file, size: segment.size, offset: last.end, zeroed: last.end)
    }
}
