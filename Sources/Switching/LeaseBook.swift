// Owns the leader's record of the leases that it granted: who may hold one for which service, and until when at the
// latest.
internal import Catalog
internal import Topology

/// Leases by holder. Former members stay until their lease is over.
struct LeaseBook: Sendable {
    private struct Lease: Sendable {
        var holder: LeaseHolder
        /// The end for services that are not in `behind`.
        var end: Tick
        /// The end for services that the last grant was not for. Only looked up.
        var behind: [ServiceName: Tick] = [:]

        func end(of service: ServiceName) -> Tick { behind[service] ?? end }

        var lastEnd: Tick { behind.values.reduce(end, max) }
    }

    /// By holder.
    private var leases: [Lease] = []

    mutating func grant(to holder: LeaseHolder, until end: Tick, without services: [ServiceName]) {
        let position = leases.firstIndex { $0.holder >= holder } ?? leases.count
        if position == leases.count || leases[position].holder != holder {
            leases.insert(Lease(holder: holder, end: .zero), at: position)
        }
        let old = leases[position]
        leases[position].behind = [:]
        for service in services { leases[position].behind[service] = old.end(of: service) }
        // Even when leases have been made shorter, this one ends no earlier than promised.
        leases[position].end = max(old.end, end)
    }

    /// Those whose lease for the service is not over at `now`, by name, with its end.
    func holders(of service: ServiceName, now: Tick) -> [(holder: LeaseHolder, end: Tick)] {
        leases.compactMap { lease in
            let end = lease.end(of: service)
            return end > now ? (lease.holder, end) : nil
        }
    }

    mutating func dropEnded(now: Tick) { leases.removeAll { $0.lastEnd <= now } }

    /// For a seeded bug.
    mutating func drop(where isDropped: (LeaseHolder) -> Bool) { leases.removeAll { isDropped($0.holder) } }
}
