// Owns the requests of a service that wait because every endpoint is at its limit.
internal import Proactor
internal import Topology

/// Somebody who waits for room at an endpoint.
protocol RequestQueueWaiter: AnyObject {
    /// Its ticket while it waits; 0: it does not.
    var queueTicket: UInt64 { get set }
    /// A ticket that it never had before, wherever it waited: waiters are used again for other requests.
    func takeTicket() -> UInt64
    /// Its turn has come.
    ///
    /// - Returns: false when there is still no room: it stays where it is.
    func tryAgainFromQueue() -> Bool
    func waitedTooLong()
}

/// First come, first served; one a service and worker. A request waits as long as a connect may take, then it fails, as
/// with HAProxy's `timeout queue`, which is `timeout connect` unless it is set.
///
/// An endpoint that has room again on this worker calls the next one at the end of the turn. What other workers free is
/// seen by a look every few milliseconds.
final class RequestQueue: TimerHandler {
    /// Between two looks for room that other workers made.
    private static let period: Int64 = 5_000_000

    private struct Place {
        let waiter: any RequestQueueWaiter
        /// Waiters are used again: this tells whether it is still the same request, and still waiting.
        let ticket: UInt64
        let deadline: Tick
    }

    private let loop: EventLoop
    private var places: [Place] = []
    /// Where the first that waits is; those before it are done.
    private var first = 0
    private var timer: LoopTimer?
    private var isServing = false

    init(_ loop: EventLoop) { self.loop = loop }

    /// Whether somebody waits, or has waited until a moment ago.
    @inline(__always)
    var isEmpty: Bool { places.isEmpty }

    /// Puts a request at the end.
    ///
    /// - Parameters:
    ///   - limit: how many may wait.
    ///   - time: how long it may wait, in nanoseconds.
    /// - Returns: false when the queue is full.
    func join(_ waiter: any RequestQueueWaiter, limit: Int, time: Int64) -> Bool {
        guard places.count - first < limit else { return false }
        let ticket = waiter.takeTicket()
        waiter.queueTicket = ticket
        places.append(Place(waiter: waiter, ticket: ticket, deadline: loop.now.adding(nanoseconds: time)))
        if timer == nil {
            timer = loop.makeTimer(self)
            timer?.set(loop.now.adding(nanoseconds: Self.period))
        }
        return true
    }

    /// An endpoint has room: the next request may try at the end of this turn.
    func roomCame() {
        guard !isServing else { return }
        isServing = true
        loop.atEndOfTurn { [self] in
            isServing = false
            serve()
        }
    }

    /// Lets requests try, in their order, until one finds no room.
    private func serve() {
        while first < places.count {
            let place = places[first]
            if place.waiter.queueTicket == place.ticket {
                if loop.now >= place.deadline {
                    place.waiter.waitedTooLong()
                } else if !place.waiter.tryAgainFromQueue() {
                    break
                }
            }
            first += 1
        }
        if first == places.count {
            places.removeAll(keepingCapacity: true)
            first = 0
            // The timer points back here: an empty queue keeps nobody alive.
            timer?.invalidate()
            timer = nil
        } else if first > 512 {
            places.removeFirst(first)
            first = 0
        }
    }

    func timerExpired(_ timer: LoopTimer) {
        serve()
        if !places.isEmpty { timer.set(loop.now.adding(nanoseconds: Self.period)) }
    }
}
