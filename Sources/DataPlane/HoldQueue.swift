// Owns the requests of a service that wait for its primary: until the gate opens, or an endpoint answers again.
internal import Proactor
internal import Topology

/// Somebody who waits for a primary.
protocol HoldQueueWaiter: AnyObject {
    /// Its ticket while it waits; 0: it does not.
    var holdTicket: UInt64 { get set }
    /// A ticket that it never had before, wherever it waited: waiters are used again for other requests.
    func takeTicket() -> UInt64
    /// Bytes that it keeps meanwhile.
    var heldBytes: Int { get }
    /// Goes on, waits again, or gives up.
    func tryAgain()
}

/// Bounded by count and bytes; one a service and worker. All are looked at when the gate's order changes, and ten times a
/// second, for the sake of those whose endpoint failed and of those whose time is over.
final class HoldQueue: TimerHandler {
    /// The most that wait.
    static let mostRequests = 16_384
    /// The most bytes of heads and bodies that wait.
    static let mostBytes = 64 << 20
    private static let period: Int64 = 100_000_000

    private struct Place {
        let waiter: any HoldQueueWaiter
        /// Waiters are used again: this tells whether it is still the same request, and still waiting.
        let ticket: UInt64
    }

    private let loop: EventLoop
    private var places: [Place] = []
    private var bytes = 0
    private var timer: LoopTimer?
    private var isLooking = false

    init(_ loop: EventLoop) { self.loop = loop }

    /// Lets somebody wait; `tryAgain` is called later, never from here.
    ///
    /// - Returns: false when too many wait, or too much.
    func join(_ waiter: any HoldQueueWaiter) -> Bool {
        guard places.count < Self.mostRequests, bytes + waiter.heldBytes <= Self.mostBytes else { return false }
        let ticket = waiter.takeTicket()
        waiter.holdTicket = ticket
        places.append(Place(waiter: waiter, ticket: ticket))
        bytes += waiter.heldBytes
        if timer == nil {
            timer = loop.makeTimer(self)
            timer?.set(loop.now.adding(nanoseconds: Self.period))
        }
        return true
    }

    /// Lets all try again at the end of this turn, in the order in which they came.
    func look() {
        guard !places.isEmpty, !isLooking else { return }
        isLooking = true
        loop.atEndOfTurn { [self] in
            isLooking = false
            tryAll()
        }
    }

    private func tryAll() {
        let waiting = places
        places = []
        bytes = 0
        for place in waiting where place.waiter.holdTicket == place.ticket {
            place.waiter.holdTicket = 0
            place.waiter.tryAgain()
        }
        if places.isEmpty {
            // The timer points back here: nobody is kept by an empty list.
            timer?.invalidate()
            timer = nil
        }
    }

    func timerExpired(_ timer: LoopTimer) {
        tryAll()
        self.timer?.set(loop.now.adding(nanoseconds: Self.period))
    }
}
