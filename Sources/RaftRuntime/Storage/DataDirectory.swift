// Owns who a data directory belongs to: one process at a time, and always the same node.
internal import Glibc
internal import Proactor
internal import Topology

/// A data directory that this process holds.
struct DataDirectory: Sendable {
    /// Of the whole directory. A directory of a newer format is refused: an older binary would misread it.
    static let format: UInt32 = 1
    private static let lockName = "lock"
    private static let identityName = "identity"
    private static let magic: UInt32 = 0x4944_444D  // "MDDI"
    private static let mostIdentityBytes = 4_096

    let folder: String
    /// Random, made with the directory: a node that lost its disk is another member of the group.
    let incarnation: UInt64
    private let lock: OpenFile
    private let fileSystem: any FileSystem

    /// Makes the directory where there is none, locks it, and checks whose it is.
    ///
    /// - Throws: `refused` when another process has it, when it belongs to another node, or when its format is newer.
    init(folder: String, node: NodeID, random: UInt64, _ fileSystem: any FileSystem) throws(StorageFailure) {
        self.folder = folder
        self.fileSystem = fileSystem
        try StorageFailure.whileWriting(folder) { () throws(SystemError) in
            try fileSystem.makeFolder(folder)
            try fileSystem.syncFolder(Self.parent(of: folder))
        }
        let lock = try Self.lock(folder, fileSystem)
        do throws(StorageFailure) {
            incarnation = try Self.identify(folder, node, random, fileSystem)
        } catch {
            Self.giveUp(lock, fileSystem)
            throw error
        }
        self.lock = lock
    }

    /// Gives the directory up.
    func close() { Self.giveUp(lock, fileSystem) }

    /// Closing the file is not enough: a child process has a copy of every descriptor until its exec, and with it the
    /// lock.
    private static func giveUp(_ lock: OpenFile, _ fileSystem: any FileSystem) {
        fileSystem.unlock(lock)
        fileSystem.close(lock)
    }

    private static func parent(of folder: String) -> String {
        let trimmed = folder.hasSuffix("/") ? String(folder.dropLast()) : folder
        guard let slash = trimmed.lastIndex(of: "/") else { return "." }
        return slash == trimmed.startIndex ? "/" : String(trimmed[..<slash])
    }

    // MARK: The lock

    private static func lock(_ folder: String, _ fileSystem: any FileSystem) throws(StorageFailure) -> OpenFile {
        let path = "\(folder)/\(lockName)"
        let file = try StorageFailure.whileWriting(path) { () throws(SystemError) in
            try fileSystem.open(path, creates: true)
        }
        do throws(StorageFailure) {
            let isOurs = try StorageFailure.fatally(path) { () throws(SystemError) in try fileSystem.lock(file) }
            guard isOurs else {
                let holder = name(ofHolder: try? fileSystem.read(file, at: 0, count: 20))
                throw .refused("\(folder) is in use by \(holder)")
            }
        } catch {
            fileSystem.close(file)
            throw error
        }
        // This is only for the message above, so a full disk does not matter.
        try? fileSystem.write(Array("\(getpid())\n".utf8), to: file, at: 0)
        return file
    }

    private static func name(ofHolder bytes: [UInt8]?) -> String {
        let digits = (bytes ?? []).prefix { (0x30...0x39).contains($0) }
        return digits.isEmpty ? "another process" : "process \(String(decoding: digits, as: UTF8.self))"
    }

    // MARK: The identity

    private static func identify(
        _ folder: String, _ node: NodeID, _ random: UInt64, _ fileSystem: any FileSystem
    ) throws(StorageFailure) -> UInt64 {
        let names = try StorageFailure.fatally(folder) { () throws(SystemError) in
            try fileSystem.names(in: folder)
        }
        if names.contains(identityName) {
            return try read("\(folder)/\(identityName)", folder, node, fileSystem)
        }
        if let log = names.first(where: { SegmentName.number(of: $0) != nil }) {
            throw .refused(
                "\(folder) has a log (\(log)) but no identity: restore the file, or use an empty folder")
        }
        var content = DiskWriter()
        content.add(format)
        content.add(random)
        content.add(short: node.text)
        var whole = DiskWriter()
        whole.add(magic)
        whole.add(Checksum.crc32c(content.bytes))
        whole.bytes += content.bytes
        try WholeFile.write(whole.bytes, to: identityName, in: folder, fileSystem)
        return random
    }

    /// Whose a folder is; nil: it is missing, or nobody's yet. Locks nothing and changes nothing.
    static func owner(of folder: String, _ fileSystem: any FileSystem) throws(StorageFailure) -> NodeID? {
        guard let names = try? fileSystem.names(in: folder), names.contains(identityName) else { return nil }
        return try decode("\(folder)/\(identityName)", folder, fileSystem).owner
    }

    private static func read(
        _ path: String, _ folder: String, _ node: NodeID, _ fileSystem: any FileSystem
    ) throws(StorageFailure) -> UInt64 {
        let (incarnation, owner) = try decode(path, folder, fileSystem)
        guard owner == node else {
            throw .refused(
                "\(folder) cannot be used: \(path): the folder belongs to node \(owner), and this is node \(node)")
        }
        return incarnation
    }

    private static func decode(
        _ path: String, _ folder: String, _ fileSystem: any FileSystem
    ) throws(StorageFailure) -> (incarnation: UInt64, owner: NodeID) {
        let bytes = try WholeFile.read(path, limit: mostIdentityBytes, fileSystem)
        do throws(Malformed) {
            var reader = DiskReader(bytes)
            guard try reader.number(UInt32.self) == magic else { throw Malformed("it is no identity") }
            let checksum = try reader.number(UInt32.self)
            guard Checksum.crc32c(bytes, reader.offset..<bytes.count) == checksum else {
                throw Malformed("its checksum is wrong")
            }
            let found = try reader.number(UInt32.self)
            guard found <= format else {
                throw Malformed("it has format \(found), and this version knows formats up to \(format)")
            }
            let incarnation = try reader.number(UInt64.self)
            return (incarnation, NodeID(try reader.shortText()))
        } catch { throw .refused("\(folder) cannot be used: \(path): \(error.reason)") }
    }
}
