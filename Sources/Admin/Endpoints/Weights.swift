// Owns PUT and DELETE of weights, of datacenters and endpoints.
internal import Catalog
internal import HTTPTransport
internal import Topology

extension AdminCall {
    fileprivate func setWeight() {
        guard let target = target(), let body = decode(WeightBody.self), let until = expiry(body.expiresIn) else {
            return
        }
        override(.setWeight(body.weight, of: target, until: until), reason: body.reason, force: body.force)
    }

    fileprivate func resetWeight() {
        guard let target = target() else { return }
        override(.resetWeight(of: target), reason: request.queryItem("reason"), force: nil)
    }
}

extension APIOperation {
    fileprivate static func settingWeight(_ summary: String) -> APIOperation {
        APIOperation(
            .command, summary, query: [.force], body: .required(WeightBody.self),
            answers: .document(ServiceDocument.self), fields: [.tag])
    }

    fileprivate static func resettingWeight(_ summary: String) -> APIOperation {
        APIOperation(
            .command, summary, query: [.reason, .force], answers: .document(ServiceDocument.self), fields: [.tag])
    }
}

struct SetDatacenterWeightHandler: AdminHandler {
    let method = "PUT"
    let pattern = "/v1/services/{service}/datacenters/{datacenter}/weight"
    let operation = APIOperation.settingWeight("Sets the weight of a datacenter over that of the file.")

    func answer(_ call: AdminCall) { call.setWeight() }
}

struct ResetDatacenterWeightHandler: AdminHandler {
    let method = "DELETE"
    let pattern = "/v1/services/{service}/datacenters/{datacenter}/weight"
    let operation = APIOperation.resettingWeight("Returns a datacenter to the weight of the file.")

    func answer(_ call: AdminCall) { call.resetWeight() }
}

struct SetEndpointWeightHandler: AdminHandler {
    let method = "PUT"
    let pattern = "/v1/services/{service}/datacenters/{datacenter}/endpoints/{address}/weight"
    let operation = APIOperation.settingWeight("Sets the weight of an endpoint over that of the file.")

    func answer(_ call: AdminCall) { call.setWeight() }
}

struct ResetEndpointWeightHandler: AdminHandler {
    let method = "DELETE"
    let pattern = "/v1/services/{service}/datacenters/{datacenter}/endpoints/{address}/weight"
    let operation = APIOperation.resettingWeight("Returns an endpoint to the weight of the file.")

    func answer(_ call: AdminCall) { call.resetWeight() }
}
