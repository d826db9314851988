// Owns what the control thread shows to other threads: its newest state, and that it is alive.
public import Catalog
internal import Proactor
public import Routing
internal import Synchronization
public import Topology

/// The state of the control plane at one moment; immutable, for those who show it.
public struct ControlSnapshot: Sendable {
    public let catalog: Catalog
    /// The table that was published with it, with the conditions of all endpoints.
    public let table: RoutingTable
    public let standing: GroupStanding
    /// When it was published.
    public let takenAt: Tick
}

/// Where the control thread leaves its news.
final class ControlBoard: Sendable {
    private let newest = Mutex<ControlSnapshot?>(nil)
    private let beat = Atomic<Int64>(0)

    func show(_ snapshot: ControlSnapshot) {
        newest.withLock { $0 = snapshot }
        confirm(at: snapshot.takenAt)
    }

    /// Says that what is shown is still so.
    func confirm(at now: Tick) { beat.store(now.nanoseconds, ordering: .relaxed) }

    var snapshot: ControlSnapshot? { newest.withLock { $0 } }

    /// When the control thread last confirmed what is shown.
    var confirmedAt: Tick { Tick(nanoseconds: beat.load(ordering: .relaxed)) }
}
