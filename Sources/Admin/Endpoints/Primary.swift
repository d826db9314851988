// Owns POST /v1/services/{service}/primary: an operator moves a primary.
internal import Catalog
internal import ControlPlane
internal import HTTPTransport
internal import Routing
internal import Topology

private struct PrimaryBody: Decodable {
    var datacenter: String
    var reason: String?
    var force: Bool?
    var dryRun: Bool?

    enum CodingKeys: String, CodingKey {
        case datacenter, reason, force
        case dryRun = "dry_run"
    }
}

private struct PrimaryAnswer: Encodable {
    var service: String
    var primary: String
    var epoch: UInt32
    var dryRun: Bool
}

/// Moves the primary, unless the target has no usable endpoint and nobody insists.
struct SetPrimaryEndpoint: Endpoint {
    let method = "POST"
    let pattern = "/v1/services/{service}/primary"

    func answer(_ call: AdminCall) {
        guard let body = call.decode(PrimaryBody.self), let snapshot = call.snapshot else { return }
        let name = ServiceName(call.parameters["service"] ?? "")
        guard let service = snapshot.table.service(name) else {
            call.respond(.problem(404, "there is no service '\(name)'"))
            return
        }
        guard let target = service.datacenters.first(where: { $0.name.text == body.datacenter }) else {
            call.respond(.problem(404, "service '\(name)' has no datacenter '\(body.datacenter)'"))
            return
        }
        guard let primary = service.primary else {
            call.respond(.problem(409, "service '\(name)' has no primary: its datacenter_policy is another"))
            return
        }
        if body.force != true, primary.datacenter != target.name, let objection = Self.objection(target) {
            call.respond(.problem(409, "datacenter '\(target.name)' \(objection) (use force)"))
            return
        }
        if body.dryRun == true {
            let epoch = primary.datacenter == target.name ? primary.epoch : primary.epoch.next ?? primary.epoch
            call.respond(.json(200, Self.document(name, target.name, epoch, dryRun: true)))
            return
        }
        // The epoch that was looked at: if another moved the primary meanwhile, this is refused. A retry under the same
        // key must not be taken for another command, so it leaves that to the catalog's memory of keys.
        let expected = call.request[field: "idempotency-key"] == nil ? primary.epoch : nil
        let change = CatalogChange.setPrimary(
            of: name, to: target.name, expectedEpoch: expected, cause: .operatorRequest)
        call.propose(change, reason: body.reason, force: body.force ?? false) { snapshot in
            let moved = snapshot.catalog.primary(of: name) ?? primary
            return .json(200, Self.document(name, moved.datacenter, moved.epoch, dryRun: false))
        }
    }

    private static func document(
        _ service: ServiceName, _ primary: DatacenterName, _ epoch: Epoch, dryRun: Bool
    ) -> PrimaryAnswer {
        PrimaryAnswer(service: service.text, primary: primary.text, epoch: epoch.count, dryRun: dryRun)
    }

    private static func objection(_ target: DatacenterRouting) -> String? {
        if target.state == .draining { return "is draining" }
        if target.endpointWeight == 0 { return "has no endpoint that takes requests" }
        return target.healthyWeight == 0 ? "has no healthy endpoint" : nil
    }
}
