// Owns how other threads reach a loop: a bounded list of closures and an eventfd that wakes it.
internal import CLinux
internal import Glibc
internal import Synchronization

/// Hands work to a loop's thread. Safe from every thread.
public final class Mailbox: Sendable {
    /// The most closures that wait; more are refused, so a stuck loop cannot fill the memory.
    public static let limit = 65_536

    private let letters = Mutex<[@Sendable () -> Void]>([])
    let descriptor: Int32

    init() throws(SystemError) {
        descriptor = ml_eventfd()
        if descriptor < 0 { throw .last("eventfd") }
    }

    deinit { close(descriptor) }

    /// Runs `work` on the loop's thread at its next turn.
    ///
    /// - Returns: false when the mailbox is full; the work will not run.
    @discardableResult
    public func post(_ work: @escaping @Sendable () -> Void) -> Bool {
        let (accepted, wasEmpty) = letters.withLock { letters -> (Bool, Bool) in
            guard letters.count < Self.limit else { return (false, false) }
            letters.append(work)
            return (true, letters.count == 1)
        }
        if wasEmpty { wake() }
        return accepted
    }

    /// Makes the loop take a turn.
    func wake() {
        var one: UInt64 = 1
        _ = write(descriptor, &one, 8)
    }

    /// Runs everything that was posted before the call.
    func drain() {
        let pending = letters.withLock { letters in
            defer { letters = [] }
            return letters
        }
        for work in pending { work() }
    }
}
