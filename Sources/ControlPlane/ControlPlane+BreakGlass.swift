// Owns the way out when the group is lost: an operator makes a node serve a strict service without a lease.
internal import Catalog
internal import Logging
internal import Proactor
public import Topology

/// An operator's word that the old primary cannot be written to any more, which no node can know.
public struct BreakGlass: Hashable, Sendable {
    /// The longest time that it may last; then somebody has to look again.
    public static let longest = Duration.seconds(24 * 3_600)

    public var service: ServiceName
    /// How long the node serves without a lease; nil: it needs one again from now on.
    public var duration: Duration?
    /// The datacenter to be served; nil: the primary that was agreed last.
    public var datacenter: DatacenterName?
    public var author: String
    public var reason: String

    public init(
        _ service: ServiceName, for duration: Duration?, in datacenter: DatacenterName? = nil, author: String,
        reason: String = ""
    ) {
        self.datacenter = datacenter
        self.service = service
        self.duration = duration
        self.author = author
        self.reason = reason
    }
}

extension ControlPlane {
    /// Makes this node, and no other, serve a service without a lease for a while. Needs no quorum, since it is meant
    /// for when there is none. It is logged, and shown in the node's status.
    ///
    /// - Parameter completion: called with nil once it is in force, otherwise with the reason why not.
    /// - Returns: false when too much waits; `completion` will not be called.
    public func serveWithoutLease(
        _ glass: BreakGlass, completion: @escaping @Sendable (LeaderRefusal?) -> Void
    ) -> Bool {
        control.post { [failoverBoard] in completion($0.serveWithoutLease(glass, failoverBoard)) }
    }
}

extension ControlLoop {
    fileprivate func serveWithoutLease(_ glass: BreakGlass, _ board: FailoverBoard) -> LeaderRefusal? {
        let service = glass.service
        guard let registration = ledger.catalog.registration(of: service) else {
            return LeaderRefusal(kind: .notFound, reason: "there is no service '\(service)'")
        }
        guard !ledger.isAlone, registration.hasPrimary, registration.consistency == .strict else {
            return LeaderRefusal(kind: .conflict, reason: "service '\(service)' is served without a lease anyway")
        }
        if let datacenter = glass.datacenter, !registration.datacenters.contains(where: { $0.name == datacenter }) {
            return LeaderRefusal(
                kind: .notFound, reason: "service '\(service)' has no datacenter '\(datacenter)'")
        }
        let end = glass.duration.map { MonotonicClock.now + min($0, BreakGlass.longest) }
        guard leases.breakGlass(service, until: end, in: glass.datacenter) else {
            return LeaderRefusal(kind: .conflict, reason: "the node has not opened service '\(service)' yet")
        }
        // The next table shows which endpoints of that datacenter are usable.
        setStale()
        board.show(withoutLease: service, until: end)
        let what = end == nil ? "a service needs its lease again" : "SERVING A STRICT SERVICE WITHOUT A LEASE"
        Logger(label: "group").warning(
            "\(what)",
            metadata: [
                "service": "\(service)", "datacenter": "\(leases.target(of: service)?.text ?? "")",
                "for": "\(glass.duration ?? .zero)", "author": "\(glass.author)",
                "reason": "\(glass.reason)",
            ])
        return nil
    }
}
