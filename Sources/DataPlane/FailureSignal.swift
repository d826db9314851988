// Owns how workers tell control that traffic failed, so that it looks at once and not at its next period.
internal import Synchronization

/// Raised by a worker whenever an attempt fails; whoever listens is called once, until it has looked. Without it a dead
/// endpoint would go on being tried until the next period, and retries would use up their budget.
public final class FailureSignal: Sendable {
    private let isRaised = Atomic<Bool>(false)
    private let listener = Mutex<(@Sendable () -> Void)?>(nil)

    /// Calls `listener`, on the thread of a worker, at the first failure after each `lower`.
    public func listen(_ listener: @escaping @Sendable () -> Void) { self.listener.withLock { $0 = listener } }

    /// Says that the counters are about to be read: a failure after this raises it again.
    public func lower() { isRaised.store(false, ordering: .sequentiallyConsistent) }

    /// Tells of a failure that the counters already show.
    func raise() {
        guard !isRaised.exchange(true, ordering: .sequentiallyConsistent) else { return }
        listener.withLock { $0 }?()
    }
}
