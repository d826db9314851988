// Owns the durable mark: how far the log was acknowledged, stored apart from the log.
internal import Proactor
internal import Raft

/// The header of the last acknowledged frame, in a file of its own.
///
/// Everything up to the mark was durable before the mark was written, so a frame that the mark covers and whose
/// checksum is wrong is corrupt, never torn; and its hard state is known although the frame is lost.
///
/// **Order and cost.** A group commit is: write the frame, fdatasync, write the mark, acknowledge. The mark is in the
/// page cache before the acknowledgement, so it is exact if only the process died. It is not synced at that point,
/// because a second fdatasync would double the cost of a commit. A power cut can take little from it, and that is made
/// up for:
/// - A frame is written only after the one before it was durable. So an intact frame proves that all earlier ones were
///   acknowledged, and only the very last frame can depend on the mark.
/// - The mark is synced when the log has been idle for a moment (`FileLogStore.settle`), and when the directory is
///   opened.
/// - A last frame that neither covers is still judged by its form: the stamps of `SectorLayout` tell a torn write from
///   rot. A mark is never ahead of the log, so a torn write is never taken for corruption; the one thing that could
///   pass for a torn write is a disk that drops whole sectors of the last frame, after it said that they were safe, in
///   the very power cut that also took the mark.
///
/// There are two slots, written in turn, so that a torn mark leaves the one before it. If both are unreadable, there is
/// no mark.
///
/// Two further slots hold the `CommitMark`.
struct DurableMark: Sendable {
    static let name = "mark"
    private static let size = 4_096
    private static let slots = [0, SectorLayout.sector]
    private static let commitSlots = [2 * SectorLayout.sector, 3 * SectorLayout.sector]

    private let fileSystem: any FileSystem
    private let path: String
    private let file: OpenFile
    private var isDirty = false
    /// What the file said when it was opened.
    let found: FrameHeader?
    private let incarnation: UInt64
    /// How far the log is known to be committed, according to the file.
    private(set) var commit: LogIndex
    private var nextCommitSlot = 0

    /// Opens the mark of a data directory.
    init(folder: String, incarnation: UInt64, _ fileSystem: any FileSystem) throws(StorageFailure) {
        let path = "\(folder)/\(Self.name)"
        let file = try StorageFailure.whileWriting(path) { () throws(SystemError) in
            try fileSystem.open(path, creates: true)
        }
        do throws(StorageFailure) {
            let bytes = try StorageFailure.fatally(path) { () throws(SystemError) in
                try fileSystem.read(file, at: 0, count: Self.size)
            }
            if bytes.count < Self.size {
                try StorageFailure.whileWriting(path) { () throws(SystemError) in
                    try fileSystem.allocate(file, size: Self.size)
                }
            }
            found = Self.slots.compactMap { FrameHeader(bytes, at: $0) }
                .filter { $0.incarnation == incarnation }
                .max { $0.sequence < $1.sequence }
            let commits = Self.commitSlots.map { CommitMark.read(bytes, at: $0, incarnation: incarnation) ?? .zero }
            commit = max(commits[0], commits[1])
            nextCommitSlot = commits[0] < commits[1] ? 0 : 1
        } catch {
            fileSystem.close(file)
            throw error
        }
        self.fileSystem = fileSystem
        self.path = path
        self.file = file
        self.incarnation = incarnation
    }

    /// Records that everything up to and including this frame is durable.
    ///
    /// A disk that is too full to overwrite four reserved kilobytes (one that copies on write) leaves the mark behind,
    /// as a power cut might. The frame itself is durable and cannot be taken back.
    mutating func write(_ header: FrameHeader) throws(StorageFailure) {
        do throws(StorageFailure) {
            try StorageFailure.whileWriting(path) { () throws(SystemError) in
                try fileSystem.write(header.bytes, to: file, at: Self.slots[Int(header.sequence % 2)])
            }
            isDirty = true
        } catch {
            guard case .full = error else { throw error }
        }
    }

    /// Records that everything up to this index is committed, and durable in the log.
    mutating func write(commit: LogIndex) throws(StorageFailure) {
        guard commit > self.commit else { return }
        do throws(StorageFailure) {
            try StorageFailure.whileWriting(path) { () throws(SystemError) in
                let bytes = CommitMark.bytes(commit, incarnation: incarnation)
                try fileSystem.write(bytes, to: file, at: Self.commitSlots[nextCommitSlot])
            }
            isDirty = true
            self.commit = commit
            nextCommitSlot = 1 - nextCommitSlot
        } catch {
            guard case .full = error else { throw error }
        }
    }

    /// Makes the mark itself durable.
    mutating func sync() throws(StorageFailure) {
        guard isDirty else { return }
        try StorageFailure.fatally(path) { () throws(SystemError) in try fileSystem.syncContent(file) }
        isDirty = false
    }

    func close() { fileSystem.close(file) }
}
