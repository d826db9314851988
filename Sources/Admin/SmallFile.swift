// Owns reading files of a few lines, such as a token's.
internal import Glibc

/// Files that are read as a whole, on threads that may wait for the disk.
package enum SmallFile {
    /// The file's bytes.
    ///
    /// - Parameter limit: the most bytes; of a larger file one byte more is read, so that the caller can tell.
    /// - Returns: nil when it cannot be read.
    package static func bytes(of path: String, limit: Int) -> [UInt8]? {
        guard let file = fopen(path, "re") else { return nil }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: max(0, limit) + 1)
        let count = fread(&bytes, 1, bytes.count, file)
        // A folder can be opened, too, but not read.
        guard ferror(file) == 0 else { return nil }
        return Array(bytes.prefix(count))
    }
}
