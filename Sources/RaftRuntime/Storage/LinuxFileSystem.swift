// Owns the machine's file system: each call of `FileSystem` by its system call.
internal import CLinux
internal import Glibc
public import Proactor

/// The real disk. Every call may block, so it is used on the storage thread and while the process starts, but by no
/// loop.
public struct LinuxFileSystem: FileSystem {
    /// A folder with more bytes of names than this is not one of ours.
    private static let mostNameBytes = 4 << 20

    public init() {}

    public func makeFolder(_ path: String) throws(SystemError) {
        if mkdir(path, 0o700) == 0 || errno == EEXIST { return }
        throw SystemError(code: errno, action: "make folder \(path)")
    }

    public func names(in folder: String) throws(SystemError) -> [String] {
        var room = 64 << 10
        while true {
            var bytes = [UInt8](repeating: 0, count: room)
            let used = ml_folder_names(folder, &bytes, room)
            if used >= 0 {
                return bytes[..<used].split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
            }
            guard used == -Int(ERANGE), room < Self.mostNameBytes else {
                throw SystemError(code: Int32(-used), action: "list folder \(folder)")
            }
            room *= 4
        }
    }

    public func open(_ path: String, creates: Bool) throws(SystemError) -> OpenFile {
        let descriptor = Glibc.open(path, O_RDWR | O_CLOEXEC | (creates ? O_CREAT : 0), 0o600)
        guard descriptor >= 0 else { throw SystemError(code: errno, action: "open \(path)") }
        return OpenFile(number: descriptor)
    }

    public func close(_ file: OpenFile) { Glibc.close(file.number) }

    public func size(of file: OpenFile) throws(SystemError) -> Int {
        Int(try check(ml_file_size(file.number), "read the size of a file"))
    }

    public func read(_ file: OpenFile, at offset: Int, count: Int) throws(SystemError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            let got = ml_file_read(file.number, &bytes, done, count - done, Int64(offset + done))
            if got == -Int(EINTR) { continue }
            try check(Int64(got), "read")
            if got == 0 { break }
            done += got
        }
        bytes.removeLast(count - done)
        return bytes
    }

    public func write(_ bytes: [UInt8], to file: OpenFile, at offset: Int) throws(SystemError) {
        var done = 0
        while done < bytes.count {
            let put = ml_file_write(file.number, bytes, done, bytes.count - done, Int64(offset + done))
            if put == -Int(EINTR) { continue }
            try check(Int64(put), "write")
            // Nothing was written and there is no error. pwrite(2) does not allow that, and retrying might never end.
            if put == 0 { throw SystemError(code: EIO, action: "write") }
            done += put
        }
    }

    public func truncate(_ file: OpenFile, to size: Int) throws(SystemError) {
        guard ftruncate(file.number, off_t(size)) == 0 else { throw SystemError(code: errno, action: "truncate") }
    }

    public func allocate(_ file: OpenFile, size: Int) throws(SystemError) {
        try check(Int64(ml_file_allocate(file.number, Int64(size))), "reserve \(size) bytes")
    }

    public func syncContent(_ file: OpenFile) throws(SystemError) {
        guard fdatasync(file.number) == 0 else { throw SystemError(code: errno, action: "fdatasync") }
    }

    public func sync(_ file: OpenFile) throws(SystemError) {
        guard fsync(file.number) == 0 else { throw SystemError(code: errno, action: "fsync") }
    }

    public func syncFolder(_ path: String) throws(SystemError) {
        let descriptor = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SystemError(code: errno, action: "open folder \(path)") }
        defer { Glibc.close(descriptor) }
        guard fsync(descriptor) == 0 else { throw SystemError(code: errno, action: "fsync folder \(path)") }
    }

    public func rename(_ old: String, to new: String) throws(SystemError) {
        guard Glibc.rename(old, new) == 0 else { throw SystemError(code: errno, action: "rename \(old) to \(new)") }
    }

    public func remove(_ path: String) throws(SystemError) {
        guard unlink(path) == 0 else { throw SystemError(code: errno, action: "remove \(path)") }
    }

    public func lock(_ file: OpenFile) throws(SystemError) -> Bool {
        let code = ml_file_lock(file.number)
        if code == -EWOULDBLOCK { return false }
        try check(Int64(code), "lock")
        return true
    }

    public func unlock(_ file: OpenFile) { ml_file_unlock(file.number) }

    @discardableResult
    private func check(_ code: Int64, _ action: String) throws(SystemError) -> Int64 {
        guard code < 0 else { return code }
        throw SystemError(code: Int32(-code), action: action)
    }
}
