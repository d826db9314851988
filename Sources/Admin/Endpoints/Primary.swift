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
    var dry_run: Bool?
}

private struct PrimaryAnswer: Encodable {
    var service: String
    var primary: String
    var epoch: UInt32
    var dry_run: Bool
}

/// Moves the primary, unless the target has no usable endpoint and nobody insists.
struct SetPrimaryEndpoint: Endpoint {
    let method = "POST"
    let pattern = "/v1/services/{service}/primary"

    func answer(_ call: AdminCall) {
        guard let body = call.decode(PrimaryBody.self), let snapshot = call.context.control.snapshot else { return }
        let name = ServiceName(call.parameters["service"] ?? "")
        guard let service = snapshot.table.service(name) else {
            call.respond(.problem(404, "there is no service \"\(name)\""))
            return
        }
        guard let target = service.datacenters.first(where: { $0.name.text == body.datacenter }) else {
            call.respond(.problem(404, "service \"\(name)\" has no datacenter \"\(body.datacenter)\""))
            return
        }
        guard let primary = service.primary else {
            call.respond(.problem(409, "service \"\(name)\" has no primary: its datacenter_policy is not primary"))
            return
        }
        if body.force != true, let reason = Self.objection(target) {
            call.respond(.problem(409, "\(target.name) \(reason); \"force\": true moves the primary all the same"))
            return
        }
        if body.dry_run == true {
            let answer = PrimaryAnswer(
                service: name.text, primary: target.name.text, epoch: primary.epoch.count + 1, dry_run: true)
            call.respond(.json(200, answer))
            return
        }
        let change = CatalogChange.setPrimary(
            of: name, to: target.name, expectedEpoch: primary.epoch, cause: .operatorRequest)
        call.propose(change, reason: body.reason ?? "", force: body.force ?? false) { snapshot in
            let moved = snapshot.catalog.primary(of: name) ?? primary
            return .json(
                200,
                PrimaryAnswer(
                    service: name.text, primary: moved.datacenter.text, epoch: moved.epoch.count, dry_run: false))
        }
    }

    private static func objection(_ target: DatacenterRouting) -> String? {
        if target.state == .draining { return "is draining" }
        if target.endpointWeight == 0 { return "has no endpoint that takes requests" }
        return target.healthyWeight == 0 ? "has no healthy endpoint" : nil
    }
}
