// Owns a node's routing lease: when to ask for it, and until when it covers which services.
internal import Catalog
public import Topology

/// The lease of one process on one node (see the article Life of a failover).
///
/// A process starts without one. All ticks come from a clock that goes on during suspend. A grant counts for 0.99 of
/// its length from when the request was *sent*, because anything may have happened while it was on its way.
public struct RoutingLease: Sendable {
    /// Requests that may still be answered; older ones are given up.
    static let maximumPending = 8

    private struct Pending: Sendable {
        var number: UInt64
        var sentAt: Tick
    }

    private let process: UInt64
    private let mutations: SwitchingMutations
    private var number: UInt64 = 0
    private var pending: [Pending] = []
    /// The end for services that are not in `behind`.
    private var end = Tick.zero
    /// The end for services that the last grant was not for. Only looked up.
    private var behind: [ServiceName: Tick] = [:]
    private var period: Duration

    /// When the next request is due: a quarter of a lease after the last. It may be made earlier, for example when a
    /// leader was elected.
    public private(set) var nextRequest = Tick.zero

    /// - Parameters:
    ///   - process: random, different in every process.
    ///   - lease: the length that the group uses, as far as the node knows.
    public init(process: UInt64, lease: Duration) { self.init(process: process, lease: lease, mutations: []) }

    package init(process: UInt64, lease: Duration, mutations: SwitchingMutations) {
        self.process = process
        self.mutations = mutations
        period = lease / 4
    }

    /// Takes the length that the group now uses. It changes when requests are due; leases end as granted.
    public mutating func adopt(lease: Duration) { period = lease / 4 }

    /// A request to send at `now`.
    public mutating func request(
        appliedIndex: UInt64, acknowledgements: [EpochAcknowledgement] = [], now: Tick
    ) -> LeaseRequest {
        number += 1
        if pending.count == Self.maximumPending { pending.removeFirst() }
        pending.append(Pending(number: number, sentAt: now))
        nextRequest = now + period
        return LeaseRequest(
            process: process, number: number, appliedIndex: appliedIndex, acknowledgements: acknowledgements)
    }

    /// Takes a grant that arrived at `now`; drops one that answers no request of this process, or an older request than
    /// the last grant taken.
    ///
    /// - Returns: whether it was taken; then `end(of:)` has to be asked again.
    public mutating func receive(_ grant: LeaseGrant, now: Tick) -> Bool {
        guard grant.process == process || mutations.contains(.grantOfAnotherProcess),
            let request = pending.first(where: { $0.number == grant.number }), grant.lease > .zero
        else { return false }
        pending.removeAll { $0.number <= grant.number }
        let start = mutations.contains(.leaseCountedFromReceipt) ? now : request.sentAt
        var stillBehind: [ServiceName: Tick] = [:]
        for service in grant.without { stillBehind[service] = behind[service] ?? end }
        behind = stillBehind
        end = max(end, start + grant.lease.countedByNode)
        return true
    }

    /// When the lease for a service ends or ended; `zero` when there was none.
    public func end(of service: ServiceName) -> Tick { behind[service] ?? end }
}
