// Owns what control and the workers share of one service's gate: the order in force, and who has confirmed it.
internal import Switching
internal import Synchronization
internal import Topology

/// The gate of one service, as control commands it and all workers of the process obey it.
///
/// The ticks are atomics of their own: a lease that is renewed reaches workers without a message, and one that ends is
/// seen before the next write. Everything else is taken by a worker at its next turn, when its doorbell rings.
final class SharedGate: Sendable {
    /// What a worker obeys.
    struct Command: Sendable {
        var order: GateOrder
        /// Exchanges of an older generation are to be cut; 0: none.
        var cutOlderThan: UInt64
    }

    private struct State {
        var order: GateOrder
        /// By worker: the generation that it has confirmed.
        var confirmed: [UInt64]
    }

    let service: ServiceName
    /// The generation that the ticks below belong to. Written before them, read after them: whoever reads a tick and
    /// then finds its own generation has read a tick of that generation or an earlier, stricter one.
    private let generation: Atomic<UInt64>
    private let admitUntil: Atomic<Int64>
    private let writeUntil: Atomic<Int64>
    /// What is of an older generation may write nothing any more, whatever the lease says.
    private let cutOlderThan: Atomic<UInt64>
    private let state: Mutex<State>

    /// A gate that holds everything until control has spoken.
    init(_ service: ServiceName, workers: Int) {
        self.service = service
        let order = GateOrder(
            generation: 0, mode: .hold(.unregistered), admitUntil: .zero, writeUntil: .zero,
            holdUntil: .distantFuture, retryAfter: .seconds(1))
        generation = Atomic(0)
        admitUntil = Atomic(0)
        writeUntil = Atomic(0)
        cutOlderThan = Atomic(0)
        state = Mutex(State(order: order, confirmed: Array(repeating: 0, count: workers)))
    }

    // MARK: Control

    /// Puts an order in force.
    ///
    /// - Returns: whether workers have to be told: more than ticks has changed.
    func put(_ order: GateOrder) -> Bool {
        let isNews = state.withLock { state in
            let old = state.order
            state.order = order
            return old.generation != order.generation || old.mode != order.mode || old.holdBudget != order.holdBudget
                || old.holdUntil != order.holdUntil && order.mode.isHold
        }
        if isNews { admitUntil.store(0, ordering: .releasing) }
        generation.store(order.generation, ordering: .releasing)
        admitUntil.store(order.admitUntil.nanoseconds, ordering: .releasing)
        writeUntil.store(order.writeUntil.nanoseconds, ordering: .releasing)
        return isNews
    }

    /// Takes the right to write from all that is of an older generation.
    func cut(olderThan generation: UInt64) { cutOlderThan.store(generation, ordering: .releasing) }

    /// The generation that every worker has confirmed.
    var confirmed: UInt64 { state.withLock { $0.confirmed.min() ?? .max } }

    // MARK: Workers

    var command: Command {
        Command(order: state.withLock(\.order), cutOlderThan: cutOlderThan.load(ordering: .acquiring))
    }

    /// Whether a worker that has taken the order of `generation` may admit something at `now`.
    @inline(__always)
    func admits(_ generation: UInt64, now: Tick) -> Bool {
        now.nanoseconds < admitUntil.load(ordering: .acquiring)
            && self.generation.load(ordering: .acquiring) == generation
    }

    /// Until when bytes may be written towards a backend of the service, by what was admitted under `generation`.
    ///
    /// The tick is read first: a lease that was renewed after a cut shows the cut with it.
    @inline(__always)
    func writesUntil(_ generation: UInt64) -> Tick {
        let limit = Tick(nanoseconds: writeUntil.load(ordering: .acquiring))
        return cutOlderThan.load(ordering: .acquiring) > generation ? .zero : limit
    }

    /// A worker has nothing of an older generation in flight.
    ///
    /// - Returns: whether that is news.
    func confirm(_ generation: UInt64, worker: Int) -> Bool {
        state.withLock { state in
            guard state.confirmed[worker] < generation else { return false }
            state.confirmed[worker] = generation
            return true
        }
    }
}

/// The gates of all services, found by name. Safe from every thread.
final class SharedGates: Sendable {
    private struct State {
        var cells: [ServiceName: SharedGate] = [:]
        var listener: (@Sendable (ServiceName) -> Void)?
    }

    private let workers: Int
    private let state = Mutex(State())
    /// How long routing leases live, in nanoseconds: no connection to a backend outlives one without an answer.
    private let lease = Atomic<Int64>(0)

    init(workers: Int) { self.workers = workers }

    /// The service's gate; made at first sight.
    func cell(of service: ServiceName) -> SharedGate {
        state.withLock { state in
            if let cell = state.cells[service] { return cell }
            let cell = SharedGate(service, workers: workers)
            state.cells[service] = cell
            return cell
        }
    }

    /// Who is told that a worker has confirmed something.
    func listen(_ listener: @escaping @Sendable (ServiceName) -> Void) { state.withLock { $0.listener = listener } }

    /// Tells control that there is something new to read in `SharedGate.confirmed`.
    func ring(_ service: ServiceName) { state.withLock { $0.listener }?(service) }

    var leaseLength: Duration {
        get { .nanoseconds(lease.load(ordering: .relaxed)) }
        set { lease.store(newValue.wholeNanoseconds, ordering: .relaxed) }
    }
}
