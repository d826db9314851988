// Owns the log on the disk: batches in, one write and one fdatasync each group, segments, snapshots and the durable
// mark.
internal import Proactor
public import Raft

/// The limits of the storage.
public struct StorageLimits: Hashable, Sendable {
    /// The bytes that a segment reserves; a frame that needs more gets a segment of its own.
    public var segmentBytes = 16 << 20
    /// The most bytes of one frame; a batch that needs more is refused.
    public var frameBytes = 256 << 20
    /// The most bytes of a snapshot.
    public var snapshotBytes = 1 << 30
    /// Zeros are written this far ahead of the log.
    public var zeroBytes = 1 << 20

    public init() {}
}

/// A write-ahead log in the segments of a data directory.
///
/// A group of batches becomes one frame (`FrameHeader`): one write(2) and one fdatasync(2), then the durable mark, then
/// the caller may acknowledge. Frames are there as a whole or not at all, so a crash leaves the log as it was after
/// some group, no earlier than the last acknowledged one. Segments are reserved as a whole and zeroed a piece ahead,
/// because fdatasync of a block that was never written also has to wait for the file system's journal.
///
/// A copy would write to the same files, so there must be one owner at a time.
public struct FileLogStore: LogStore {
    /// What the next frame builds on; replaced as a whole once the frame is durable.
    struct State: Sendable {
        /// Of the last frame.
        var sequence: UInt64
        var terms: TermMap
        var hardState: HardState
        var missingThrough: LogIndex
        /// How the next segment begins. Anything but `behind` waits for its segment.
        var resumption: Resumption
        /// The segment being written; nil before the first.
        var current: CurrentSegment?
        /// The segments on the disk, the oldest first, and the greatest last index of the frames in each; void ones
        /// have 0.
        var segments: [(number: UInt64, lastIndex: LogIndex)]
    }

    struct CurrentSegment: Sendable {
        var number: UInt64
        var file: OpenFile
        var size: Int
        /// Where the next frame goes.
        var offset: Int
        /// Up to here the file was written with zeros at least.
        var zeroed: Int
    }

    let fileSystem: any FileSystem
    let folder: String
    let limits: StorageLimits
    let directory: DataDirectory
    let snapshots: SnapshotStore
    var mark: DurableMark
    var state: State
    /// A write into the current segment failed half-way; what it left has to be cut before the next.
    var hasRemains = false
    /// A new segment whose first frame failed half-way. It has to be removed before the next write, which may not need
    /// a new one.
    var stray: UInt64?
    /// A call failed after which nothing may be tried again.
    var isBroken = false

    // MARK: Batches

    public mutating func persist(_ batches: [PersistBatch]) throws(StorageFailure) {
        guard !isBroken else { throw .refused("the disk failed before; nothing more is written") }
        do throws(StorageFailure) {
            try write(batches)
        } catch {
            if case .full = error {} else { isBroken = true }
            throw error
        }
    }

    private mutating func write(_ batches: [PersistBatch]) throws(StorageFailure) {
        var next = state
        var operations = DiskWriter()
        operations.bytes.reserveCapacity(
            64 * batches.count + batches.reduce(0) { $0 + $1.entries.reduce(0) { $0 + $1.cost } })
        for batch in batches { try add(batch, to: &operations, &next) }
        guard !operations.bytes.isEmpty || next.hardState != state.hardState else { return }
        next.sequence += 1
        if next.terms.last >= next.missingThrough { next.missingThrough = .zero }
        guard operations.bytes.count < limits.frameBytes else {
            throw .refused("a write of \(operations.bytes.count) bytes, where at most \(limits.frameBytes) may be")
        }
        try place(operations.bytes, &next)
        state = next
    }

    /// Adds what a batch does, in the order that `PersistBatch` promises.
    private func add(
        _ batch: PersistBatch, to operations: inout DiskWriter, _ next: inout State
    ) throws(StorageFailure) {
        if let snapshot = batch.snapshot { try add(snapshot, to: &operations, &next) }
        if let cut = batch.cutFrom, cut <= next.terms.last {
            guard cut > next.terms.base.index else {
                throw .refused("a cut from \(cut) reaches into the snapshot at \(next.terms.base)")
            }
            next.terms.cut(from: cut)
            operations.add(cutFrom: cut)
        }
        for entry in batch.entries {
            guard entry.position.index == next.terms.last.next else {
                throw .refused("entry \(entry.position) does not follow the log, which ends at \(next.terms.last)")
            }
            next.terms.append(entry.position)
        }
        operations.add(batch.entries)
        if let hardState = batch.hardState { try add(hardState, &next) }
    }

    private func add(
        _ snapshot: Snapshot, to operations: inout DiskWriter, _ next: inout State
    ) throws(StorageFailure) {
        let position = snapshot.identity.position
        // The log already rests on a later one.
        guard position.index > next.terms.base.index else { return }
        try snapshots.write(snapshot)
        let keepsRest = next.terms.term(at: position.index) == position.term
        next.terms.rest(on: position, keepsRest: keepsRest)
        operations.add(restOn: position, keepsRest: keepsRest)
    }

    /// Raft §5.1 and §5.2: a term never goes back, and a vote is never given twice in it.
    private func add(_ hardState: HardState, _ next: inout State) throws(StorageFailure) {
        let before = next.hardState
        let changesVote =
            before.term == hardState.term && before.votedFor != nil
            && before.votedFor != hardState.votedFor
        guard hardState.term >= before.term, !changesVote else {
            throw .refused("term \(hardState.term) with its vote does not follow term \(before.term) with its own")
        }
        next.hardState = hardState
    }

    // MARK: Rest

    public mutating func removeSuperfluous() {
        // While entries are missing, the damaged files stay for inspection.
        guard !isBroken, state.missingThrough == .zero else { return }
        snapshots.removeAll(but: state.terms.base)
        while state.segments.count > 1, state.segments[0].lastIndex <= state.terms.base.index,
            state.segments[0].number != state.current?.number
        {
            do throws(SystemError) {
                try fileSystem.remove("\(folder)/\(SegmentName.of(state.segments[0].number))")
                // Deleted in order, so that no crash leaves a gap between the segments.
                try fileSystem.syncFolder(folder)
            } catch { return }
            state.segments.removeFirst()
        }
    }

    public mutating func note(commit: LogIndex) throws(StorageFailure) {
        // What is missing here cannot be recorded as committed here, whatever the caller thinks.
        guard !isBroken, state.missingThrough == .zero, commit <= state.terms.last else { return }
        do throws(StorageFailure) { try mark.write(commit: commit) } catch {
            isBroken = true
            throw error
        }
    }

    public mutating func settle() throws(StorageFailure) {
        guard !isBroken else { return }
        do throws(StorageFailure) { try mark.sync() } catch {
            isBroken = true
            throw error
        }
    }

    public mutating func close() {
        isBroken = true
        if let current = state.current { fileSystem.close(current.file) }
        state.current = nil
        mark.close()
        directory.close()
    }
}
