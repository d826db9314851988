// Owns the ways in which storage fails, and which of them a node survives.
internal import Glibc
public import Proactor

/// Why something is not durable.
public enum StorageFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// The disk, or a quota on it, has no room. Nothing was acknowledged; the same write may be tried again.
    case full(SystemError)
    /// The disk failed. After a failed fsync nobody knows what it holds, so nothing is tried again: the process ends,
    /// and reads at its next start what became durable.
    case broken(SystemError)
    /// The folder is not for this node or not for this version, is in use, or a write contradicts the log.
    case refused(String)

    /// Does what may find the disk full, and tells that apart from other failures, which mean a broken disk.
    ///
    /// - Parameter file: the name for the message.
    static func whileWriting<Value>(
        _ file: String, _ body: () throws(SystemError) -> Value
    ) throws(StorageFailure) -> Value {
        do throws(SystemError) { return try body() } catch {
            let named = SystemError(code: error.code, action: "\(file): \(error.action)")
            throw [ENOSPC, EDQUOT].contains(error.code) ? .full(named) : .broken(named)
        }
    }

    /// Does what must not fail: a sync, a cut, a read. Even a full disk is fatal there, because what the disk had
    /// accepted before may be lost.
    static func fatally<Value>(
        _ file: String, _ body: () throws(SystemError) -> Value
    ) throws(StorageFailure) -> Value {
        do throws(SystemError) { return try body() } catch {
            throw .broken(SystemError(code: error.code, action: "\(file): \(error.action)"))
        }
    }

    public var description: String {
        switch self {
        case .full(let error): "the disk is full: \(error)"
        // The disk is fine, but this process may not use it.
        case .broken(let error) where [EACCES, EPERM, EROFS].contains(error.code): "\(error)"
        case .broken(let error): "the disk failed: \(error)"
        case .refused(let reason): reason
        }
    }
}
