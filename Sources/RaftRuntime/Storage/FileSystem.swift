// Owns the few file system calls that the storage needs, as a protocol, so that tests can simulate power cuts.
public import Proactor

/// An open file; closed by whoever opened it.
public struct OpenFile: Hashable, Sendable {
    /// How the file system identifies it; on Linux the descriptor.
    public let number: Int32
    public init(number: Int32) { self.number = number }
}

/// The calls behind the log and the snapshots. Each may fail with the system's error; none retries what failed.
///
/// What was written, truncated or allocated survives a power cut only after `sync` of the file; what was created,
/// renamed or removed only after `syncFolder` of its folder. Paths are absolute or relative to the process.
public protocol FileSystem: Sendable {
    /// Creates the folder unless it exists. Its parent must exist.
    func makeFolder(_ path: String) throws(SystemError)
    /// The names in a folder, without order.
    func names(in folder: String) throws(SystemError) -> [String]
    /// Opens for reading and writing.
    ///
    /// - Parameter creates: creates an empty file if there is none; otherwise a missing file is an error.
    func open(_ path: String, creates: Bool) throws(SystemError) -> OpenFile
    func close(_ file: OpenFile)
    func size(of file: OpenFile) throws(SystemError) -> Int
    /// Reads `count` bytes from `offset` on; fewer only at the end of the file.
    func read(_ file: OpenFile, at offset: Int, count: Int) throws(SystemError) -> [UInt8]
    /// Writes all the bytes, or fails after writing any part of them.
    func write(_ bytes: [UInt8], to file: OpenFile, at offset: Int) throws(SystemError)
    /// Sets the length of the file; new bytes read as zeros.
    func truncate(_ file: OpenFile, to size: Int) throws(SystemError)
    /// Reserves space up to `size`; new bytes read as zeros.
    func allocate(_ file: OpenFile, size: Int) throws(SystemError)
    /// Makes the file's content durable, and as much of its size and attributes as reading it needs (fdatasync(2)).
    func syncContent(_ file: OpenFile) throws(SystemError)
    /// Makes the file durable (fsync(2)).
    func sync(_ file: OpenFile) throws(SystemError)
    /// Makes the names in a folder durable.
    func syncFolder(_ path: String) throws(SystemError)
    func rename(_ old: String, to new: String) throws(SystemError)
    func remove(_ path: String) throws(SystemError)
    /// Locks the file, until `unlock` or the end of the process.
    ///
    /// - Returns: false when another process, or another opening of the file, holds the lock.
    func lock(_ file: OpenFile) throws(SystemError) -> Bool
    /// Releases the lock, before the file is closed.
    func unlock(_ file: OpenFile)
}
