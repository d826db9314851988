// Owns what the control thread shows other threads: its newest state, and that it is alive.
public import Catalog
internal import Proactor
public import Routing
internal import Synchronization
public import Topology

/// The state of the control plane at one moment; immutable, for display.
public struct ControlSnapshot: Sendable {
    public let catalog: Catalog
    /// The table that was published with it, with the conditions of all endpoints.
    public let table: RoutingTable
    public let standing: GroupStanding
    /// When it was published.
    public let takenAt: Tick
}

/// Where the control thread publishes its state.
final class ControlBoard: Sendable {
    private let newest = Mutex<ControlSnapshot?>(nil)
    private let beat = Atomic<Int64>(0)

    func show(_ snapshot: ControlSnapshot) {
        newest.withLock { $0 = snapshot }
        confirm(at: snapshot.takenAt)
    }

    /// Confirms that the published state is current.
    func confirm(at now: Tick) { beat.store(now.nanoseconds, ordering: .relaxed) }

    var snapshot: ControlSnapshot? { newest.withLock { $0 } }

    /// When the control thread last confirmed the published state.
    var confirmedAt: Tick { Tick(nanoseconds: beat.load(ordering: .relaxed)) }
}
