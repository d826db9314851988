// Owns passing what lives on a loop's thread through other threads and back.

/// A value of one loop's thread, in a form that other threads may carry but not look at. Whoever works elsewhere on
/// behalf of a loop hands its result back through one.
public final class LoopBound<Value>: @unchecked Sendable {
    // SAFETY: `value` is read only by closures that the mailbox runs on the loop's thread, and let go there, too.
    private let value: Value
    private let mailbox: Mailbox

    /// - Parameter loop: the loop on whose thread `value` lives.
    public init(_ value: Value, of loop: EventLoop) {
        self.value = value
        mailbox = loop.mailbox
    }

    deinit {
        // The last reference may go on any thread; the value itself must go on its own.
        nonisolated(unsafe) let value = value
        mailbox.post { withExtendedLifetime(value) {} }
    }

    /// Runs `work` with the value on the loop's thread at its next turn.
    ///
    /// - Returns: false when the mailbox is full; the work will not run.
    @discardableResult
    public func post(_ work: @escaping @Sendable (Value) -> Void) -> Bool {
        mailbox.post { work(self.value) }
    }
}
