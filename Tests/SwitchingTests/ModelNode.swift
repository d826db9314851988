// Owns one node of the model: its clock, its lease, its gate, its workers as one, and its coordinator.
import Catalog
import Switching
import Topology

/// An exchange that a worker has in flight.
struct ModelExchange {
    var number: Int
    var generation: UInt64
    var datacenter: DatacenterName
}

struct ModelNode {
    let holder: LeaseHolder
    /// How much faster than true time its clock runs, in millionths: at most 1 %.
    let drift: Int64
    var lease: RoutingLease
    var gate: ServiceGate
    var coordinator: SwitchCoordinator
    /// How many entries of the log it has applied.
    var applied = 0
    /// The order that its workers have taken.
    var order: GateOrder
    var exchanges: [ModelExchange] = []
    /// The process that events belong to; events of an earlier one are ignored.
    var process: UInt64
    var isMember = true
    /// Cut off from everyone until then.
    var isolatedUntil = Tick.zero
    /// Where it sends its requests.
    var believedLeader = 0
    /// The log reaches it no earlier than this.
    var caughtUpFrom = Tick.zero

    init(_ number: Int, drift: Int64, process: UInt64, mutations: SwitchingMutations) {
        holder = LeaseHolder(id: NodeID("n\(number)"), incarnation: 1)
        self.drift = drift
        self.process = process
        coordinator = SwitchCoordinator(mutations: mutations)
        lease = RoutingLease(process: process, lease: ModelWorld.lease, mutations: mutations)
        gate = ServiceGate(ModelWorld.conduct, now: .zero, mutations: mutations)
        order = gate.currentOrder
    }

    /// What its clock shows at a true time.
    func clock(_ time: Tick) -> Tick { Tick(nanoseconds: time.nanoseconds + time.nanoseconds / 1_000_000 * drift) }

    /// The true time, rounded up, at which its clock shows a tick.
    func time(_ clock: Tick) -> Tick {
        Tick(nanoseconds: clock.nanoseconds / (1_000_000 + drift) * 1_000_000 + 1_000_000)
    }

    /// Where it may write to at a true time.
    func writes(_ time: Tick) -> [DatacenterName] {
        clock(time) < order.writeUntil ? exchanges.map(\.datacenter) : []
    }

    /// A new process, which has only the log of the one before.
    mutating func restart(process: UInt64, at time: Tick, mutations: SwitchingMutations) {
        self.process = process
        lease = RoutingLease(process: process, lease: ModelWorld.lease, mutations: mutations)
        gate = ServiceGate(ModelWorld.conduct, now: clock(time), mutations: mutations)
        order = gate.currentOrder
        exchanges = []
    }
}

/// What happens in the model, and to whom.
enum ModelEvent {
    case clientAt(Int)
    case exchangeEnds(Int, number: Int, process: UInt64)
    case leaseIsDue(Int, process: UInt64)
    case leaseRequest(LeaseRequest, from: Int, to: Int)
    case roundAtQuorum(RoundID, leader: Int)
    case roundAnswered(RoundID, leader: Int, isConfirmed: Bool)
    case grant(LeaseGrant, to: Int)
    case acknowledgement(EpochAcknowledgement, from: Int, to: Int)
    case proposal(Epoch, by: Int)
    case reachesLog(Int)
    case gateTick(Int, process: UInt64)
    case coordinatorTick(Int)
    case workersTake(Int, GateOrder, process: UInt64)
    case workersCut(Int, olderThan: UInt64, process: UInt64)
    case somebodyMoves
    case election
    case deposed(Int, term: Int)
    case believes(Int, leader: Int)
    case isolation
    case removal
    case restart
}
