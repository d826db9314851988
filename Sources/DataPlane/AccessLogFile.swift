// Owns one file of the access log: its descriptor, opened again after a rotation, and whole lines written to it.
internal import Glibc
internal import Proactor
internal import Synchronization

/// A file, pipe or standard output that blocks of lines are written to, by one thread at a time. It is closed when nobody
/// refers to it any more, so the lines that were formatted for it find it open.
final class AccessLogFile: Sendable {
    /// What became of a block.
    struct Written {
        /// Lines that are not in the file.
        var lost = 0
        /// Why they are not; nil: the time to wait for a reader was over.
        var error: SystemError?
    }

    private struct Place {
        var descriptor: Int32
        /// The most that one write may be, so that it does not wait in the kernel.
        var most: Int
        /// Whether the last byte in the file is not the end of a line.
        var isTorn = false

        func close() { if descriptor != STDOUT_FILENO { Glibc.close(descriptor) } }
    }

    let path: String
    /// Held while writing.
    private let place: Mutex<Place>
    /// Opened by `reopen` and taken by the next write, so that nobody waits for the one under way.
    private let fresh = Mutex<Place?>(nil)

    /// Opens the file for appending.
    ///
    /// - Parameter path: `-` is standard output.
    /// - Throws: the system's error with the path; a pipe without a reader is one, too.
    init(_ path: String) throws(SystemError) {
        self.path = path
        place = Mutex(try Self.open(path))
    }

    deinit {
        place.withLock { $0.close() }
        fresh.withLock { $0?.close() }
    }

    private static func open(_ path: String) throws(SystemError) -> Place {
        if path == "-" {
            var status = stat()
            let isFile = fstat(STDOUT_FILENO, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
            // Others share its description, so it is not ours to make non-blocking. A pipe that is ready takes this much.
            return Place(descriptor: STDOUT_FILENO, most: isFile ? .max : Int(PIPE_BUF))
        }
        let descriptor = Glibc.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0o640)
        guard descriptor >= 0 else { throw SystemError(code: errno, action: "open access log \(path)") }
        return Place(descriptor: descriptor, most: .max)
    }

    /// Opens the path again, for a file that was rotated away. The old file stays in use when that fails.
    func reopen() throws(SystemError) {
        guard path != "-" else { return }
        let opened = try Self.open(path)
        let unused = fresh.withLock { fresh in
            defer { fresh = opened }
            return fresh
        }
        unused?.close()
    }

    /// Goes on in the file that `reopen` has opened, if it has.
    func adoptReopened() { place.withLock { _ = adopt(&$0) } }

    private func adopt(_ place: inout Place) -> Bool {
        let opened = fresh.withLock { fresh in
            defer { fresh = nil }
            return fresh
        }
        guard let opened else { return false }
        place.close()
        place = opened
        return true
    }

    /// Writes a block's lines.
    ///
    /// - Parameter mayWait: asked ten times a second while a reader takes nothing; false gives the rest up.
    func write(_ block: borrowing AccessLogBlock, whileWaiting mayWait: () -> Bool) -> Written {
        place.withLock { place in
            var result = Written()
            var start = 0
            if adopt(&place) || !place.isTorn || finishLine(&place) {
                while start < block.count {
                    let error = step(&place, block.filled, &start)
                    guard let error else { continue }
                    if [EAGAIN, EINTR].contains(error.code), mayWait() { continue }
                    result.error = error.code == EAGAIN ? nil : error
                    break
                }
            } else {
                result.error = SystemError(code: errno, action: "write access log \(path)")
            }
            result.lost = block.linesEnding(from: start)
            place.isTorn = start > 0 ? block.bytes[start - 1] != 0x0A : place.isTorn
            return result
        }
    }

    /// One write, or a tenth of a second of waiting until one is possible.
    private func step(_ place: inout Place, _ bytes: Span<UInt8>, _ start: inout Int) -> SystemError? {
        if adopt(&place) {
            // A line that was begun in the old file is whole in the new one.
            while start > 0, bytes[start - 1] != 0x0A { start -= 1 }
        }
        var waiting = pollfd(fd: place.descriptor, events: Int16(POLLOUT), revents: 0)
        if place.most < .max, poll(&waiting, 1, 100) == 0 {
            return SystemError(code: EAGAIN, action: "write access log \(path)")
        }
        let part = bytes.extracting(start..<min(bytes.count, start + min(place.most, bytes.count)))
        let written = part.withUnsafeBytes { raw in
            // SAFETY: write(2) only reads the span's bytes, during the call.
            Glibc.write(place.descriptor, raw.baseAddress, raw.count)
        }
        if written > 0 {
            start += written
            return nil
        }
        let error = SystemError(code: written == 0 ? ENOSPC : errno, action: "write access log \(path)")
        if error.code == EAGAIN { _ = poll(&waiting, 1, 100) }
        return error
    }

    /// Ends a line of which only the beginning found room, so that the next one is not torn by it.
    private func finishLine(_ place: inout Place) -> Bool {
        var end: UInt8 = 0x0A
        guard Glibc.write(place.descriptor, &end, 1) == 1 else { return false }
        place.isTorn = false
        return true
    }
}
