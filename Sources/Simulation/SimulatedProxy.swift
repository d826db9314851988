// Owns one simulated proxy next to its core: its lease, its gate, its workers (as one), and what they have in flight.
internal import Catalog
internal import Switching
internal import Topology

/// Messages between nodes about leases and switches.
indirect enum ControlMessage: Hashable, Sendable {
    case request(LeaseRequest)
    case grant(LeaseGrant)
    case acknowledgement(EpochAcknowledgement)
    case report(SimulatedReport)
    /// To be relayed to the leader that the receiver follows.
    case handOn(ControlMessage)
    case handed(ControlMessage, from: LeaseHolder)
    /// The leader's answer to a relayed message, on its way back.
    case handBack(LeaseGrant, to: Int)
}

/// A control message in flight.
struct ControlEnvelope: Sendable {
    var message: ControlMessage
    var sender: Int
    var receiver: Int
    var senderIncarnation: UInt64
    var receiverIncarnation: UInt64
}

struct SimulatedProxy: Sendable {
    static let service = ServiceName("shop")
    static let datacenters = [DatacenterName("east"), DatacenterName("west"), DatacenterName("south")]

    struct Exchange: Sendable {
        var number: Int
        var generation: UInt64
        var datacenter: DatacenterName
    }

    var coordinator: SwitchCoordinator
    var lease: RoutingLease
    var gate: ServiceGate
    /// The order that the workers have taken.
    var order: GateOrder
    var exchanges: [Exchange] = []
    /// Whether the coordinator was told that this node leads.
    var isCoordinating = false
    /// Identifies the proposals of this process.
    var session: UInt64
    var sequence: UInt64 = 0
    var wakeAt = Tick.distantFuture

    init(process: UInt64, lease length: Duration, now: Tick, mutations: SwitchingMutations) {
        coordinator = SwitchCoordinator(mutations: mutations)
        lease = RoutingLease(process: process, lease: length, mutations: mutations)
        var conduct = ServiceGate.Conduct()
        conduct.cutLead = .milliseconds(4)
        gate = ServiceGate(conduct, now: now, mutations: mutations)
        order = gate.currentOrder
        session = process
    }

    /// Where its workers may write to at this time on their clock.
    func writes(_ local: Tick) -> [DatacenterName] { local < order.writeUntil ? exchanges.map(\.datacenter) : [] }

    /// When it next has something to do of its own accord, by its own clock.
    var nextDeadline: Tick {
        min(lease.nextRequest, gate.nextDeadline ?? .distantFuture, coordinator.nextDeadline ?? .distantFuture)
    }

    /// The registration that the first leader proposes.
    static var registration: ServiceRegistration {
        var failover = FailoverSettings()
        failover.drain = .milliseconds(300)
        failover.hold = .seconds(5)
        failover.confirm = .seconds(1)
        failover.cooldown = .seconds(3)
        return ServiceRegistration(
            name: service, hasPrimary: true,
            datacenters: datacenters.map { name in
                let endpoint = ServiceRegistration.Endpoint(address: .unix(path: name.text), weight: 1)
                return ServiceRegistration.Datacenter(name: name, weight: 1, endpoints: [endpoint])
            }, consistency: .strict, failover: failover)
    }
}
