// Owns what the storage asks of a file system: the few calls that make bytes durable, as a protocol, so that tests can lose power.
public import Proactor

/// An open file; closed by whoever opened it.
public struct OpenFile: Hashable, Sendable {
    /// What the file system knows it by; for Linux the descriptor.
    public let number: Int32
    public init(number: Int32) { self.number = number }
}

/// The calls behind the log and the snapshots. Each may fail with the system's error; none retries what failed.
///
/// What was written, truncated or allocated survives a power cut only after `sync` of the file; what was created, renamed or
/// removed only after `syncFolder` of its folder. Paths are absolute or relative to the process.
public protocol FileSystem: Sendable {
    /// Makes the folder; fine if it is there. The folder above must exist.
    func makeFolder(_ path: String) throws(SystemError)
    /// The names in a folder, without order.
    func names(in folder: String) throws(SystemError) -> [String]
    /// Opens for reading and writing.
    ///
    /// - Parameter creates: makes an empty file where there is none; otherwise a missing one is an error.
    func open(_ path: String, creates: Bool) throws(SystemError) -> OpenFile
    func close(_ file: OpenFile)
    func size(of file: OpenFile) throws(SystemError) -> Int
    /// Reads `count` bytes from `offset` on; fewer only at the end of the file.
    func read(_ file: OpenFile, at offset: Int, count: Int) throws(SystemError) -> [UInt8]
    /// Writes all the bytes, or fails having written any part of them.
    func write(_ bytes: [UInt8], to file: OpenFile, at offset: Int) throws(SystemError)
    /// Makes the file this long; what it gains reads as zeros.
    func truncate(_ file: OpenFile, to size: Int) throws(SystemError)
    /// Reserves space up to `size`; what the file gains reads as zeros.
    func allocate(_ file: OpenFile, size: Int) throws(SystemError)
    /// Makes the file's content durable, and of its size and attributes only what reading it needs (fdatasync(2)).
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
    /// Gives the lock up, before the file is closed.
    func unlock(_ file: OpenFile)
}
