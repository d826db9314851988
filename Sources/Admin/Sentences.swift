// Owns the sentences that describe events to people.
internal import Catalog
internal import Topology

extension CatalogEvent.Kind {
    /// One sentence without a full stop.
    var sentence: String {
        switch self {
        case .serviceRegistered(let service): "service \(service) was registered"
        case .serviceRetired(let service): "service \(service) left the settings"
        case .weightChanged(let target, let before?, let after?) where before == after:
            "weight of \(target.text) stays \(after) until another time"
        case .weightChanged(let target, let before, let after):
            "weight of \(target.text) went from \(Self.text(before)) to \(Self.text(after))"
        case .stateChanged(let target, let state): "\(target.text) is \(state.rawValue)"
        case .switchBegan(let service, let from, let to, let epoch, let cause):
            "primary of \(service) is going from \(from) to \(to), epoch \(epoch.count)\(Self.text(cause, isBegun: true))"
        case .primaryChanged(let service, let from, let to, let epoch, let cause) where from == to:
            "primary of \(service) stays \(to), epoch \(epoch.count)\(Self.text(cause))"
        case .primaryChanged(let service, let from, let to, let epoch, let cause):
            "primary of \(service) went from \(from?.text ?? "none") to \(to), epoch \(epoch.count)\(Self.text(cause))"
        case .overrideExpired(let target, let kind): "the \(kind.rawValue) override of \(target.text) expired"
        case .memberDescribed(let member): "member \(member) said what it is"
        case .memberForgotten(let member): "member \(member) was removed"
        case .leaseChanged(let before, let after) where before == after: "leases last \(after)"
        case .leaseChanged(let before, let after): "leases last \(after) instead of \(before)"
        case .frozen(let isFrozen): isFrozen ? "automatic changes were frozen" : "automatic changes were allowed again"
        }
    }

    /// An operator's request needs no explanation; nor does an automatic begin, whose author and reason explain it.
    private static func text(_ cause: PrimaryCause, isBegun: Bool = false) -> String {
        switch cause {
        case .operatorRequest, .registration: ""
        case .removedFromSettings: ", because the settings no longer list it"
        case .automatic: isBegun ? "" : ", by failover"
        case .failback: isBegun ? "" : ", by failback"
        }
    }

    private static func text(_ weight: Int?) -> String { weight.map(String.init) ?? "the settings' value" }
}

extension OverrideTarget {
    /// `service datacenter` or `service datacenter/endpoint`.
    var text: String { endpoint.map { "\(service) \(datacenter)/\($0)" } ?? "\(service) \(datacenter)" }
}
