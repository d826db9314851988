// Owns how workers tell control that traffic failed, so that it looks at once and not at its next period.
internal import Synchronization

/// Rung by a worker whenever an attempt fails; whoever listens is called once, until it has looked. Without it a dead
/// endpoint would go on being tried until the next period, and retries would use up their budget.
public final class FailureBell: Sendable {
    private let isRung = Atomic<Bool>(false)
    private let listener = Mutex<(@Sendable () -> Void)?>(nil)

    /// Calls `listener`, on the thread of a worker, at the first failure after each `answer`.
    public func listen(_ listener: @escaping @Sendable () -> Void) { self.listener.withLock { $0 = listener } }

    /// Says that the counters are about to be read: a failure after this rings again.
    public func answer() { isRung.store(false, ordering: .sequentiallyConsistent) }

    /// Tells of a failure that the counters already show.
    func ring() {
        guard !isRung.exchange(true, ordering: .sequentiallyConsistent) else { return }
        listener.withLock { $0 }?()
    }
}
