// Owns files that are written once and never changed: they are there as a whole, or not at all.
internal import Proactor

/// Writes beside, syncs, renames, syncs the folder.
enum WholeFile {
    /// The suffix of an unfinished file, which only a crash leaves behind.
    static let unfinished = ".new"

    /// Makes the file durable under its name. If it fails, the file is missing or as it was before.
    static func write(
        _ bytes: [UInt8], to name: String, in folder: String, _ fileSystem: any FileSystem
    ) throws(StorageFailure) {
        let path = "\(folder)/\(name)"
        let beside = path + unfinished
        do throws(StorageFailure) {
            let file = try StorageFailure.whileWriting(beside) { () throws(SystemError) in
                try fileSystem.open(beside, creates: true)
            }
            defer { fileSystem.close(file) }
            try StorageFailure.whileWriting(beside) { () throws(SystemError) in
                // The remains of an earlier attempt would follow a shorter content.
                try fileSystem.truncate(file, to: 0)
                try fileSystem.write(bytes, to: file, at: 0)
            }
            try StorageFailure.fatally(beside) { () throws(SystemError) in try fileSystem.sync(file) }
            try StorageFailure.whileWriting(path) { () throws(SystemError) in
                try fileSystem.rename(beside, to: path)
            }
        } catch {
            // The space that it takes may be what is missing.
            if case .full = error { try? fileSystem.remove(beside) }
            throw error
        }
        try StorageFailure.fatally(path) { () throws(SystemError) in try fileSystem.syncFolder(folder) }
    }

    /// Reads a whole file.
    ///
    /// - Throws: `refused` when it has more than `limit` bytes.
    static func read(_ path: String, limit: Int, _ fileSystem: any FileSystem) throws(StorageFailure) -> [UInt8] {
        let bytes = try StorageFailure.fatally(path) { () throws(SystemError) in
            let file = try fileSystem.open(path, creates: false)
            defer { fileSystem.close(file) }
            return try fileSystem.read(file, at: 0, count: min(try fileSystem.size(of: file), limit + 1))
        }
        guard bytes.count <= limit else { throw .refused("\(path) has more than \(limit) bytes") }
        return bytes
    }
}
