// Owns GET /v1/status and GET /v1/services/{service}: the state that people and programs look at.
internal import Balancing
internal import Catalog
internal import ControlPlane
internal import DataPlane
internal import HTTPTransport
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
    var age_ms: Int64
    var quorum: Bool
    var leader: String
    var term: Int
    var frozen: Bool
    var uptime_s: Int64
    var members: [Member]
    var services: [Service]

    struct Member: Encodable {
        var id: String
        var datacenter: String
        var role: String
        var reachable: Bool
        var applied: UInt64
    }

    struct Service: Encodable {
        var name: String
        var `protocol`: String
        var policy: String
        var endpoint_policy: String
        var consistency: String
        var primary: String?
        var epoch: UInt32?
        var state: String
        var config_drift: Bool
        var requests_per_second: Double
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
        var votes: [String: String]
        var endpoints: [Endpoint]
    }

    struct Endpoint: Encodable {
        var address: String
        var weight: Int
        var state: String
        var in_flight: Int
        var requests: Int
        var errors: Int
    }
}

extension StatusDocument {
    init(_ context: AdminContext, _ snapshot: ControlSnapshot) {
        let settings = context.settings
        let now = EventLoop.clock()
        node = settings.node.id.text
        datacenter = settings.node.datacenter.text
        version = context.version
        index = snapshot.catalog.appliedIndex
        age_ms = (now - snapshot.takenAt).wholeNanoseconds / 1_000_000
        quorum = true
        leader = settings.node.id.text
        term = 1
        frozen = snapshot.catalog.isFrozen
        let uptime = (now - context.started).wholeNanoseconds
        uptime_s = uptime / 1_000_000_000
        members = [
            Member(
                id: node, datacenter: datacenter, role: "voter", reachable: true,
                applied: snapshot.catalog.appliedIndex)
        ]
        services = snapshot.table.services.map { Service($0, context, uptime: Double(uptime) / 1e9) }
    }
}

extension StatusDocument.Service {
    init(_ routing: ServiceRouting, _ context: AdminContext, uptime: Double) {
        let definition = routing.definition
        let total = context.counters.service(routing.name).requests.load(ordering: .relaxed)
        name = routing.name.text
        `protocol` = definition.protocol.rawValue
        policy = definition.datacenterPolicy.rawValue
        endpoint_policy = definition.endpointPolicy.rawValue
        consistency = definition.failover.consistency.rawValue
        primary = routing.primary?.datacenter.text
        epoch = routing.primary?.epoch.count
        state = "stable"
        config_drift = routing.hasConfigurationDrift
        requests = total
        requests_per_second = context.rates.rate(of: routing.name, total: total)
        datacenters = routing.datacenters.map { StatusDocument.Datacenter($0, context) }
    }
}

extension StatusDocument.Datacenter {
    init(_ routing: DatacenterRouting, _ context: AdminContext) {
        name = routing.name.text
        weight = routing.weight
        state = routing.state.rawValue
        healthy = routing.healthyShare
        share = Double(routing.share.share) / 65_536
        panic = routing.share.panics
        votes = [context.settings.node.datacenter.text: routing.healthyShare >= 0.01 ? "up" : "down"]
        endpoints = routing.endpoints.map { endpoint in
            let counters = context.counters.endpoint(endpoint.id)
            return StatusDocument.Endpoint(
                address: endpoint.address.description, weight: endpoint.weight, state: Self.state(endpoint),
                in_flight: counters.inFlight.load(ordering: .relaxed),
                requests: counters.requests.load(ordering: .relaxed), errors: counters.errors.load(ordering: .relaxed))
        }
    }

    private static func state(_ endpoint: EndpointRouting) -> String {
        if endpoint.state == .draining { return "draining" }
        if endpoint.condition.isEjected { return "ejected" }
        return endpoint.condition.health.rawValue
    }
}

/// GET /v1/status
struct StatusEndpoint: Endpoint {
    let method = "GET"
    let pattern = "/v1/status"

    func answer(_ call: AdminCall) {
        guard let snapshot = call.context.control.snapshot else {
            call.respond(.problem(503, "no state yet"))
            return
        }
        var response = HTTPResponse.json(200, StatusDocument(call.context, snapshot))
        response.fields.append(("ETag", "\"\(snapshot.catalog.appliedIndex)\""))
        response.fields.append(("Meridian-Index", "\(snapshot.catalog.appliedIndex)"))
        call.respond(response)
    }
}

/// GET /v1/services/{service}
struct ServiceEndpoint: Endpoint {
    let method = "GET"
    let pattern = "/v1/services/{service}"

    func answer(_ call: AdminCall) {
        guard let snapshot = call.context.control.snapshot else {
            call.respond(.problem(503, "no state yet"))
            return
        }
        call.respond(Self.document(call, snapshot))
    }

    /// The service's document with its tag; 404 without such a service.
    static func document(_ call: AdminCall, _ snapshot: ControlSnapshot) -> HTTPResponse {
        let name = ServiceName(call.parameters["service"] ?? "")
        let status = StatusDocument(call.context, snapshot)
        guard let service = status.services.first(where: { $0.name == name.text }) else {
            return .problem(404, "there is no service \"\(name)\"")
        }
        var response = HTTPResponse.json(200, service)
        if let index = snapshot.catalog.changeIndex(of: name) { response.fields.append(("ETag", "\"\(index)\"")) }
        return response
    }
}
