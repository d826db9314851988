// Owns the files of snapshots: one for each, named by its position, there as a whole or not at all.
internal import Glibc
internal import Proactor
internal import Raft

/// The snapshots of a data directory.
///
/// A snapshot is durable under its name before a frame of the log rests on it, and the one before it is removed only
/// after that frame is durable. So the position that the log rests on names the file, and any other file is left over.
struct SnapshotStore: Sendable {
    private static let prefix = "snapshot-"
    private static let magic: UInt32 = 0x4E53_444D  // "MDSN"
    private static let version: UInt8 = 1
    private static let mostHeaderBytes = 1 << 20

    let folder: String
    let fileSystem: any FileSystem
    /// The most bytes of a snapshot's content.
    let limit: Int

    static func name(of position: LogPosition) -> String { "\(prefix)\(position.index)-\(position.term)" }

    /// The position that a file is named by; nil for other files.
    static func position(of name: String) -> LogPosition? {
        guard name.hasPrefix(prefix) else { return nil }
        let parts = name.dropFirst(prefix.count).split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let index = UInt64(parts[0]), let term = UInt64(parts[1]) else { return nil }
        let position = LogPosition(term: Term(term), index: LogIndex(index))
        return Self.name(of: position) == name ? position : nil
    }

    /// Makes a snapshot durable.
    func write(_ snapshot: Snapshot) throws(StorageFailure) {
        guard snapshot.bytes.count <= limit else {
            throw .refused("a snapshot of \(snapshot.bytes.count) bytes, where at most \(limit) may be")
        }
        var header = DiskWriter()
        header.add(Self.version)
        header.add(snapshot.identity.position)
        header.add(snapshot.identity.configuration)
        header.add(Int64(snapshot.identity.byteCount))
        header.add(snapshot.identity.checksum)
        header.add(UInt64(snapshot.bytes.count))
        header.add(Checksum.crc32c(snapshot.bytes))
        var whole = DiskWriter()
        whole.bytes.reserveCapacity(16 + header.bytes.count + snapshot.bytes.count)
        whole.add(Self.magic)
        whole.add(Checksum.crc32c(header.bytes))
        whole.add(header.bytes)
        whole.bytes += snapshot.bytes
        try WholeFile.write(whole.bytes, to: Self.name(of: snapshot.identity.position), in: folder, fileSystem)
    }

    /// Reads a snapshot, or says why it cannot be used.
    func read(_ position: LogPosition) throws(StorageFailure) -> Result<Snapshot, Malformed> {
        let path = "\(folder)/\(Self.name(of: position))"
        let bytes: [UInt8]
        do throws(StorageFailure) {
            bytes = try WholeFile.read(path, limit: limit + Self.mostHeaderBytes, fileSystem)
        } catch {
            switch error {
            case .broken(let cause) where cause.code == ENOENT: return .failure(Malformed("the snapshot is missing"))
            // Only this file is known to be unreadable, and a leader has the snapshot.
            case .broken(let cause) where cause.code == EIO: return .failure(Malformed("the snapshot is unreadable"))
            case .refused(let reason): return .failure(Malformed(reason))
            default: throw error
            }
        }
        do throws(Malformed) { return .success(try parse(bytes, position)) } catch { return .failure(error) }
    }

    private func parse(_ bytes: [UInt8], _ position: LogPosition) throws(Malformed) -> Snapshot {
        var whole = DiskReader(bytes)
        guard try whole.number(UInt32.self) == Self.magic else { throw Malformed("it is no snapshot") }
        let headerChecksum = try whole.number(UInt32.self)
        let content = try whole.content(limit: Self.mostHeaderBytes)
        guard Checksum.crc32c(content) == headerChecksum else { throw Malformed("the header's checksum is wrong") }
        var header = DiskReader(content)
        let version = try header.byte()
        guard version == Self.version else { throw Malformed("format \(version) is not known") }
        guard try header.logPosition() == position else { throw Malformed("it is the snapshot of another position") }
        let configuration = try header.configuration()
        guard let byteCount = Int(exactly: try header.signed()) else { throw Malformed("its size is wrong") }
        let checksum = try header.number(UInt32.self)
        let count = try header.number(UInt64.self)
        let contentChecksum = try header.number(UInt32.self)
        guard header.remaining == 0, count == UInt64(whole.remaining) else { throw Malformed("its size is wrong") }
        guard Checksum.crc32c(bytes, whole.offset..<bytes.count) == contentChecksum else {
            throw Malformed("the content's checksum is wrong")
        }
        let identity = SnapshotIdentity(
            position: position, configuration: configuration, byteCount: byteCount, checksum: checksum)
        return Snapshot(identity: identity, bytes: Array(bytes[whole.offset...]))
    }

    /// The positions of all snapshots, the newest first, and the names of unfinished ones.
    func files() throws(StorageFailure) -> (positions: [LogPosition], unfinished: [String]) {
        let names = try StorageFailure.fatally(folder) { () throws(SystemError) in
            try fileSystem.names(in: folder)
        }
        let positions = names.compactMap(Self.position).sorted { $0.index > $1.index }
        return (positions, names.filter { $0.hasPrefix(Self.prefix) && $0.hasSuffix(WholeFile.unfinished) })
    }

    /// Removes every snapshot but one. What cannot be removed is left for the next time.
    func removeAll(but position: LogPosition) {
        guard let files = try? files() else { return }
        for other in files.positions where other != position {
            try? fileSystem.remove("\(folder)/\(Self.name(of: other))")
        }
        for name in files.unfinished { try? fileSystem.remove("\(folder)/\(name)") }
    }
}
