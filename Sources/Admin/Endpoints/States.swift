// Owns PUT of states: draining and active.
internal import Catalog
internal import HTTPTransport
internal import Topology

extension AdminCall {
    fileprivate func setState() {
        guard let target = target(), let body = decode(StateBody.self), let until = expiry(body.expiresIn) else {
            return
        }
        guard let state = OperatingState(rawValue: body.state) else {
            respond(.problem(400, "\"state\" is \"active\" or \"draining\""))
            return
        }
        if state == .active, body.expiresIn != nil {
            respond(.problem(400, "\"expires_in\" is for \"draining\": what is active has no override to expire"))
            return
        }
        override(.setState(state, of: target, until: until), reason: body.reason, force: body.force)
    }
}

extension APIOperation {
    fileprivate static func settingState(_ summary: String) -> APIOperation {
        APIOperation(
            .command, summary, query: [.force], body: .required(StateBody.self),
            answers: .document(ServiceDocument.self), fields: [.tag])
    }
}

struct SetDatacenterStateHandler: AdminHandler {
    let method = "PUT"
    let pattern = "/v1/services/{service}/datacenters/{datacenter}/state"
    let operation = APIOperation.settingState("Drains a datacenter, or makes it active again.")

    func answer(_ call: AdminCall) { call.setState() }
}

struct SetEndpointStateHandler: AdminHandler {
    let method = "PUT"
    let pattern = "/v1/services/{service}/datacenters/{datacenter}/endpoints/{address}/state"
    let operation = APIOperation.settingState("Drains an endpoint, or makes it active again.")

    func answer(_ call: AdminCall) { call.setState() }
}
