// Owns PUT and DELETE of weights, of datacenters and endpoints.
internal import Catalog
internal import ControlPlane
internal import HTTPTransport
internal import Settings
internal import Topology

/// The body of a change of weight.
private struct WeightBody: Decodable {
    var weight: Int
    var expires_in: String?
    var reason: String?
}

extension AdminCall {
    /// The datacenter or endpoint that the path names; answers 404 and returns nil for an address that is none.
    func target() -> OverrideTarget? {
        let service = ServiceName(parameters["service"] ?? "")
        let datacenter = DatacenterName(parameters["datacenter"] ?? "")
        guard let text = parameters["address"] else { return OverrideTarget(service: service, datacenter: datacenter) }
        guard let address = Address(text) else {
            respond(.problem(404, "\"\(text)\" is no address of an endpoint"))
            return nil
        }
        return OverrideTarget(service: service, datacenter: datacenter, endpoint: address)
    }

    /// The end of an override that lasts for `text`; answers 400 and returns nil when that is no duration.
    func expiry(_ text: String?) -> UnixTime?? {
        guard let text else { return .some(nil) }
        guard let duration = DurationText.read(text), duration > .zero else {
            respond(.problem(400, "\"expires_in\" is not a duration such as \"1h\" or \"90s\""))
            return nil
        }
        let now = ControlPlane.wallClock().milliseconds
        return .some(UnixTime(milliseconds: now + duration.wholeNanoseconds / 1_000_000))
    }

    fileprivate func setWeight() {
        guard let target = target(), let body = decode(WeightBody.self), let until = expiry(body.expires_in) else {
            return
        }
        guard (0...256).contains(body.weight) else {
            respond(.problem(400, "\"weight\" is between 0 and 256"))
            return
        }
        let force = request.queryItem("force") == "true"
        propose(.setWeight(body.weight, of: target, until: until), reason: body.reason ?? "", force: force) {
            ServiceEndpoint.document(self, $0)
        }
    }

    fileprivate func resetWeight() {
        guard let target = target() else { return }
        propose(.resetWeight(of: target), reason: "") { ServiceEndpoint.document(self, $0) }
    }
}

struct SetDatacenterWeightEndpoint: Endpoint {
    let method = "PUT"
    let pattern = "/v1/services/{service}/datacenters/{datacenter}/weight"
    func answer(_ call: AdminCall) { call.setWeight() }
}

struct ResetDatacenterWeightEndpoint: Endpoint {
    let method = "DELETE"
    let pattern = "/v1/services/{service}/datacenters/{datacenter}/weight"
    func answer(_ call: AdminCall) { call.resetWeight() }
}

struct SetEndpointWeightEndpoint: Endpoint {
    let method = "PUT"
    let pattern = "/v1/services/{service}/datacenters/{datacenter}/endpoints/{address}/weight"
    func answer(_ call: AdminCall) { call.setWeight() }
}

struct ResetEndpointWeightEndpoint: Endpoint {
    let method = "DELETE"
    let pattern = "/v1/services/{service}/datacenters/{datacenter}/endpoints/{address}/weight"
    func answer(_ call: AdminCall) { call.resetWeight() }
}
