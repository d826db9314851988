// Owns the form of the state that people and programs look at.
internal import Balancing
internal import Catalog
internal import ControlPlane
internal import DataPlane
internal import Health
internal import Proactor
internal import Routing
internal import Settings
internal import Synchronization
internal import Topology

/// The answer of GET /v1/status (design §6).
struct StatusDocument: Encodable {
    var node: String
    var datacenter: String
    var version: String
    var index: UInt64
    var ageMs: Int64
    var quorum: Bool
    /// Absent while none is known.
    var leader: String?
    var term: UInt64
    /// Why the node belongs to no group yet; absent when it does.
    var forming: String?
    var frozen: Bool
    /// Who froze automatic changes, when and why; absent while nobody has.
    var freeze: FreezeDocument?
    var uptimeS: Int64
    var members: [Member]
    var services: [Service]

    struct Member: Encodable {
        var id: String
        var datacenter: String
        var role: String
        var reachable: Bool
        /// The index that it has; absent where this node does not know it.
        var applied: UInt64?
    }

    struct Service: Encodable {
        var name: String
        var `protocol`: String
        var policy: String
        var endpointPolicy: String
        var consistency: String
        var primary: String?
        var epoch: UInt32?
        /// `stable`, or `switching` while traffic goes nowhere new.
        var state: String
        /// Where a switch under way goes.
        var target: String?
        /// For how much longer this node serves it without a lease, by an operator's word; absent: it does not.
        var withoutLeaseMs: Int64?
        var configDrift: Bool
        var requestsPerSecond: Double
        var requests: Int
        var datacenters: [Datacenter]
    }

    struct Datacenter: Encodable {
        var name: String
        var weight: Int
        var state: String
        var healthy: Double
        var share: Double
        var panic: Bool
        /// `up`, `down` or `abstains`, by voting datacenter: as the leader counts them, which tells the other nodes. A node
        /// that has heard no leader for five seconds shows what it sees itself, under its own datacenter.
        var votes: [String: String]
        var endpoints: [Endpoint]
    }

    struct Endpoint: Encodable {
        var address: String
        var weight: Int
        var state: String
        var inFlight: Int
        var requests: Int
        var errors: Int
    }
}

extension StatusDocument {
    init(_ context: AdminContext, _ snapshot: ControlSnapshot) {
        let settings = context.node.settings
        node = settings.node.id.text
        datacenter = settings.node.datacenter.text
        version = context.version
        index = snapshot.catalog.appliedIndex
        ageMs = context.control.age.wholeNanoseconds / 1_000_000
        let standing = snapshot.standing
        quorum = standing.hasQuorum
        leader = standing.leader?.text
        term = standing.term
        forming = standing.forming
        frozen = snapshot.catalog.isFrozen
        if frozen { freeze = FreezeDocument(snapshot.catalog.freeze) }
        uptimeS = (EventLoop.clock() - context.started).wholeNanoseconds / 1_000_000_000
        let applied = snapshot.catalog.appliedIndex
        members = standing.members.map {
            Member(
                id: $0.id.text, datacenter: $0.datacenter.text, role: $0.isVoter ? "voter" : "observer",
                reachable: $0.isReachable, applied: $0.id == settings.node.id ? applied : $0.applied)
        }
        let votes = KnownVotes(context)
        services = snapshot.table.services.map { Service($0, snapshot.catalog, votes, context) }
    }
}

extension StatusDocument.Service {
    init(_ routing: ServiceRouting, _ catalog: Catalog, _ votes: KnownVotes, _ context: AdminContext) {
        let definition = routing.definition
        let total = context.counters.service(routing.name).requests.load(ordering: .relaxed)
        name = routing.name.text
        `protocol` = definition.protocol.rawValue
        policy = definition.datacenterPolicy.rawValue
        endpointPolicy = definition.endpointPolicy.rawValue
        consistency = definition.failover.consistency.rawValue
        primary = routing.primary?.datacenter.text
        epoch = routing.primary?.epoch.count
        let record = catalog.primaryRecord(of: routing.name)
        let isSwitching = record?.state.isSwitching == true
        state = isSwitching ? "switching" : "stable"
        target = isSwitching ? record?.state.target.text : nil
        let rest = context.control.failover.withoutLease[routing.name].map { $0 - EventLoop.clock() } ?? .zero
        withoutLeaseMs = rest > .zero ? rest.wholeNanoseconds / 1_000_000 : nil
        configDrift = routing.hasConfigurationDrift
        requests = total
        requestsPerSecond = context.rates.rate(of: routing.name)
        datacenters = routing.datacenters.map {
            StatusDocument.Datacenter($0, votes: votes.on($0, of: routing.name), context)
        }
    }
}

extension StatusDocument.Datacenter {
    init(_ routing: DatacenterRouting, votes: [String: String], _ context: AdminContext) {
        name = routing.name.text
        weight = routing.weight
        state = routing.state.rawValue
        healthy = routing.healthyShare
        share = Double(routing.share.share) / 65_536
        panic = routing.share.panics
        self.votes = votes
        endpoints = routing.endpoints.map { endpoint in
            let counters = context.counters.endpoint(endpoint.id)
            return StatusDocument.Endpoint(
                address: endpoint.address.description, weight: endpoint.weight,
                state: StatusDocument.Endpoint.state(endpoint.state, endpoint.condition),
                inFlight: counters.inFlight.load(ordering: .relaxed),
                requests: counters.requests.load(ordering: .relaxed), errors: counters.errors.load(ordering: .relaxed))
        }
    }
}

extension StatusDocument.Endpoint {
    /// One word for an endpoint of which several things may hold: what an operator wants, then what its checks say,
    /// which outlasts an ejection, then what traffic found.
    static func state(_ state: OperatingState, _ condition: EndpointCondition) -> String {
        if state == .draining { return "draining" }
        if condition.isEjected, condition.health.takesTraffic { return "ejected" }
        return condition.health.rawValue
    }
}
