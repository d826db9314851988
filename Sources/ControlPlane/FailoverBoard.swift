// Owns what this node knows about failover, for the threads that show it: votes, reasons to hold, moves.
public import Failover
internal import Synchronization
public import Topology

/// Votes and counts at one moment.
public struct FailoverFigures: Sendable {
    /// How the datacenters vote: counted here while this node leads, otherwise as the leader last reported.
    public internal(set) var votes: VoteReport?
    /// When `votes` were known to hold.
    public internal(set) var votesAt = Tick.zero
    /// Reasons to hold, and moves; they grow only while this node leads.
    public internal(set) var counts = HoldCounts()
    /// Until when operators let this node serve services without a lease.
    public internal(set) var withoutLease: [ServiceName: Tick] = [:]

    /// The strict services, and whether this node has a lease for them.
    public internal(set) var leases: [ServiceName: ServiceLease] = [:]

    init() {}
}

/// Where the control thread leaves them.
final class FailoverBoard: Sendable {
    private let shown = Mutex(FailoverFigures())

    var figures: FailoverFigures { shown.withLock { $0 } }

    func show(_ votes: VoteReport, at now: Tick) {
        shown.withLock {
            $0.votes = votes
            $0.votesAt = now
        }
    }

    /// The votes are unchanged since the last report.
    func confirm(at now: Tick) { shown.withLock { $0.votesAt = now } }

    /// nil: it needs its lease again.
    func show(withoutLease service: ServiceName, until end: Tick?) {
        shown.withLock { $0.withoutLease[service] = end }
    }

    /// - Returns: the services whose time without a lease is over at `now`; each is given once.
    func endWithoutLease(at now: Tick) -> [ServiceName] {
        shown.withLock { figures in
            let over = figures.withoutLease.filter { $0.value <= now }.keys.sorted()
            for service in over { figures.withoutLease[service] = nil }
            return over
        }
    }

    func show(_ leases: [ServiceName: ServiceLease]) { shown.withLock { $0.leases = leases } }

    func show(_ counts: HoldCounts) { shown.withLock { $0.counts = counts } }
}
