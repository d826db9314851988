// Owns a number that one thread raises and another waits for.
import Glibc

@testable import Proactor

/// A pipe, because a wait on it has a limit: a loop that never answers fails the test instead of hanging it.
final class Signal: Sendable {
    private let readEnd: Int32
    private let writeEnd: Int32

    init() {
        var ends: [Int32] = [-1, -1]
        _ = pipe(&ends)
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        readEnd = ends[0]
        writeEnd = ends[1]
    }

    deinit {
        close(readEnd)
        close(writeEnd)
    }

    func raise(_ number: Int) {
        var number = number
        _ = write(writeEnd, &number, MemoryLayout<Int>.size)
    }

    /// The next number raised; nil when none comes within ten seconds.
    func wait() -> Int? {
        var request = pollfd(fd: readEnd, events: Int16(POLLIN), revents: 0)
        guard poll(&request, 1, 10_000) > 0 else { return nil }
        var number = 0
        return read(readEnd, &number, MemoryLayout<Int>.size) > 0 ? number : nil
    }
}
