// Owns PUT of states: draining and active.
internal import Catalog
internal import HTTPTransport
internal import Topology

private struct StateBody: Decodable {
    var state: String
    var expires_in: String?
    var reason: String?
}

extension AdminCall {
    fileprivate func setState() {
        guard let target = target(), let body = decode(StateBody.self), let until = expiry(body.expires_in) else {
            return
        }
        guard let state = OperatingState(rawValue: body.state) else {
            respond(.problem(400, "\"state\" is \"active\" or \"draining\""))
            return
        }
        let force = request.queryItem("force") == "true"
        propose(.setState(state, of: target, until: until), reason: body.reason ?? "", force: force) {
            ServiceEndpoint.document(self, $0)
        }
    }
}

struct SetDatacenterStateEndpoint: Endpoint {
    let method = "PUT"
    let pattern = "/v1/services/{service}/datacenters/{datacenter}/state"
    func answer(_ call: AdminCall) { call.setState() }
}

struct SetEndpointStateEndpoint: Endpoint {
    let method = "PUT"
    let pattern = "/v1/services/{service}/datacenters/{datacenter}/endpoints/{address}/state"
    func answer(_ call: AdminCall) { call.setState() }
}
