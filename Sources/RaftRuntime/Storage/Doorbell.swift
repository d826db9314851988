// Owns how a sleeping thread is woken: an eventfd, and poll(2) with a timeout.
internal import CLinux
internal import Glibc
internal import Proactor

/// Rung by any thread, waited for by one.
struct Doorbell: Sendable {
    private let descriptor: Int32

    init() throws(SystemError) {
        descriptor = ml_eventfd()
        if descriptor < 0 { throw SystemError(code: -descriptor, action: "eventfd") }
    }

    func ring() {
        var one: UInt64 = 1
        _ = write(descriptor, &one, 8)
    }

    /// Returns once it has been rung since the last wait, or when the time is over.
    ///
    /// - Parameter milliseconds: nil: no limit.
    func wait(milliseconds: Int32?) {
        var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&request, 1, milliseconds ?? -1) > 0 else { return }
        var count: UInt64 = 0
        _ = read(descriptor, &count, 8)
    }

    func close() { Glibc.close(descriptor) }
}
