// Owns where a loop reads the time from: the system's clock, or one that somebody moves by hand.
internal import CLinux
internal import Synchronization
public import Topology

/// The clock of a loop. It never goes back.
public struct MonotonicClock: Sendable {
    /// nil: the system's.
    fileprivate let manual: ManualClock?

    /// The system's monotonic clock.
    public static let system = MonotonicClock(manual: nil)

    /// The system's clock, read now: for those who are on no loop. On a loop it is `MonotonicClock.now`, which tests can
    /// move, or `EventLoop.now`, which is cheaper.
    public static var now: Tick { Tick(nanoseconds: ml_now()) }

    /// The time, read now.
    @inline(__always)
    public func read() -> Tick { manual?.now ?? Self.now }

    /// Whether time passes only when somebody moves it; then waiting for it is of no use.
    @inline(__always)
    var isManual: Bool { manual != nil }
}

/// A clock that stands still until it is moved, so that timers and deadlines can be tested without waiting for them.
///
/// Safe from every thread. A loop sees the move in its next turn: one that waits for events has to be woken, by its
/// mailbox.
public final class ManualClock: Sendable {
    private let nanoseconds: Atomic<Int64>

    /// - Parameter start: what it shows at first.
    public init(at start: Tick = Tick(nanoseconds: 1_000_000_000)) { nanoseconds = Atomic(start.nanoseconds) }

    public var now: Tick { Tick(nanoseconds: nanoseconds.load(ordering: .acquiring)) }

    /// Moves it forward; a negative duration does nothing.
    public func advance(by duration: Duration) {
        let step = duration.wholeNanoseconds
        if step > 0 { nanoseconds.add(step, ordering: .acquiringAndReleasing) }
    }

    /// The clock in the form that a loop takes.
    public var clock: MonotonicClock { MonotonicClock(manual: self) }
}
