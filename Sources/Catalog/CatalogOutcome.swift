// Owns the result of applying a command: done, or a reason that tells the author what to do.
public import Topology

/// The answer to a command; the same on every node.
public enum CatalogOutcome: Hashable, Sendable {
    /// The command is done. `changed` is false when everything already was as it asks.
    case applied(index: UInt64, changed: Bool)
    case refused(CatalogRefusal)
}

/// Why a command changed nothing.
public enum CatalogRefusal: Error, Hashable {
    case unknownService(ServiceName)
    case unknownDatacenter(DatacenterName, service: ServiceName)
    case unknownEndpoint(Address, datacenter: DatacenterName, service: ServiceName)
    /// The service has no `datacenter_policy: primary`.
    case noPrimary(ServiceName)
    /// A service needs at least one datacenter.
    case noDatacenters(ServiceName)
    /// A registration has a name or an address twice.
    case listedTwice(String)
    /// A weight must be 0-256.
    case weightOutOfRange(Int)
    /// The expiry is not later than the time at which the command was proposed.
    case expiryInThePast
    /// `If-Match` named an index other than that of the last change.
    case indexMismatch(current: UInt64)
    /// The primary has changed since the author looked.
    case epochMismatch(current: Epoch)
    /// The service's 2^31 epochs are used up.
    case epochsExhausted(ServiceName)
    /// The new primary is draining, or it or all of its endpoints have the weight 0.
    case targetTakesNoTraffic(DatacenterName, service: ServiceName)
    /// No part of the service would take traffic any more.
    case wouldStopService(ServiceName)
    /// The primary would no longer take traffic; set another primary first.
    case wouldStopPrimary(DatacenterName, service: ServiceName)
    /// More than half of the service's datacenters would take no traffic.
    case wouldRemoveMost(ServiceName)
    /// Automatic changes are frozen.
    case frozen
    /// The automatic move was decided in a term that is over.
    case termIsOver(current: UInt64)
    /// No switch is under way that could be completed.
    case noSwitch(ServiceName)
    /// What is registered is not what the author expected; nil: the service is not registered.
    case registrationChanged(current: UInt64?)
    /// A setting has an impossible value.
    case valueOutOfRange(String)
    case unknownMember(NodeID)
    /// The lease was changed less than twice its length ago, so nodes may still hold one of the previous length.
    case leaseChangedRecently
    /// The key was used for another command within the last hour.
    case idempotencyKeyReused
    case textTooLong(field: String, limit: Int)
    case tableFull(String, limit: Int)
    /// The log delivered an index that was already applied.
    case alreadyApplied(index: UInt64)
}

extension CatalogRefusal: CustomStringConvertible {
    /// One sentence for an operator, without a full stop.
    public var description: String {
        switch self {
        case .unknownService(let service): "there is no service '\(service)'"
        case .unknownDatacenter(let datacenter, let service): "service '\(service)' has no datacenter '\(datacenter)'"
        case .unknownEndpoint(let address, let datacenter, let service):
            "service '\(service)' has no endpoint \(address) in datacenter '\(datacenter)'"
        case .noPrimary(let service): "service '\(service)' has no primary: its datacenter_policy is another"
        case .noDatacenters(let service): "service '\(service)' has no datacenter"
        case .listedTwice(let name): "'\(name)' is listed twice"
        case .weightOutOfRange(let weight): "a weight is 0-256, not \(weight)"
        case .expiryInThePast: "the expiry is not in the future"
        case .indexMismatch(let current): "it has changed since: its last change is at index \(current)"
        case .epochMismatch(let current): "the primary has changed since: its epoch is \(current.count)"
        case .epochsExhausted(let service): "service '\(service)' has used all of its epochs"
        case .targetTakesNoTraffic(let datacenter, let service):
            "datacenter '\(datacenter)' of service '\(service)' takes no traffic: it is draining or at weight 0 (use force)"
        case .wouldStopService(let service):
            "service '\(service)' would have no datacenter left that takes traffic (use force)"
        case .wouldStopPrimary(let datacenter, let service):
            "datacenter '\(datacenter)' is the primary of service '\(service)': set another primary first (or use force)"
        case .wouldRemoveMost(let service):
            "more than half of the datacenters of service '\(service)' would take no traffic (use force)"
        case .frozen: "automatic changes are frozen"
        case .termIsOver(let current): "the move was decided in an earlier term than \(current)"
        case .noSwitch(let service): "no switch of service '\(service)' is under way"
        case .registrationChanged(nil): "the service is not registered"
        case .registrationChanged: "the service is registered with other settings than expected"
        case .valueOutOfRange(let name): "\(name) is out of its range"
        case .unknownMember(let member): "there is no member '\(member)' of that incarnation"
        case .leaseChangedRecently: "the lease was changed too recently: wait twice its length"
        case .idempotencyKeyReused: "the idempotency key was used for another command"
        case .textTooLong(let field, let limit): "\(field) exceeds \(limit) bytes"
        case .tableFull(let table, let limit): "there are \(limit) \(table), the most there may be"
        case .alreadyApplied(let index): "index \(index) was applied before"
        }
    }
}
