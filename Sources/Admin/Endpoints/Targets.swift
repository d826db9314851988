// Owns what changes of weights and states have in common: the target, the expiry, and the answer.
internal import Catalog
internal import ControlPlane
internal import HTTPTransport
internal import Settings
internal import Topology

extension AdminCall {
    /// The datacenter or endpoint that the path names; answers 404 and returns nil for an invalid address.
    func target() -> OverrideTarget? {
        let service = ServiceName(parameters["service"] ?? "")
        let datacenter = DatacenterName(parameters["datacenter"] ?? "")
        guard let text = parameters["address"] else { return OverrideTarget(service: service, datacenter: datacenter) }
        guard let address = Address(text) else {
            respond(.problem(404, "'\(text)' is no address of an endpoint"))
            return nil
        }
        return OverrideTarget(service: service, datacenter: datacenter, endpoint: address)
    }

    /// The end of an override that lasts for `text`; answers 400 and returns nil if that is not a duration.
    func expiry(_ text: String?) -> UnixTime?? {
        guard let text else { return .some(nil) }
        guard let duration = DurationText.read(text), duration > .zero else {
            respond(.problem(400, "\"expires_in\" is not a duration such as \"1h\" or \"90s\""))
            return nil
        }
        let now = ControlPlane.wallClock().milliseconds
        let (end, overflow) = now.addingReportingOverflow(duration.wholeNanoseconds / 1_000_000)
        return .some(UnixTime(milliseconds: overflow ? .max : end))
    }

    /// Proposes an override and answers with the service.
    func override(_ change: CatalogChange, reason: String?, force: Bool?) {
        let insists = force ?? request.queryFlag("force") ?? false
        propose(change, reason: reason, force: insists) { ServiceHandler.document(self, $0) }
    }
}
