// Owns files that are written once, as a whole, and never changed: they are there entirely, or not at all.
internal import Proactor

/// Writes beside, syncs, renames, syncs the folder.
enum WholeFile {
    /// What an unfinished file is called; left over only by a crash.
    static let unfinished = ".new"

    /// Makes the file durable under its name. When it fails there is no such file, or the one that was there before.
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
                // What an earlier attempt left would stay behind a shorter content.
                try fileSystem.truncate(file, to: 0)
                try fileSystem.write(bytes, to: file, at: 0)
            }
            try StorageFailure.fatally(beside) { () throws(SystemError) in try fileSystem.sync(file) }
            try StorageFailure.whileWriting(path) { () throws(SystemError) in
                try fileSystem.rename(beside, to: path)
            }
        } catch {
            // Its space may be what is missing.
            if case .full = error { try? fileSystem.remove(beside) }
            throw error
        }
        try StorageFailure.fatally(path) { () throws(SystemError) in try fileSystem.syncFolder(folder) }
    }

    /// Reads all of a file.
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
